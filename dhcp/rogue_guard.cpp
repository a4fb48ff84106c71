#include "dhcp/rogue_guard.hpp"

#include <algorithm>

namespace lab::dhcp {

std::string OtherServer::text() const {
  return id.text() + (station.empty() ? "" : " (" + station + ")") + (network.empty() ? "" : ", which offers " + network);
}

Message rogue_probe(const MacAddress& own, std::uint32_t xid) {
  Message m;
  m.xid = xid;
  m.flags = Message::kBroadcastFlag;  // so that its offer can be heard, whoever it is for
  auto bytes = own.bytes();
  std::ranges::copy(bytes, m.chaddr.begin());
  m.chaddr[0] = static_cast<std::uint8_t>((m.chaddr[0] | 0x02) & 0xFE);  // locally administered: no card has it
  m.set_type(MessageType::Discover);
  m.options.set(option::kParameterList, {option::kSubnetMask, option::kRouters});
  return m;
}

std::optional<OtherServer> other_server(std::span<const std::uint8_t> payload, const std::string& station,
                                        const std::set<IpAddress>& known) {
  const auto message = Message::parse(payload);
  if (!message || message->op != Message::kBootReply) return std::nullopt;
  const auto type = message->type();
  if (type != MessageType::Offer && type != MessageType::Ack && type != MessageType::Nak) return std::nullopt;
  const auto id = message->options.address(option::kServerId);
  if (!id || known.contains(*id)) return std::nullopt;
  OtherServer other{.id = *id, .station = station, .network = {}};
  if (type == MessageType::Offer) {
    other.network = message->yiaddr.text();
    if (const auto routers = message->options.addresses(option::kRouters); !routers.empty())
      other.network += ", router " + routers.front().text();
  }
  return other;
}

}  // namespace lab::dhcp
