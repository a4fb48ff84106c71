#include "dhcp/claimant.hpp"

#include <algorithm>

#include "dhcp/explain.hpp"

namespace lab::dhcp {
namespace {

constexpr std::uint8_t kCircuitId = 1;      // RFC 3046 2.0, inside option 82
constexpr std::uint8_t kLinkSelection = 5;  // RFC 3527, inside option 82

std::string hardware_key(const Message& m) {
  std::string key(1, static_cast<char>(m.htype));
  key.append(m.hardware().begin(), m.hardware().end());
  return key;
}

/// A sub-option of the relay's information (RFC 3046); nullopt when it is not there.
std::optional<Bytes> relay_sub_option(const Message& m, std::uint8_t code) {
  const Bytes* info = m.options.find(option::kRelayInformation);
  for (std::size_t at = 0; info != nullptr && at + 2 <= info->size();) {
    const std::size_t length = (*info)[at + 1];
    const auto data = std::span(*info).subspan(at + 2);
    if (length > data.size()) break;
    if ((*info)[at] == code) return Bytes(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(length));
    at += 2 + length;
  }
  return std::nullopt;
}

}  // namespace

Claimant claimant(const Message& m, Match match) {
  Claimant who;
  who.hardware = hardware_key(m);
  who.client = who.hardware;
  if (m.htype == Message::kEthernet && m.hlen == 6) {
    std::array<std::uint8_t, 6> mac{};
    std::ranges::copy(m.hardware(), mac.begin());
    who.mac = MacAddress(mac);
  }
  if (const Bytes* id = m.options.find(option::kClientId); id != nullptr && !id->empty()) {
    who.client_id = *id;
    if (match == Match::ClientId) who.client.assign(id->begin(), id->end());
  }
  who.circuit = relay_sub_option(m, kCircuitId);
  who.wanted = m.options.address(option::kRequestedAddress);
  return who;
}

IpAddress link_of(const Message& m) {
  const auto link = relay_sub_option(m, kLinkSelection);
  return link && link->size() == 4 ? IpAddress::v4(read32(*link)) : m.giaddr;
}

std::string port_of(const Message& m, const Arrival& arrival) {
  if (m.giaddr != IpAddress{}) {
    const auto circuit = relay_sub_option(m, kCircuitId);
    if (!circuit) return {};  // a whole network behind a relay that does not tell its ports apart
    return "relay " + m.giaddr.text() + " port " +
           printable_text({reinterpret_cast<const char*>(circuit->data()), circuit->size()});
  }
  return arrival.station.empty() ? std::string() : "station " + arrival.station;
}

}  // namespace lab::dhcp
