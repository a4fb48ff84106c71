#include "dns/rate_limit.hpp"

#include <algorithm>

namespace lab::dns {
namespace {

std::uint64_t mix(std::uint64_t x) {  // the finaliser of SplitMix64
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
  x = (x ^ x >> 27) * 0x94d049bb133111ebU;
  return x ^ x >> 31;
}

}  // namespace

RateLimiter::RateLimiter(const RateLimits& limits, std::uint64_t key)
    : limits_(limits), key_(key), slots_(new std::atomic<std::uint64_t>[kSlots] {}) {}

bool RateLimiter::exempts(const IpAddress& address) const {
  return std::any_of(limits_.exempt.begin(), limits_.exempt.end(),
                     [&](const Network& n) { return n.contains(address); });
}

std::string RateLimiter::network_text(const IpAddress& address) const {
  return Network::of(address, address.is_v4() ? limits_.ipv4_prefix : limits_.ipv6_prefix).text();
}

RateLimiter::Verdict RateLimiter::judge(std::span<const std::uint8_t> address, Kind kind, std::uint64_t name,
                                        std::uint64_t now) {
  const unsigned rate = kind == Kind::Answer     ? limits_.responses
                        : kind == Kind::NxDomain ? limits_.nxdomains
                                                 : limits_.errors;
  if (rate == 0) return Verdict::Send;
  // The network: at most the first eight bytes of an address matter.
  std::uint64_t network = 0;
  for (unsigned i = 0; i < 8; ++i) network = network << 8 | (i < address.size() ? address[i] : 0U);
  const unsigned prefix = std::min(address.size() == 4 ? limits_.ipv4_prefix : limits_.ipv6_prefix, 64U);
  network &= prefix == 0 ? 0 : ~std::uint64_t{0} << (64 - prefix);
  const std::uint64_t who =
      mix(mix(network ^ key_) ^ name ^ (static_cast<std::uint64_t>(kind) + 1) << 56 ^ address.size());
  constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << (64 - kTagBits)) - 1;
  const std::uint64_t tag = (who >> (64 - kTagBits) | 1) << (64 - kTagBits);
  std::atomic<std::uint64_t>* const set = &slots_[who % (kSlots / kWays) * kWays];

  const std::uint64_t step = 1'000'000 / rate, ahead = std::uint64_t{limits_.burst} * 1'000'000;
  for (;;) {
    // The slot of this asker, else the one whose owner has been silent longest.
    std::atomic<std::uint64_t>* slot = set;
    std::uint64_t held = set[0].load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < kWays; ++i) {
      const std::uint64_t word = set[i].load(std::memory_order_relaxed);
      if ((word & ~kTimeMask) == tag) {
        slot = &set[i];
        held = word;
        break;
      }
      if ((word & kTimeMask) < (held & kTimeMask)) {
        slot = &set[i];
        held = word;
      }
    }
    const std::uint64_t used_until = (held & ~kTimeMask) == tag ? std::max(held & kTimeMask, now) : now;
    if (used_until - now >= ahead) {
      const auto n = limited_.fetch_add(1, std::memory_order_relaxed);
      return limits_.slip > 0 && n % limits_.slip == 0 ? Verdict::Slip : Verdict::Drop;
    }
    if (slot->compare_exchange_weak(held, tag | ((used_until + step) & kTimeMask), std::memory_order_relaxed))
      return Verdict::Send;
  }
}

}  // namespace lab::dns
