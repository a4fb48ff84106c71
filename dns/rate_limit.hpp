/// rate_limit -- response rate limiting: a server asked too often with a forged address must not become the
/// weapon against whose address that is. The same answer, the names that do not exist in a zone, and errors
/// are each given to a network only so many times a second; of the rest, every few are answered with TC, so
/// that a true client comes back over TCP, and the others not at all. Safe from any thread, without locks.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dns/wire.hpp"

namespace lab::dns {

struct RateLimits {
  unsigned responses = 0;  ///< a second, of one answer to one network; 0: no limit
  unsigned nxdomains = 0;  ///< names that do not exist, of one zone
  unsigned errors = 0;     ///< REFUSED, FORMERR, SERVFAIL and the like
  unsigned slip = 2;       ///< one in so many limited answers is sent with TC; 0: none, 1: all
  unsigned burst = 5;      ///< seconds' worth of answers that may be given at once after a silence
  unsigned ipv4_prefix = 24, ipv6_prefix = 56;
  std::vector<Network> exempt;
  bool operator==(const RateLimits&) const = default;
};

class RateLimiter {
 public:
  enum class Kind : std::uint8_t { Answer, NxDomain, Error };
  enum class Verdict : std::uint8_t { Send, Slip, Drop };
  /// `key`: makes places in the table unknown to outsiders.
  RateLimiter(const RateLimits& limits, std::uint64_t key);

  /// `address`: 4 or 16 bytes. `name`: a hash of what the answer is about, the zone for names that do not
  /// exist. `now`: microseconds of a clock that never goes back.
  Verdict judge(std::span<const std::uint8_t> address, Kind kind, std::uint64_t name, std::uint64_t now);
  /// The network an address is counted with, `192.0.2.0/24`.
  std::string network_text(const IpAddress& address) const;
  bool exempts(const IpAddress& address) const;

 private:
  static constexpr std::size_t kSlots = 1 << 14, kWays = 4;
  static constexpr unsigned kTagBits = 20;

  RateLimits limits_;
  std::uint64_t key_;
  // A slot: who, in the upper bits, and in the lower ones when all that was given is used up (GCRA's
  // theoretical arrival time): one word, changed by compare and swap.
  std::unique_ptr<std::atomic<std::uint64_t>[]> slots_;
  std::atomic<std::uint32_t> limited_{0};
};

}  // namespace lab::dns
