#include "dhcp/ra/advertisement.hpp"

#include <algorithm>
#include <array>

#include "dhcp/domain_list.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::dhcp::ra {

namespace {

// RFC 4861 4.6, RFC 4191 2.3, RFC 8106 5
constexpr std::uint8_t kSourceAddress = 1, kPrefix = 3, kMtu = 5, kRoute = 24, kNameServers = 25,
                       kSearch = 31;
constexpr std::size_t kUnit = 8;  // lengths count eight bytes
constexpr std::size_t kAdvertisementHeader = 16, kSolicitationHeader = 8;
constexpr std::size_t kMostEntries = 32;
constexpr std::uint8_t kManaged = 0x80, kOther = 0x40, kOnLink = 0x80, kAutonomous = 0x40;

Preference preference_of(std::uint8_t bits) {
  switch (bits >> 3 & 3) {
    case 1: return Preference::High;
    case 3: return Preference::Low;
    default: return Preference::Medium;  // RFC 4191 2.2: the reserved value too
  }
}

std::uint8_t bits_of(Preference preference) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(preference) << 3);
}

/// Calls `visit(type, whole option)`; false when one has length 0 or overruns (RFC 4861 6.1.2).
template <class Visit>
bool for_each_option(std::span<const std::uint8_t> field, Visit visit) {
  while (!field.empty()) {
    if (field.size() < 2 || field[1] == 0 || field[1] * kUnit > field.size()) return false;
    visit(field[0], field.first(field[1] * kUnit));
    field = field.subspan(field[1] * kUnit);
  }
  return true;
}

std::optional<MacAddress> mac_of(std::span<const std::uint8_t> option) {
  std::array<std::uint8_t, 6> mac{};
  std::ranges::copy(option.subspan(2, mac.size()), mac.begin());
  return MacAddress(mac);
}

void add_source(Bytes& out, const std::optional<MacAddress>& source) {
  if (!source) return;
  append(out, Bytes{kSourceAddress, 1});
  append(out, source->bytes());
}

/// Zeros up to a multiple of eight, and the length where it belongs.
void close_option(Bytes& option) {
  option.resize((option.size() + kUnit - 1) / kUnit * kUnit);
  option[1] = static_cast<std::uint8_t>(option.size() / kUnit);
}

void read_route(std::span<const std::uint8_t> option, Advertisement& a) {
  const unsigned length = option[2];
  if (length > 128 || option.size() < kUnit + (length + 63) / 64 * 8 || a.routes.size() == kMostEntries)
    return;
  std::array<std::uint8_t, 16> prefix{};
  std::copy_n(option.begin() + 8, std::min<std::size_t>(option.size() - 8, prefix.size()), prefix.begin());
  a.routes.push_back(
      {Network::of(IpAddress::v6(prefix), length), preference_of(option[3]), read32(option.subspan(4))});
}

void read_option(std::uint8_t type, std::span<const std::uint8_t> option, Advertisement& a) {
  switch (type) {
    case kSourceAddress: a.source = mac_of(option); break;
    case kMtu: a.mtu = read32(option.subspan(4)); break;
    case kPrefix:
      if (option.size() < 32 || option[2] > 128 || a.prefixes.size() == kMostEntries) break;
      a.prefixes.push_back({.prefix = Network::of(v6::read_address(option.subspan(16)), option[2]),
                            .on_link = (option[3] & kOnLink) != 0,
                            .autonomous = (option[3] & kAutonomous) != 0,
                            .valid = read32(option.subspan(4)),
                            .preferred = read32(option.subspan(8))});
      break;
    case kRoute: read_route(option, a); break;
    case kNameServers:
      a.name_servers_lifetime = read32(option.subspan(4));
      for (std::size_t at = 8; at + 16 <= option.size() && a.name_servers.size() < kMostEntries; at += 16)
        a.name_servers.push_back(v6::read_address(option.subspan(at)));
      break;
    case kSearch: {
      a.search_lifetime = read32(option.subspan(4));
      // RFC 8106 5.2: padded with zeros, which read as empty names.
      auto names = option.subspan(8);
      while (names.size() >= 2 && names.back() == 0 && names[names.size() - 2] == 0)
        names = names.first(names.size() - 1);
      if (names.size() == 1) break;
      for (const auto& name : decode_domain_list(names).value_or(std::vector<std::string>{}))
        if (name != "." && a.search.size() < kMostEntries) a.search.push_back(printable_text(name));
      break;
    }
    default: break;
  }
}

}  // namespace

std::optional<Advertisement> Advertisement::parse(std::span<const std::uint8_t> icmp) {
  if (icmp.size() < kAdvertisementHeader || icmp[0] != kAdvertisement || icmp[1] != 0) return std::nullopt;
  Advertisement a;
  a.hop_limit = icmp[4];
  a.managed = (icmp[5] & kManaged) != 0;
  a.other = (icmp[5] & kOther) != 0;
  a.preference = preference_of(icmp[5]);
  a.lifetime = read16(icmp.subspan(6));
  a.reachable_ms = read32(icmp.subspan(8));
  a.retransmit_ms = read32(icmp.subspan(12));
  const bool whole = for_each_option(icmp.subspan(kAdvertisementHeader),
                                     [&](std::uint8_t type, auto option) { read_option(type, option, a); });
  return whole ? std::optional(std::move(a)) : std::nullopt;
}

Bytes Advertisement::encode() const {
  Bytes out{kAdvertisement, 0, 0, 0, hop_limit};
  out.push_back(
      static_cast<std::uint8_t>((managed ? kManaged : 0) | (other ? kOther : 0) | bits_of(preference)));
  append16(out, lifetime);
  append32(out, reachable_ms);
  append32(out, retransmit_ms);
  add_source(out, source);
  if (mtu) {
    append(out, Bytes{kMtu, 1, 0, 0});
    append32(out, *mtu);
  }
  for (const auto& p : prefixes) {
    append(out,
           Bytes{kPrefix, 4, static_cast<std::uint8_t>(p.prefix.prefix()),
                 static_cast<std::uint8_t>((p.on_link ? kOnLink : 0) | (p.autonomous ? kAutonomous : 0))});
    append32(out, p.valid);
    append32(out, p.preferred);
    append32(out, 0);
    append(out, p.prefix.address().bytes());
  }
  for (const auto& r : routes) {
    Bytes option{kRoute, 0, static_cast<std::uint8_t>(r.destination.prefix()), bits_of(r.preference)};
    append32(option, r.lifetime);
    append(option, r.destination.address().bytes().first((r.destination.prefix() + 63) / 64 * 8));
    close_option(option);
    append(out, option);
  }
  if (!name_servers.empty()) {
    Bytes option{kNameServers, 0, 0, 0};
    append32(option, name_servers_lifetime);
    for (const auto& server : name_servers) append(option, server.bytes());
    close_option(option);
    append(out, option);
  }
  if (!search.empty()) {
    Bytes option{kSearch, 0, 0, 0};
    append32(option, search_lifetime);
    for (const auto& name : search)
      if (const auto wire = name_to_wire(name)) append(option, *wire);
    close_option(option);
    append(out, option);
  }
  return out;
}

std::optional<Solicitation> Solicitation::parse(std::span<const std::uint8_t> icmp) {
  if (icmp.size() < kSolicitationHeader || icmp[0] != kSolicitation || icmp[1] != 0) return std::nullopt;
  Solicitation s;
  const bool whole = for_each_option(icmp.subspan(kSolicitationHeader), [&](std::uint8_t type, auto option) {
    if (type == kSourceAddress) s.source = mac_of(option);
  });
  return whole ? std::optional(s) : std::nullopt;
}

Bytes Solicitation::encode() const {
  Bytes out{kSolicitation, 0, 0, 0, 0, 0, 0, 0};
  add_source(out, source);
  return out;
}

std::string summary(const Advertisement& a) {
  std::string text =
      a.lifetime == 0 ? "no default router" : "default router for " + duration_text(a.lifetime);
  text += a.managed ? ", addresses by DHCPv6" : a.other ? ", the rest by DHCPv6" : "";
  for (const auto& p : a.prefixes)
    text += ", prefix " + p.prefix.text() + (p.autonomous ? " to make addresses in" : " on this wire");
  for (const auto& r : a.routes) text += ", route to " + r.destination.text();
  for (const auto& server : a.name_servers) text += ", DNS server " + server.text();
  return text;
}

}  // namespace lab::dhcp::ra
