/// edns -- the options of an OPT record (RFC 6891 6.1.2): which of them a request holds, and those of a
/// reply: NSID, DNS cookies (RFC 7873), the idle time of a TCP connection, extended errors. Unknown ones are
/// passed over.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dns/wire.hpp"

namespace lab::dns {

namespace option {
inline constexpr std::uint16_t NSID = 3, EXPIRE = 9, COOKIE = 10, KEEPALIVE = 11, PADDING = 12, ERROR = 15;
}

/// INFO-CODEs of RFC 8914 4.
enum class ErrorInfo : std::uint16_t {
  DnssecBogus = 6,
  NotReady = 14,
  Prohibited = 18,
  NotAuthoritative = 20,
  NotSupported = 21,
  NoReachableAuthority = 22,
};

/// What a request's OPT record says.
struct Edns {
  bool present = false;
  bool dnssec_ok = false;
  bool wants_nsid = false, wants_expire = false, wants_keepalive = false;
  bool padded = false;  ///< the asker hides the length of its question, and ours should be hidden, too
  std::uint8_t version = 0;
  std::uint16_t udp_size = 0;            ///< the largest datagram the asker can take
  std::span<const std::uint8_t> cookie;  ///< 8 bytes of the client, or with 8 to 32 of a server behind them
};

/// Reads the options into `edns`; false when they do not add up, or a cookie has a length that none can have
/// (RFC 7873 5.2.2).
bool read_options(std::span<const std::uint8_t> options, Edns& edns);

/// Server cookies as all servers of a name can make and check them (RFC 9018): version, time, and a SipHash
/// over both, the client's cookie and address. Safe from any thread.
class Cookies {
 public:
  using Secret = std::array<std::uint8_t, 16>;
  static constexpr std::size_t kSize = 24;       // the client's 8 bytes and our 16
  static constexpr std::uint32_t kLife = 3600;   // RFC 9018 4.3: older ones are no longer taken
  static constexpr std::uint32_t kRenew = 1800;  // older ones are replaced by a new one
  static constexpr std::uint32_t kFuture = 300;  // clocks of several servers may differ so much
  explicit Cookies(const Secret& secret) : secret_(secret) {}

  enum class State : std::uint8_t { None, ClientOnly, Bad, Good };
  /// `address`: the client's, 4 or 16 bytes. `now`: seconds since 1970.
  State check(std::span<const std::uint8_t> cookie, std::span<const std::uint8_t> address,
              std::uint32_t now) const;
  /// The cookie of the reply to `cookie`: a good one that is young enough again, else a new one.
  std::array<std::uint8_t, kSize> reply(std::span<const std::uint8_t> cookie,
                                        std::span<const std::uint8_t> address, std::uint32_t now) const;

 private:
  void sign(std::span<std::uint8_t, kSize> cookie, std::span<const std::uint8_t> address) const;
  Secret secret_;
};

/// SipHash-2-4 (Aumasson and Bernstein), as RFC 9018 4.4 uses it.
std::uint64_t siphash(const Cookies::Secret& key, std::span<const std::uint8_t> bytes);

/// The options of a reply, as they stand in its OPT record. What finds no room is left out.
class ReplyOptions {
 public:
  static constexpr std::size_t kMost = 320;

  bool add(std::uint16_t code, std::span<const std::uint8_t> data);
  /// Why the answer is an error, for people who look at it with dig.
  bool add_error(ErrorInfo info, std::string_view text = {});
  std::span<const std::uint8_t> bytes() const { return {bytes_, size_}; }

  /// Blocks to whose multiple the whole reply is filled up (RFC 8467 4.1); 0: not.
  std::uint16_t pad_to = 0;

 private:
  std::size_t size_ = 0;
  std::uint8_t bytes_[kMost];
};

}  // namespace lab::dns
