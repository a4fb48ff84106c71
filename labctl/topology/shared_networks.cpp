#include "labctl/topology/shared_networks.hpp"

#include <algorithm>

#include "labctl/topology/failover.hpp"

namespace lab::topology {

namespace {

bool whole(const Scope& scope) {
  return scope.network && scope.network->clean && scope.subnet && scope.subnet->clean;
}

}  // namespace

const std::string& wire_of(const ScopeEntry& scope) { return scope->network ? **scope->network : scope.name; }

std::vector<const ScopeEntry*> further_scopes(const Topology& topology, const NodeEntry& server,
                                              std::string_view network) {
  std::vector<const ScopeEntry*> out;
  if (!lends_on(topology, server, network)) return out;
  for (const auto& scope : scope_owner(topology, server, network)->services.dhcp->value.scopes)
    if (whole(*scope) && **scope->network == network) out.push_back(&scope);
  return out;
}

std::vector<const ScopeEntry*> further_subnets(const Topology& topology, std::string_view network) {
  std::vector<const ScopeEntry*> out;
  for (const auto* server : dhcp_servers(topology, network))
    for (const auto* scope : further_scopes(topology, *server, network))
      if (std::ranges::find(out, scope) == out.end()) out.push_back(scope);
  return out;
}

IpAddress further_gateway(const Scope& scope) {
  return scope.gateway && scope.gateway->clean ? **scope.gateway : (*scope.subnet)->first_host();
}

const NodeEntry* gateway_node(const Topology& topology, std::string_view network) {
  const auto address = gateway(topology, network);
  for (const auto* node : attached(topology, network))
    if (address && address_on(*node, network) == address) return node;
  for (const auto* server : dhcp_servers(topology, network))
    if (address_on(*server, network)) return server;
  return nullptr;
}

std::vector<AddressRange> lent_ranges(const Scope* scope, const Network& subnet) {
  std::vector<AddressRange> out;
  if (scope)
    for (const auto& range : scope->range)
      if (range.clean) out.push_back(*range);
  if (!out.empty()) return out;
  const auto size = std::uint64_t{1} << (32 - subnet.prefix());
  return {{subnet.address().plus(size / 2), subnet.last_host()}};
}

}  // namespace lab::topology
