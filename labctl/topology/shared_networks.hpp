/// shared_networks -- further subnets on the wire of a network: DHCP scopes with `network:` and `subnet:`.
/// Their clients and those of the network's own subnet hear each other's frames; the network's gateway has an
/// address in each subnet, and routes between them.
#pragma once
#include <string_view>
#include <vector>

#include "labctl/topology/roles.hpp"

namespace lab::topology {

using ScopeEntry = Named<Scope>;

/// The network whose clients a scope is for.
const std::string& wire_of(const ScopeEntry& scope);
/// The further subnets that `server` lends on a network, as written by it or by its failover partner, in
/// order.
std::vector<const ScopeEntry*> further_scopes(const Topology& topology, const NodeEntry& server,
                                              std::string_view network);
/// Those of every server of the network.
std::vector<const ScopeEntry*> further_subnets(const Topology& topology, std::string_view network);
/// What clients of such a subnet get as default route: the address written, else the first of the subnet.
IpAddress further_gateway(const Scope& scope);
/// The node that has these addresses: the network's gateway, else the first DHCP server on it.
const NodeEntry* gateway_node(const Topology& topology, std::string_view network);

/// The ranges of a scope, or the upper half of the subnet.
std::vector<AddressRange> lent_ranges(const Scope* scope, const Network& subnet);

}  // namespace lab::topology
