#include "labctl/topology/roles.hpp"

#include <algorithm>

#include "labctl/topology/failover.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::topology {

std::optional<IpAddress> address_on(const NodeEntry& node, std::string_view network) {
  const auto* attachment = node->networks.find(network);
  if (!attachment || (*attachment)->dhcp() || !(*attachment)->address.fixed.clean) return std::nullopt;
  return *(*attachment)->address.fixed;
}

std::optional<IpAddress> address6_on(const Topology& topology, const NodeEntry& node,
                                     std::string_view network) {
  const auto* attachment = node->networks.find(network);
  const auto* spec = topology.networks.find(network);
  if (!attachment || !spec || !(*spec)->subnet6 || !(*spec)->subnet6->clean) return std::nullopt;
  if ((*attachment)->address6)
    return (*attachment)->address6->clean ? std::optional(**(*attachment)->address6) : std::nullopt;
  const auto v4 = address_on(node, network);
  if (!v4 || !v4->is_v4() || !(*spec)->subnet.clean || !(*spec)->subnet->contains(*v4)) return std::nullopt;
  // The digits of the IPv4 host part, read as hexadecimal: a person sees .10 and ::10 as one machine.
  std::uint64_t host = v4->v4_value() - (*spec)->subnet->address().v4_value(), digits = 0;
  for (unsigned shift = 0; host != 0; host /= 10, shift += 4) digits |= (host % 10) << shift;
  return (*spec)->subnet6->value.address().plus(digits);
}

std::optional<IpAddress> main_address(const NodeEntry& node) {
  for (const auto& attachment : node->networks)
    if (auto address = address_on(node, attachment.name)) return address;
  return std::nullopt;
}

NodeList attached(const Topology& topology, std::string_view network) {
  NodeList out;
  for (const auto& node : topology.nodes)
    if (node->networks.find(network)) out.push_back(&node);
  return out;
}

bool has_dhcp_clients(const Topology& topology, std::string_view network) {
  return std::ranges::any_of(topology.nodes, [&](const NodeEntry& node) {
    const auto* attachment = node->networks.find(network);
    return attachment && (*attachment)->dhcp();
  });
}

std::optional<std::string> only_domain(const Topology& topology) {
  if (topology.domains.size() == 1 && topology.domains.begin()->name != kRootDomain)
    return topology.domains.begin()->name;
  const Named<Domain>* found = nullptr;
  for (const auto& domain : topology.domains) {
    if (domain->users.empty()) continue;
    if (found) return std::nullopt;
    found = &domain;
  }
  return found ? std::optional(found->name) : std::nullopt;
}

namespace {
/// Nobody lives in the root.
std::string first_domain(const Topology& topology) {
  for (const auto& domain : topology.domains)
    if (domain.name != kRootDomain) return domain.name;
  return {};
}
}  // namespace

std::string domain_of(const Topology& topology, const NodeEntry& node) {
  if (node->domain) return **node->domain;
  if (auto only = only_domain(topology)) return *only;
  for (const auto& attachment : node->networks)
    if (auto domain = domain_of_network(topology, attachment.name); !domain.empty()) return domain;
  return first_domain(topology);
}

std::string domain_of_network(const Topology& topology, std::string_view network) {
  if (auto only = only_domain(topology)) return *only;
  // The one who lends the addresses says what the clients are called; else a name server there; else any
  // neighbour.
  std::string neighbour, name_server;
  for (const auto& node : topology.nodes) {
    if (!node->domain) continue;
    if (node->services.dhcp && lends_on(topology, node, network)) return **node->domain;
    if (!node->networks.find(network) || **node->domain == kRootDomain) continue;
    if (neighbour.empty()) neighbour = **node->domain;
    if (name_server.empty() && node->services.dns) name_server = **node->domain;
  }
  if (!name_server.empty()) return name_server;
  if (!neighbour.empty()) return neighbour;
  return first_domain(topology);
}

NodeList dns_servers(const Topology& topology, std::string_view domain) {
  NodeList primaries, secondaries;
  const NodeEntry* any = nullptr;
  bool any_is_root = false;
  for (const auto& node : topology.nodes) {
    if (!node->services.dns) continue;
    const bool primary = node->services.dns->value.role == DnsRole::Primary;
    const bool root = node->domain && **node->domain == kRootDomain;
    if (primary && (!any || (any_is_root && !root))) {
      any = &node;
      any_is_root = root;
    }
    if (domain_of(topology, node) == domain) (primary ? primaries : secondaries).push_back(&node);
  }
  if (primaries.empty() && any) primaries.push_back(any);
  primaries.insert(primaries.end(), secondaries.begin(), secondaries.end());
  return primaries;
}

std::vector<IpAddress> resolvers(const Topology& topology, std::string_view domain) {
  std::vector<IpAddress> out;
  for (const auto* server : dns_servers(topology, domain))
    if (auto address = main_address(*server)) out.push_back(*address);
  return out;
}

bool recurses(const Topology& topology, const NodeEntry& server) {
  if (const auto& written = server->services.dns->value.recursion) return *written;
  const auto name = domain_of(topology, server);
  if (name.find('.') != std::string::npos && name != kRootDomain) return true;
  const auto* domain = topology.domains.find(name);
  if (!domain || name == kRootDomain) return !domain;
  return !(*domain)->users.empty() || std::ranges::any_of(topology.nodes, [&](const NodeEntry& node) {
    return node->is_client() && domain_of(topology, node) == name;
  });
}

namespace {
template <class Has>
const NodeEntry* server_of(const Topology& topology, std::string_view domain, Has has) {
  for (const auto& node : topology.nodes)
    if (has(node->services) && domain_of(topology, node) == domain) return &node;
  return nullptr;
}
}  // namespace

const NodeEntry* directory_server(const Topology& topology, std::string_view domain) {
  return server_of(topology, domain,
                   [](const Services& s) { return s.directory && !s.directory->value.replica_of; });
}

NodeList directory_replicas(const Topology& topology, std::string_view domain) {
  NodeList out;
  for (const auto& node : topology.nodes)
    if (node->services.directory && node->services.directory->value.replica_of &&
        domain_of(topology, node) == domain)
      out.push_back(&node);
  return out;
}

const NodeEntry* mail_server(const Topology& topology, std::string_view domain) {
  return server_of(topology, domain, [](const Services& s) { return s.mail.has_value(); });
}

const NodeEntry* relay_target(const Topology& topology, const NodeEntry& relay) {
  if (!relay->services.relay) return nullptr;
  if (const auto& to = relay->services.relay->value.to) return topology.nodes.find(**to);
  const NodeEntry* only = nullptr;
  for (const auto& node : topology.nodes) {
    if (!node->services.dhcp) continue;
    if (only && failover_partner(topology, *only) != &node) return nullptr;
    if (!only) only = &node;
  }
  return only;
}

const NodeEntry* failover_partner(const Topology& topology, const NodeEntry& server) {
  if (!server->services.dhcp || !server->services.dhcp->value.failover) return nullptr;
  for (const auto& other : topology.nodes) {
    if (&other == &server || !other->services.dhcp || !other->services.dhcp->value.failover) continue;
    for (const auto& attachment : server->networks)
      if (address_on(server, attachment.name) && address_on(other, attachment.name)) return &other;
  }
  return nullptr;
}

bool is_failover_primary(const Topology& topology, const NodeEntry& server) {
  const auto* partner = failover_partner(topology, server);
  for (const auto& node : topology.nodes)
    if (&node == &server || &node == partner) return &node == &server;
  return true;
}

const NodeEntry& scope_owner(const Topology& topology, const NodeEntry& server, std::string_view network) {
  const auto* partner = failover_partner(topology, server);
  return !scope_of(server, network) && partner && scope_of(*partner, network) ? *partner : server;
}

const Scope* scope_of(const NodeEntry& server, std::string_view network) {
  if (!server->services.dhcp) return nullptr;
  const auto* scope = server->services.dhcp->value.scopes.find(network);
  return scope && !(*scope)->network ? &scope->value : nullptr;
}

bool lends_on(const Topology& topology, const NodeEntry& server, std::string_view network) {
  if (!server->services.dhcp) return false;
  const auto& owner = scope_owner(topology, server, network);
  const auto* partner = failover_partner(topology, server);
  const bool any = !server->services.dhcp->value.scopes.empty() ||
                   (partner && !(*partner)->services.dhcp->value.scopes.empty());
  const bool wanted = any ? scope_of(owner, network) != nullptr : has_dhcp_clients(topology, network);
  if (!wanted) return false;
  if (const auto* own = server->networks.find(network)) return !(*own)->dhcp();
  return std::ranges::any_of(topology.nodes, [&](const NodeEntry& relay) {
    if (!relay->services.relay || !relay->networks.find(network)) return false;
    const auto* target = relay_target(topology, relay);
    return target && (target == &server || target == partner);
  });
}

NodeList dhcp_servers(const Topology& topology, std::string_view network) {
  NodeList out;
  for (const auto& node : topology.nodes)
    if (lends_on(topology, node, network)) out.push_back(&node);
  return out;
}

std::optional<Ipv6> ipv6_of(const Topology& topology, std::string_view network) {
  const auto* spec = topology.networks.find(network);
  if (!spec || !(*spec)->subnet6 || !(*spec)->subnet6->clean) return std::nullopt;
  if ((*spec)->ipv6) return **(*spec)->ipv6;
  return dhcp_servers(topology, network).empty() ? Ipv6::Slaac : Ipv6::Stateful;
}

bool serves6_on(const Topology& topology, const NodeEntry& server, std::string_view network) {
  const auto how = ipv6_of(topology, network);
  if (!how || *how == Ipv6::Slaac || !lends_on(topology, server, network)) return false;
  // Two servers do not share IPv6 leases: the first one serves them.
  return dhcp_servers(topology, network).front() == &server;
}

NodeList advertisers(const Topology& topology, std::string_view network) {
  NodeList out;
  if (!ipv6_of(topology, network)) return out;
  for (const auto* node : attached(topology, network))
    if ((*node)->is_router() && address6_on(topology, *node, network)) out.push_back(node);
  if (!out.empty()) return out;
  for (const auto* server : dhcp_servers(topology, network))
    if (address6_on(topology, *server, network)) out.push_back(server);
  return out;
}

std::vector<AddressRange> lease_ranges6(const NodeEntry& server, const std::string& network,
                                        const Network& subnet6) {
  std::vector<AddressRange> out;
  if (const auto* scope = scope_of(server, network))
    for (const auto& range : scope->range6)
      if (range.clean) out.push_back(*range);
  if (!out.empty()) return out;
  // Beyond what nodes are given by hand, and few enough to be read out.
  constexpr std::uint64_t kFirst = 0x10000, kCount = 0x10000, kHalf = 0x8000;
  if (subnet6.prefix() > 111) return {{subnet6.address().plus(kHalf), subnet6.broadcast()}};
  return {{subnet6.address().plus(kFirst), subnet6.address().plus(kFirst + kCount - 1)}};
}

std::optional<IpAddress> gateway6(const Topology& topology, std::string_view network) {
  const auto v4 = gateway(topology, network);
  for (const auto& node : topology.nodes)
    if (v4 && node->is_router() && address_on(node, network) == v4)
      return address6_on(topology, node, network);
  return std::nullopt;
}

std::optional<IpAddress> gateway(const Topology& topology, std::string_view network) {
  const auto* spec = topology.networks.find(network);
  if (!spec) return std::nullopt;
  if (const auto& written = (*spec)->gateway) {
    if (auto address = IpAddress::parse(**written)) return address;
    const auto* node = topology.nodes.find(**written);
    return node ? address_on(*node, network) : std::nullopt;
  }
  for (const auto& node : topology.nodes)
    if (node->is_router())
      if (auto address = address_on(node, network)) return address;
  return std::nullopt;
}

std::optional<IpAddress> client_gateway(const Topology& topology, std::string_view network) {
  if (auto address = gateway(topology, network)) return address;
  for (const auto* server : dhcp_servers(topology, network))
    if (auto address = address_on(*server, network)) return address;
  return std::nullopt;
}

std::vector<AddressRange> lease_ranges(const NodeEntry& server, const std::string& network,
                                       const Network& subnet) {
  return lent_ranges(scope_of(server, network), subnet);
}

std::vector<AddressRange> exclusions(const Topology& topology, const NodeEntry& server,
                                     const std::string& network) {
  std::vector<AddressRange> out;
  const auto* scope = scope_of(server, network);
  if (scope)
    for (const auto& range : scope->exclude)
      if (range.clean) out.push_back(*range);
  const auto* spec = topology.networks.find(network);
  if (!spec) return out;
  const auto ranges = lease_ranges(server, network, *(*spec)->subnet);
  for (const auto* node : attached(topology, network)) {
    const auto address = address_on(*node, network);
    const auto inside = [&](const AddressRange& r) { return r.contains(*address); };
    if (address && std::ranges::any_of(ranges, inside) && std::ranges::none_of(out, inside))
      out.push_back({*address, *address});
  }
  return out;
}

}  // namespace lab::topology
