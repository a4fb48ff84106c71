#include "dns/edns.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lab::dns {

bool read_options(std::span<const std::uint8_t> options, Edns& edns) {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::size_t length = get16(&options[2]);
    if (options.size() - 4 < length) return false;
    const auto data = options.subspan(4, length);
    switch (get16(options.data())) {
      case option::NSID: edns.wants_nsid = true; break;
      case option::EXPIRE: edns.wants_expire = true; break;
      case option::KEEPALIVE: edns.wants_keepalive = true; break;
      case option::PADDING: edns.padded = true; break;
      case option::COOKIE:
        if (length != 8 && (length < 16 || length > 40)) return false;
        if (edns.cookie.empty()) edns.cookie = data;  // RFC 7873 5.2: only the first one counts
        break;
    }
    options = options.subspan(4 + length);
  }
  return true;
}

std::uint64_t siphash(const Cookies::Secret& key, std::span<const std::uint8_t> bytes) {
  const auto word = [](const std::uint8_t* p) {
    std::uint64_t w = 0;
    for (unsigned i = 0; i < 8; ++i) w |= std::uint64_t{p[i]} << 8 * i;
    return w;
  };
  const std::uint64_t k0 = word(key.data()), k1 = word(key.data() + 8);
  std::uint64_t v0 = k0 ^ 0x736f6d6570736575U, v1 = k1 ^ 0x646f72616e646f6dU, v2 = k0 ^ 0x6c7967656e657261U,
                v3 = k1 ^ 0x7465646279746573U;
  const auto rounds = [&](unsigned n) {
    for (; n > 0; --n) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](std::uint64_t m) {
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  };
  std::size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) absorb(word(&bytes[at]));
  std::uint8_t last[8] = {};
  std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), last);
  last[7] = static_cast<std::uint8_t>(bytes.size());
  absorb(word(last));
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

// RFC 9018 4.4: Hash = SipHash-2-4(Client Cookie | Version | Reserved | Timestamp | Client-IP, secret).
void Cookies::sign(std::span<std::uint8_t, kSize> cookie, std::span<const std::uint8_t> address) const {
  std::uint8_t input[16 + 16];
  const std::size_t n = std::min<std::size_t>(address.size(), 16);
  std::memcpy(input, cookie.data(), 16);
  if (n > 0) std::memcpy(input + 16, address.data(), n);
  const std::uint64_t hash = siphash(secret_, {input, 16 + n});
  for (unsigned i = 0; i < 8; ++i) cookie[16 + i] = static_cast<std::uint8_t>(hash >> 8 * i);
}

Cookies::State Cookies::check(std::span<const std::uint8_t> cookie, std::span<const std::uint8_t> address,
                              std::uint32_t now) const {
  if (cookie.empty()) return State::None;
  if (cookie.size() == 8) return State::ClientOnly;
  if (cookie.size() != kSize || cookie[8] != 1) return State::Bad;
  const std::uint32_t made = get32(&cookie[12]);
  // RFC 9018 4.3: RFC 1982's arithmetic, so that 2106 is a year like others.
  if (serial_after(made, now + kFuture) || serial_after(now - kLife, made)) return State::Bad;
  std::array<std::uint8_t, kSize> ours;
  std::copy(cookie.begin(), cookie.end(), ours.begin());
  sign(ours, address);
  std::uint8_t different = 0;  // looks at all bytes: the time taken tells nothing
  for (std::size_t i = 16; i < kSize; ++i)
    different = static_cast<std::uint8_t>(different | (ours[i] ^ cookie[i]));
  return different == 0 ? State::Good : State::Bad;
}

std::array<std::uint8_t, Cookies::kSize> Cookies::reply(std::span<const std::uint8_t> cookie,
                                                        std::span<const std::uint8_t> address,
                                                        std::uint32_t now) const {
  std::array<std::uint8_t, kSize> out{};
  if (check(cookie, address, now) == State::Good && !serial_after(now - kRenew, get32(&cookie[12]))) {
    std::copy(cookie.begin(), cookie.end(), out.begin());
    return out;
  }
  std::copy_n(cookie.begin(), 8, out.begin());
  out[8] = 1;
  put32(&out[12], now);
  sign(out, address);
  return out;
}

bool ReplyOptions::add(std::uint16_t code, std::span<const std::uint8_t> data) {
  if (kMost - size_ < 4 + data.size()) return false;
  put16(bytes_ + size_, code);
  put16(bytes_ + size_ + 2, static_cast<std::uint16_t>(data.size()));
  std::copy(data.begin(), data.end(), bytes_ + size_ + 4);
  size_ += 4 + data.size();
  return true;
}

bool ReplyOptions::add_error(ErrorInfo info, std::string_view text) {
  constexpr std::size_t kText = 120;
  std::uint8_t data[2 + kText];
  text = text.substr(0, kText);
  put16(data, static_cast<std::uint16_t>(info));
  std::copy(text.begin(), text.end(), data + 2);
  return add(option::ERROR, {data, 2 + text.size()});
}

}  // namespace lab::dns
