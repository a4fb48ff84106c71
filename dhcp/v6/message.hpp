/// message -- one DHCPv6 message as a value, read from and written to the bytes of a UDP payload (RFC 8415
/// 8), bare or in the envelopes that relays put around it (RFC 8415 9).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::dhcp::v6 {

inline constexpr std::uint16_t kClientPort = 546;
inline constexpr std::uint16_t kServerPort = 547;

struct MessageLimits {
  std::size_t hops = 8;         ///< RFC 8415 7.6: HOP_COUNT_LIMIT
  std::size_t duid = 130;       ///< RFC 8415 11.1: 128 bytes and the type
  std::size_t received = 4096;  ///< larger than any message a sane client sends
  std::size_t ias = 8;          ///< identity associations served of one message; a router has two or three
};
inline constexpr MessageLimits kMessageLimits;

/// RFC 8415 7.3
enum class MessageType : std::uint8_t {
  Solicit = 1,
  Advertise = 2,
  Request = 3,
  Confirm = 4,
  Renew = 5,
  Rebind = 6,
  Reply = 7,
  Release = 8,
  Decline = 9,
  Reconfigure = 10,
  InformationRequest = 11,
  RelayForward = 12,
  RelayReply = 13,
};
inline constexpr std::size_t kMessageTypes = 14;
/// "SOLICIT"
const char* name(MessageType);

struct Message {
  MessageType type = MessageType::Solicit;
  std::uint32_t transaction = 0;  ///< 24 bits
  Options options;

  /// A client's or server's message; an error for a relay's and for types nobody knows.
  static Result<Message> parse(std::span<const std::uint8_t> payload);
  Bytes encode() const;
};

/// What one relay wrote around a message, without the message.
struct RelayEnvelope {
  std::uint8_t hops = 0;
  IpAddress link;  ///< on the client's wire; :: when the relay only names its port (RFC 6221)
  IpAddress peer;  ///< who sent it to the relay
  Options options;
};

/// A message and the relays it came through, the nearest to the server first.
struct Packet {
  std::vector<RelayEnvelope> relays;
  Message message;

  /// Opens every envelope of a relayed message; a bare one has none.
  static Result<Packet> parse(std::span<const std::uint8_t> payload);
};

/// `reply` in the envelopes that lead it back the way `packet` came (RFC 8415 19.3): interface-id and relay
/// port are returned as the relays sent them.
Bytes encode_reply(const Packet& packet, const Message& reply);

/// One envelope with whatever is inside.
struct RelayMessage {
  MessageType type = MessageType::RelayForward;
  RelayEnvelope envelope;
  Bytes inner;

  static Result<RelayMessage> parse(std::span<const std::uint8_t> payload);
  Bytes encode() const;
};

}  // namespace lab::dhcp::v6
