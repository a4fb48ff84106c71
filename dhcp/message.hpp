/// message -- one DHCP message as a value, read from and written to the bytes of a UDP payload (RFC 2131 2,
/// RFC 2132). Reading is lenient as RFC 1122 1.2.2 asks: reserved bits, odd options and a missing END are
/// forgiven; what cannot be understood at all (no cookie, an impossible hardware length) is an error that
/// says so.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

inline constexpr std::uint16_t kServerPort = 67;
inline constexpr std::uint16_t kClientPort = 68;

/// RFC 2131 2: the fixed part of a message, with the magic cookie that opens the options.
inline constexpr std::size_t kFixedSize = 236;
inline constexpr std::size_t kCookieSize = 4;

struct MessageLimits {
  std::size_t smallest = 300;  ///< RFC 1542 2.1: BOOTP's size; some relays and old clients drop less
  std::size_t assumed =
      576;  ///< RFC 2131 2: the IP datagram every client must take, where it does not say more
  std::size_t ethernet =
      1500;  ///< an IP datagram above it would be fragmented, and a client without address cannot join it
  std::size_t ip_udp_headers = 28;  ///< what option 57 counts besides the message (RFC 2132 9.10)
  std::size_t received = 4096;      ///< larger than any message a sane client sends
};
inline constexpr MessageLimits kMessageLimits;

/// RFC 2132 9.6
enum class MessageType : std::uint8_t {
  Discover = 1,
  Offer = 2,
  Request = 3,
  Decline = 4,
  Ack = 5,
  Nak = 6,
  Release = 7,
  Inform = 8,
  LeaseQuery = 10,  ///< RFC 4388 6.1, and its three answers
  LeaseUnassigned = 11,
  LeaseUnknown = 12,
  LeaseActive = 13,
};
/// "DHCPDISCOVER"
const char* name(MessageType);

struct Message {
  static constexpr std::uint8_t kBootRequest = 1;
  static constexpr std::uint8_t kBootReply = 2;
  static constexpr std::uint8_t kEthernet = 1;
  static constexpr std::uint16_t kBroadcastFlag = 0x8000;

  std::uint8_t op = kBootRequest;
  std::uint8_t htype = kEthernet;
  std::uint8_t hlen = 6;  ///< at most 16
  std::uint8_t hops = 0;
  std::uint32_t xid = 0;
  std::uint16_t secs = 0;
  std::uint16_t flags = 0;
  IpAddress ciaddr, yiaddr, siaddr, giaddr;  ///< all IPv4; 0.0.0.0 = not given
  std::array<std::uint8_t, 16> chaddr{};
  std::string sname;  ///< at most 64 bytes
  std::string file;   ///< at most 128 bytes
  Options options;

  std::optional<MessageType> type() const;
  void set_type(MessageType type) {
    options.set_uint8(option::kMessageType, static_cast<std::uint8_t>(type));
  }
  bool wants_broadcast() const { return (flags & kBroadcastFlag) != 0; }
  std::span<const std::uint8_t> hardware() const { return std::span(chaddr).first(hlen); }
  /// `02:00:00:00:00:01`, for any hardware length.
  std::string hardware_text() const;

  /// `payload`: what the UDP datagram carries.
  static Result<Message> parse(std::span<const std::uint8_t> payload);
};

struct EncodeOptions {
  /// Largest payload; options that do not fit are left out, the last ones first.
  std::size_t max_size = kMessageLimits.assumed - kMessageLimits.ip_udp_headers;
  /// Use `file` and `sname` for options when the option field is full (option 52). Confuses old clients: off.
  bool overload = false;
};

struct Encoded {
  Bytes payload;
  std::vector<std::uint8_t> left_out;  ///< codes of options that did not fit
};

/// Writes the options in the order of the list, except that relay information comes last (RFC 3046 2.1). An
/// option over 255 bytes is split (RFC 3396); routes are cut between two routes, since some clients join
/// nothing else.
Encoded encode(const Message& message, const EncodeOptions& how = {});

}  // namespace lab::dhcp
