/// rules -- what must hold between the parts of a topology: names that exist, addresses that fit, servers
/// that can be reached. Each rule reports at the place a person would correct. Used by load.hpp only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "labctl/topology/topology.hpp"

namespace lab::topology {

void check_networks(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_nodes(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_addresses(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_domains(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_dns(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_services(const Topology& topology, yaml::Diagnostics& diagnostics);
void check_dhcp(const Topology& topology, yaml::Diagnostics& diagnostics);
/// A scope that is a further subnet on a network's wire (shared_networks.hpp).
void check_further_scope(const Topology& topology, const Named<Node>& server, const Named<Scope>& scope,
                         yaml::Diagnostics& diagnostics);
/// What a scope lends, against the subnet it lends it of: a network's own, or a further one in its place.
void check_lent(const Topology& topology, const Named<NetworkSpec>& network, const Scope& scope,
                yaml::Diagnostics& diagnostics);
void check_promises(const Topology& topology, yaml::Diagnostics& diagnostics);

/// `unknown network 'lann'; did you mean 'lan'?`, else `; the file has lan, wan`.
void report_unknown(yaml::Diagnostics& diagnostics, yaml::Position at, std::string_view kind,
                    std::string_view name, const std::vector<std::string>& known);
template <class T>
void report(yaml::Diagnostics& diagnostics, const Located<T>& place, std::string what,
            std::string remedy = {}) {
  diagnostics.error(place.at, std::move(what), std::move(remedy), place.width);
}
template <class T>
void report(yaml::Diagnostics& diagnostics, const Named<T>& place, std::string what,
            std::string remedy = {}) {
  diagnostics.error(place.at, std::move(what), std::move(remedy), place.name.size());
}
/// "lan (192.168.56.0/24, defined in line 2)"
std::string described(const Named<NetworkSpec>& network);

}  // namespace lab::topology
