#include "dhcp/v6/relay.hpp"

#include <algorithm>

#include "dhcp/v6/identity.hpp"

namespace lab::dhcp::v6 {

namespace {

constexpr std::uint32_t kEnterprise =
    0;  // RFC 4649 3: whose numbering the remote id is of; nobody's in a lab
constexpr std::uint16_t kEthernet = 1;

bool is(std::span<const std::uint8_t> payload, MessageType type) {
  return !payload.empty() && payload[0] == static_cast<std::uint8_t>(type);
}

}  // namespace

std::optional<Relayed> RelayAgent::handle(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                          std::string& why) const {
  if (is(payload, MessageType::RelayReply)) return to_client(payload, why);
  return to_servers(payload, arrival, why);
}

std::optional<Relayed> RelayAgent::to_servers(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                              std::string& why) const {
  const auto refuse = [&](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  const auto link = std::ranges::find(settings_.links, arrival.interface, &RelaySettings::Link::interface);
  if (link == settings_.links.end()) return refuse(arrival.interface + " has no clients to relay for");
  RelayMessage around{.type = MessageType::RelayForward,
                      .envelope = {0, link->address, arrival.source, {}},
                      .inner = Bytes(payload.begin(), payload.end())};
  if (is(payload, MessageType::RelayForward)) {
    const auto inner = RelayMessage::parse(payload);
    if (!inner) return refuse(inner.error().what);
    // RFC 8415 19.1.2
    if (inner->envelope.hops >= kMessageLimits.hops) return refuse("it has passed too many relays");
    around.envelope.hops = static_cast<std::uint8_t>(inner->envelope.hops + 1);
    if (!is_link_local(arrival.source)) around.envelope.link = IpAddress::v6({});
  } else {
    const auto message = Message::parse(payload);
    if (!message) return refuse(message.error().what);
    switch (message->type) {
      case MessageType::Advertise:
      case MessageType::Reply:
      case MessageType::Reconfigure: return refuse("a server's message on a client's wire");
      default: break;
    }
    // RFC 6939: the server may know machines by their hardware address.
    if (const auto mac = mac_in_address(arrival.source)) {
      Bytes told;
      append16(told, kEthernet);
      append(told, mac->bytes());
      around.envelope.options.add(option::kClientLinkLayer, std::move(told));
    }
  }
  around.envelope.options.add(option::kInterfaceId, Bytes(link->interface.begin(), link->interface.end()));
  if (!settings_.remote_id.empty()) {
    Bytes id;
    append32(id, kEnterprise);
    id.insert(id.end(), settings_.remote_id.begin(), settings_.remote_id.end());
    around.envelope.options.add(option::kRemoteId, std::move(id));
  }
  return Relayed{.payload = around.encode(), .to_servers = true, .to = {}, .interface = {}};
}

std::optional<Relayed> RelayAgent::to_client(std::span<const std::uint8_t> payload, std::string& why) const {
  const auto refuse = [&](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  auto reply = RelayMessage::parse(payload);
  if (!reply) return refuse(reply.error().what);
  const Bytes* port = reply->envelope.options.find(option::kInterfaceId);
  if (port == nullptr) return refuse("an answer that does not say which wire it is for");
  const std::string interface(port->begin(), port->end());
  if (std::ranges::find(settings_.links, interface, &RelaySettings::Link::interface) == settings_.links.end())
    return refuse("an answer for a wire we do not have");
  // RFC 8415 19.2: an envelope inside goes to the next relay's port, a message to the client's.
  const bool further = is(reply->inner, MessageType::RelayReply);
  return Relayed{.payload = std::move(reply->inner),
                 .to_servers = false,
                 .to = {reply->envelope.peer, further ? kServerPort : kClientPort},
                 .interface = interface};
}

}  // namespace lab::dhcp::v6
