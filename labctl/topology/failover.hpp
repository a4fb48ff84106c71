/// failover -- which DHCP servers of a topology stand in for each other (`failover: true` on both, a network in common).
#pragma once
#include <string_view>

#include "labctl/topology/roles.hpp"

namespace lab::topology {

/// The other of two servers that stand in for each other; nullptr for none.
const NodeEntry* failover_partner(const Topology& topology, const NodeEntry& server);
/// Of such a pair, the first in the file answers while both are up.
bool is_failover_primary(const Topology& topology, const NodeEntry& server);
/// The server whose entry says what is lent on a network: itself, or its partner where only that one has a scope for it.
const NodeEntry& scope_owner(const Topology& topology, const NodeEntry& server, std::string_view network);

}  // namespace lab::topology
