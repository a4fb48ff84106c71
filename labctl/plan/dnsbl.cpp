// Block lists in the DNS (RFC 5782): a mail server asks for the address that speaks to it, backwards, below
// the list's own name; an answer means that it is listed.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "labctl/plan/zones.hpp"

namespace lab::plan {

namespace {

constexpr auto kListed = "127.0.0.2";  // RFC 5782 2.1

/// The address with `part` in the bits before bit `end`.
IpAddress with_bits(const IpAddress& address, std::uint64_t part, unsigned end) {
  if (address.is_v4())
    return IpAddress::v4(address.v4_value() | static_cast<std::uint32_t>(part << (32 - end)));
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  auto& byte = bytes[(end - 1) / 8];
  byte = static_cast<std::uint8_t>(byte | part << (end % 8 == 0 ? 0 : 8 - end % 8));
  return IpAddress::v6(bytes);
}

/// The addresses a network stands for, as names below the list: one per whole label, the last of which a
/// wildcard takes the place of.
std::vector<std::string> reversed(const Network& network) {
  const auto& address = network.address();
  const unsigned step = address.is_v4() ? 8 : 4, labels = address.bits() / step;
  const unsigned whole = (network.prefix() + step - 1) / step;
  const auto parts = std::uint64_t{1} << (whole * step - network.prefix());
  std::vector<std::string> out;
  for (std::uint64_t part = 0; part < parts; ++part) {
    // The part counts in the last label that is spelt out.
    auto name = with_bits(address, part, whole * step).reverse_name();
    name.erase(name.find(address.is_v4() ? ".in-addr.arpa." : ".ip6.arpa."));
    for (unsigned i = whole; i < labels; ++i) name.erase(0, name.find('.') + 1);
    out.push_back(whole < labels ? "*." + name : name);
  }
  return out;
}

Network network_of(const IpAddress& address) { return Network::of(address, address.bits()); }

/// Networks and domains, without what another one of them contains: a name in between would hide the
/// wildcard above it (RFC 4592 3.3.1).
struct Listed {
  std::vector<Network> networks;
  std::vector<std::string> domains;

  void add(const std::string& entry) {
    if (const auto address = IpAddress::parse(entry)) return add(network_of(*address));
    if (const auto network = Network::parse(entry)) return add(*network);
    if (std::ranges::any_of(domains, [&](const auto& d) { return is_within(entry, d); })) return;
    std::erase_if(domains, [&](const auto& d) { return is_within(d, entry); });
    domains.push_back(entry);
  }
  void add(const Network& network) {
    const auto inside = [](const Network& small, const Network& big) {
      return small.address().is_v4() == big.address().is_v4() && big.prefix() <= small.prefix() &&
             big.contains(small.address());
    };
    if (std::ranges::any_of(networks, [&](const auto& n) { return inside(network, n); })) return;
    std::erase_if(networks, [&](const auto& n) { return inside(n, network); });
    networks.push_back(network);
  }
};

void list(Zone& zone, const std::string& name, const std::string& what) {
  const auto owner = below(name, zone.name);
  for (const auto& [type, data] :
       {std::pair{"A", std::string(kListed)},
        std::pair{"TXT", fmt::format("\"{} is on the list {}\"", what, zone.name)}}) {
    topology::Record record{owner, ZoneTimers::kTtl, type, data, 0};
    const bool there = std::ranges::any_of(
        zone.records, [&](const auto& r) { return r.owner == record.owner && r.type == record.type; });
    if (!there) zone.records.push_back(std::move(record));
  }
}

}  // namespace

void add_listings(Zone& zone, const std::vector<std::string>& entries) {
  if (entries.empty()) return;
  Listed listed;
  for (const auto& entry : entries) listed.add(entry);
  // RFC 5782 5: what is always listed, so that a list can be seen to work.
  listed.add("127.0.0.2");
  listed.add("::ffff:7f00:2");
  listed.add("test");
  for (const auto& network : listed.networks)
    for (const auto& name : reversed(network)) list(zone, name, network.text());
  for (const auto& domain : listed.domains) {
    list(zone, domain, domain);
    list(zone, "*." + domain, domain);
  }
}

}  // namespace lab::plan
