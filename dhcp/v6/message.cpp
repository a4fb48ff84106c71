#include "dhcp/v6/message.hpp"

#include <algorithm>

namespace lab::dhcp::v6 {

namespace {

constexpr std::size_t kHeader = 4;        // type and transaction (RFC 8415 8)
constexpr std::size_t kRelayHeader = 34;  // type, hops, two addresses (RFC 8415 9)

bool is_relayed(std::uint8_t type) {
  return type == static_cast<std::uint8_t>(MessageType::RelayForward) ||
         type == static_cast<std::uint8_t>(MessageType::RelayReply);
}

}  // namespace

const char* name(MessageType type) {
  switch (type) {
    case MessageType::Solicit: return "SOLICIT";
    case MessageType::Advertise: return "ADVERTISE";
    case MessageType::Request: return "REQUEST";
    case MessageType::Confirm: return "CONFIRM";
    case MessageType::Renew: return "RENEW";
    case MessageType::Rebind: return "REBIND";
    case MessageType::Reply: return "REPLY";
    case MessageType::Release: return "RELEASE";
    case MessageType::Decline: return "DECLINE";
    case MessageType::Reconfigure: return "RECONFIGURE";
    case MessageType::InformationRequest: return "INFORMATION-REQUEST";
    case MessageType::RelayForward: return "RELAY-FORW";
    case MessageType::RelayReply: return "RELAY-REPL";
  }
  return "";
}

Result<Message> Message::parse(std::span<const std::uint8_t> payload) {
  if (payload.size() < kHeader) return fail("too short for a DHCPv6 message");
  if (payload[0] == 0 || payload[0] > static_cast<std::uint8_t>(MessageType::InformationRequest))
    return fail("a DHCPv6 message of type " + std::to_string(payload[0]) + ", which nobody but relays sends");
  Message m;
  m.type = static_cast<MessageType>(payload[0]);
  m.transaction = read32(payload) & 0xFFFFFF;
  m.options = Options::parse(payload.subspan(kHeader));
  return m;
}

Bytes Message::encode() const {
  Bytes out;
  append32(out, static_cast<std::uint32_t>(type) << 24 | (transaction & 0xFFFFFF));
  options.encode(out);
  return out;
}

Result<RelayMessage> RelayMessage::parse(std::span<const std::uint8_t> payload) {
  if (payload.size() < kRelayHeader || !is_relayed(payload[0])) return fail("no relay's DHCPv6 message");
  RelayMessage m;
  m.type = static_cast<MessageType>(payload[0]);
  m.envelope.hops = payload[1];
  m.envelope.link = read_address(payload.subspan(2));
  m.envelope.peer = read_address(payload.subspan(18));
  bool found = false;
  const auto all = Options::parse(payload.subspan(kRelayHeader));
  for (const auto& o : all.list()) {
    if (o.code == option::kRelayMessage && !found) {
      m.inner = o.data;
      found = true;
    } else {
      m.envelope.options.add(o.code, o.data);
    }
  }
  if (!found) return fail("a relay's message without the message it carries (option 9)");
  return m;
}

Bytes RelayMessage::encode() const {
  Bytes out{static_cast<std::uint8_t>(type), envelope.hops};
  append(out, envelope.link.bytes());
  append(out, envelope.peer.bytes());
  envelope.options.encode(out);
  append16(out, option::kRelayMessage);
  append16(out, static_cast<std::uint16_t>(inner.size()));
  append(out, inner);
  return out;
}

Result<Packet> Packet::parse(std::span<const std::uint8_t> payload) {
  Packet packet;
  Bytes inner;
  while (!payload.empty() && payload[0] == static_cast<std::uint8_t>(MessageType::RelayForward)) {
    if (packet.relays.size() > kMessageLimits.hops)
      return fail("passed more than " + std::to_string(kMessageLimits.hops) + " relays");
    auto relayed = RelayMessage::parse(payload);
    if (!relayed) return std::unexpected(relayed.error());
    packet.relays.push_back(std::move(relayed->envelope));
    inner = std::move(relayed->inner);
    payload = inner;
  }
  auto message = Message::parse(payload);
  if (!message) return std::unexpected(message.error());
  packet.message = std::move(*message);
  return packet;
}

Bytes encode_reply(const Packet& packet, const Message& reply) {
  Bytes bytes = reply.encode();
  for (auto relay = packet.relays.rbegin(); relay != packet.relays.rend(); ++relay) {
    RelayMessage around{.type = MessageType::RelayReply,
                        .envelope = {relay->hops, relay->link, relay->peer, {}},
                        .inner = std::move(bytes)};
    for (const auto code : {option::kInterfaceId, option::kRelayPort})
      if (const Bytes* data = relay->options.find(code)) around.envelope.options.add(code, *data);
    bytes = around.encode();
  }
  return bytes;
}

}  // namespace lab::dhcp::v6
