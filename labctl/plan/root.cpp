#include "labctl/plan/root.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/topology/records.hpp"

namespace lab::plan {

using topology::kRootDomain;
using topology::NodeEntry;
using topology::Topology;

std::string absolute(std::string_view zone) {
  return zone == kRootDomain ? std::string(zone) : std::string(zone) + ".";
}

std::string below(std::string_view label, std::string_view zone) {
  return fmt::format("{}.{}", label, zone == kRootDomain ? "" : absolute(zone));
}

bool is_within(std::string_view name, std::string_view zone) {
  return zone == kRootDomain || name == zone ||
         (name.size() > zone.size() && name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.');
}

std::string name_server_name(std::string_view zone, std::size_t n) {
  // As the real ones are called: a.root-servers.net and its siblings.
  if (zone == kRootDomain) return fmt::format("{}.root-servers.", static_cast<char>('a' + n % 26));
  return below("ns", zone);
}

namespace {

std::vector<std::string> missing_tlds(const Topology& topology) {
  std::vector<std::string> out;
  for (const auto& domain : topology.domains) {
    const auto dot = domain.name.rfind('.');
    if (domain.name == kRootDomain || dot == std::string::npos) continue;
    const auto tld = domain.name.substr(dot + 1);
    if (topology::dns_servers(topology, domain.name).empty() || topology.domains.find(tld) ||
        std::ranges::find(out, tld) != out.end())
      continue;
    out.push_back(tld);
  }
  return out;
}

/// The addresses of a network that something else has, or may get.
std::set<IpAddress> written_addresses(const Topology& topology, const std::string& network) {
  std::set<IpAddress> out;
  for (const auto& node : topology.nodes)
    if (auto address = topology::address_on(node, network)) out.insert(*address);
  if (auto gateway = topology::client_gateway(topology, network)) out.insert(*gateway);
  for (const auto& node : topology.nodes) {
    if (const auto* scope = topology::scope_of(node, network))
      for (const auto& reservation : scope->reservations) out.insert(*reservation->address);
    for (const auto& route : node->routes) out.insert(**route);
  }
  // Machines that are in the zones though they are no nodes.
  for (const auto& domain : topology.domains)
    for (const auto& text : domain->dns.records)
      if (const auto record = topology::parse_record(*text, domain.name, 300); record && record->type == "A")
        if (const auto address = IpAddress::parse(record->data)) out.insert(*address);
  return out;
}

/// Free addresses near the top of what is not lent, so that a person who numbers machines from below never
/// meets them.
std::vector<IpAddress> spare_addresses(const Topology& topology, const std::string& network,
                                       std::size_t wanted) {
  const auto& subnet = *topology.networks.find(network)->value.subnet;
  std::vector<IpAddress> out;
  if (!subnet.address().is_v4() || subnet.prefix() > 29) return out;
  const auto taken = written_addresses(topology, network);
  std::vector<AddressRange> lent;
  for (const auto* server : topology::dhcp_servers(topology, network))
    for (const auto& range : topology::lease_ranges(*server, network, subnet)) lent.push_back(range);
  constexpr std::uint64_t kTries = 512;  // more would only be needed by a network full of machines
  const auto half = std::uint64_t{1} << (31 - subnet.prefix());
  for (std::uint64_t host = half - 1; host > 0 && half - host < kTries && out.size() < wanted; --host) {
    const auto address = subnet.address().plus(host);
    if (!taken.contains(address) &&
        std::ranges::none_of(lent, [&](const AddressRange& r) { return r.contains(address); }))
      out.push_back(address);
  }
  return out;
}

}  // namespace

LabRoot lab_root(const Topology& topology) {
  LabRoot root;
  const auto servers = topology::dns_servers(topology, kRootDomain);
  if (servers.empty()) return root;
  root.holder = servers.front();
  root.tlds = missing_tlds(topology);
  const bool own = topology::domain_of(topology, *root.holder) == kRootDomain;
  for (const auto& attachment : (*root.holder)->networks) {
    if (!topology::address_on(*root.holder, attachment.name)) continue;
    root.network = attachment.name;
    break;
  }
  if (root.network.empty()) return root;
  auto spare = spare_addresses(topology, root.network, 2);
  auto take = [&]() -> std::optional<IpAddress> {
    if (spare.empty()) return std::nullopt;
    const auto address = spare.front();
    spare.erase(spare.begin());
    return address;
  };
  if (!own) root.address = take();
  if (!root.tlds.empty() && (own || root.address)) root.tld_address = take();
  return root;
}

}  // namespace lab::plan
