/// partner_message -- what two lab-dhcpd that share a network say to each other, as bytes: frames over a stream, each
/// signed with the shared secret over both sides' nonces and a counter, so that a frame can be neither forged nor
/// played again. No I/O: the unit tests and the fuzzer drive it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dhcp/lease_store.hpp"
#include "dhcp/partnership.hpp"

namespace lab::dhcp {

struct PartnerLimits {
  static constexpr std::size_t kFrame = 1 << 20;   ///< bytes of a body
  static constexpr std::size_t kRows = 256;        ///< leases or names of one frame
  static constexpr std::size_t kField = 512;       ///< bytes of a client identifier or name
  static constexpr std::size_t kHeader = 9;        ///< length, kind, number
  static constexpr std::size_t kSignature = 32;    ///< HMAC-SHA256
  static constexpr std::size_t kServerIds = 64;
};

enum class PartnerKind : std::uint8_t {
  Hello = 1,     ///< who we are; the first frame of each side
  Change = 2,    ///< leases and names that are on the sender's disk or about to be
  Stored = 3,    ///< the change of that number, and all before it, are on our disk
  CaughtUp = 4,  ///< what we had before this connection has all been sent
  Alive = 5,
  Farewell = 6,  ///< we stop serving now
};

struct PartnerFrame {
  PartnerKind kind = PartnerKind::Alive;
  std::uint32_t number = 0;
  Bytes body;
};

using Nonce = std::array<std::uint8_t, 16>;

struct PartnerHello {
  static constexpr std::uint8_t kVersion = 1;
  Role role = Role::Primary;
  Nonce nonce{};
  ServerTime now{};                   ///< by the sender's clock
  std::vector<IpAddress> server_ids;  ///< its addresses as option 54 shows them
};

Bytes encode(const PartnerHello& hello);
Result<PartnerHello> decode_hello(std::span<const std::uint8_t> body);
/// `v4 leases and names`; at most PartnerLimits::kRows of each.
Bytes encode(const StoreChange& change);
Result<StoreChange> decode_change(std::span<const std::uint8_t> body);

/// Signs one direction of one connection, or checks it: frame by frame, in order.
class FrameSeal {
 public:
  /// Nonces in the order sender, receiver; both zero for the hello.
  FrameSeal(std::string secret, const Nonce& sender, const Nonce& receiver);
  Bytes seal(const PartnerFrame& frame);
  /// `header` and `rest` (body and signature) as received.
  Result<PartnerFrame> open(std::span<const std::uint8_t> header, std::span<const std::uint8_t> rest);

 private:
  std::array<std::uint8_t, PartnerLimits::kSignature> sign(std::span<const std::uint8_t> bytes) const;
  std::string secret_;
  Nonce sender_, receiver_;
  std::uint64_t counter_ = 0;
};

/// How many bytes follow this header; an error for a frame nobody sends.
Result<std::size_t> rest_of_frame(std::span<const std::uint8_t> header);

}  // namespace lab::dhcp
