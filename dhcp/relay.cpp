#include "dhcp/relay.hpp"

#include <algorithm>

namespace lab::dhcp {
namespace {

constexpr std::size_t kHopsAt = 3, kGiaddrAt = 24, kOptionsAt = kFixedSize + kCookieSize;
constexpr std::uint8_t kCircuitId = 1, kRemoteId = 2;  // RFC 3046 2.0

void put_address(Bytes& payload, std::size_t at, const IpAddress& address) {
  std::ranges::copy(address.bytes(), payload.begin() + static_cast<std::ptrdiff_t>(at));
}

void append_sub_option(Bytes& out, std::uint8_t code, std::string_view text) {
  text = text.substr(0, 200);
  out.push_back(code);
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

/// Copies the options up to END, all but 82. The padding behind END is left off.
Bytes options_without_82(std::span<const std::uint8_t> payload) {
  Bytes out(payload.begin(), payload.begin() + kOptionsAt);
  for (std::size_t at = kOptionsAt; at < payload.size() && payload[at] != option::kEnd;) {
    const std::uint8_t code = payload[at];
    const std::size_t whole = code == option::kPad      ? 1
                              : at + 1 < payload.size() ? 2U + payload[at + 1]
                                                        : payload.size() - at;
    const auto part = payload.subspan(at, std::min(whole, payload.size() - at));
    if (code != option::kRelayInformation && code != option::kPad) append(out, part);
    at += part.size();
  }
  return out;
}

Bytes finished(Bytes out) {
  out.push_back(option::kEnd);
  if (out.size() < kMessageLimits.smallest) out.resize(kMessageLimits.smallest);
  return out;
}

}  // namespace

Bytes with_relay_information(std::span<const std::uint8_t> payload, const Bytes& information) {
  Bytes out = options_without_82(payload);
  // RFC 3046 2.1: where it does not fit, the message goes on without it.
  if (out.size() + 2 + information.size() + 1 > kMessageLimits.ethernet - kMessageLimits.ip_udp_headers)
    return {payload.begin(), payload.end()};
  out.push_back(option::kRelayInformation);
  out.push_back(static_cast<std::uint8_t>(information.size()));
  append(out, information);
  return finished(std::move(out));
}

Bytes without_relay_information(std::span<const std::uint8_t> payload) {
  return finished(options_without_82(payload));
}

std::optional<Relayed> RelayAgent::handle(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                          std::string& why) const {
  const auto message = Message::parse(payload);
  if (!message) {
    why = message.error().text();
    return std::nullopt;
  }
  return message->op == Message::kBootRequest ? to_servers(payload, *message, arrival, why)
                                              : to_client(payload, *message, why);
}

std::optional<Relayed> RelayAgent::to_servers(std::span<const std::uint8_t> payload, const Message& m,
                                              const Arrival& arrival, std::string& why) const {
  const auto link = std::ranges::find(settings_.links, arrival.interface, &RelaySettings::Link::interface);
  const bool first = m.giaddr == IpAddress{};
  if (first && link == settings_.links.end()) {
    why = "no clients are expected on " + arrival.interface;
    return std::nullopt;
  }
  if (m.hops >= settings_.max_hops) {
    why = "it has passed " + std::to_string(m.hops) + " relays already";
    return std::nullopt;
  }
  // RFC 3046 2.1.1: a client behind no relay has no relay information, and nobody else sends in our name.
  if (first && m.options.has(option::kRelayInformation)) {
    why = "a client forges relay information";
    return std::nullopt;
  }
  if (!first && std::ranges::any_of(settings_.links, [&](const auto& l) { return l.address == m.giaddr; })) {
    why = "it pretends to come from us";
    return std::nullopt;
  }
  Relayed out{
      .payload = {}, .delivery = Delivery::Relay, .from = {}, .to = {}, .interface = {}, .hardware = {}};
  if (first && settings_.add_information) {
    Bytes information;
    append_sub_option(information, kCircuitId, link->interface);
    if (!settings_.remote_id.empty()) append_sub_option(information, kRemoteId, settings_.remote_id);
    out.payload = with_relay_information(payload, information);
  } else {
    out.payload.assign(payload.begin(), payload.end());
  }
  out.payload[kHopsAt] = static_cast<std::uint8_t>(m.hops + 1);
  if (first) {
    put_address(out.payload, kGiaddrAt, link->address);
    out.from = link->address;
  }
  return out;
}

std::optional<Relayed> RelayAgent::to_client(std::span<const std::uint8_t> payload, const Message& m,
                                             std::string& why) const {
  const auto link = std::ranges::find(settings_.links, m.giaddr, &RelaySettings::Link::address);
  if (link == settings_.links.end()) {
    why = "a reply for relay " + m.giaddr.text() + ", which is not us";
    return std::nullopt;
  }
  Relayed out{.payload = m.options.has(option::kRelayInformation) ? without_relay_information(payload)
                                                                  : Bytes(payload.begin(), payload.end()),
              .delivery = Delivery::Broadcast,
              .from = link->address,
              .to = {IpAddress::v4(0xFFFFFFFF), kClientPort},
              .interface = link->interface,
              .hardware = {}};
  // RFC 1542 4.1.2: as the broadcast flag says; without an address to give there is nobody to unicast to.
  if (m.wants_broadcast() || m.yiaddr == IpAddress{} || m.htype != Message::kEthernet || m.hlen != 6)
    return out;
  out.delivery = Delivery::Hardware;
  out.to.address = m.yiaddr;
  out.hardware.assign(m.hardware().begin(), m.hardware().end());
  return out;
}

}  // namespace lab::dhcp
