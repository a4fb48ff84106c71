#include <fmt/format.h>

#include "labctl/topology/failover.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::topology {

namespace {

using NetworkEntry = Named<NetworkSpec>;

/// Two servers that stand in for each other lend the same addresses.
void check_pair(const Topology& topology, const NetworkEntry& network, const NodeEntry& first, const NodeEntry& second,
                yaml::Diagnostics& diagnostics) {
  const auto *one = scope_of(first, network.name), *other = scope_of(second, network.name);
  if (failover_partner(topology, first) != &second)
    report(diagnostics, *second->services.dhcp,
           fmt::format("{} and {} both lend on {}, but {} stands in for another server", first.name, second.name, network.name,
                       first.name),
           "a server has one partner, on a network where both have an address");
  else if (one && other)
    report(diagnostics, *second->services.dhcp,
           fmt::format("the scope of {} is written for both {} and {}", network.name, first.name, second.name),
           fmt::format("write it for {} only; its partner uses the same", first.name));
}

/// Every network with clients has one server, or two that know of each other.
void check_servers(const Topology& topology, const NetworkEntry& network, bool whole,
                   yaml::Diagnostics& diagnostics) {
  const auto servers = dhcp_servers(topology, network.name);
  for (std::size_t i = 1; i < servers.size(); ++i) {
    const auto& first = *servers[0]->value.services.dhcp;
    const auto& second = *servers[i]->value.services.dhcp;
    if (first->failover && second->failover && servers.size() == 2) {
      check_pair(topology, network, *servers[0], *servers[1], diagnostics);
      continue;
    }
    report(diagnostics, second,
           fmt::format("two DHCP servers on {}: {} (line {}) and {} (line {})", network.name,
                       servers[0]->name, first.at.line, servers[i]->name, second.at.line),
           "one per network, or `failover: true` on both");
  }
  if (!servers.empty() || !whole) return;
  // A scope with a misspelt name may be the one for this network.
  for (const auto& node : topology.nodes)
    if (node->services.dhcp)
      for (const auto& scope : node->services.dhcp->value.scopes)
        if (!topology.networks.find(scope.name)) return;
  for (const auto& node : topology.nodes) {
    const auto* attachment = node->networks.find(network.name);
    if (!attachment || !(*attachment)->dhcp() || node->index > 1) continue;
    std::string remedy =
        fmt::format("give {} a fixed address, or a node of {} the service dhcp", node->group, network.name);
    for (const auto& server : topology.nodes)
      if (server->services.dhcp && server->networks.find(network.name))
        remedy = fmt::format("the scopes of {} (line {}) do not name {}", server.name,
                             server->services.dhcp->at.line, network.name);
    diagnostics.error(
        attachment->at,
        fmt::format("{} asks for an address on {}, where nobody lends one", node->group, network.name),
        remedy, attachment->name.size());
    return;  // the others ask in vain for the same reason
  }
}

/// Addresses a scope can lend to those without a reservation.
std::uint64_t capacity(const Topology& topology, const NodeEntry& server, const NetworkEntry& network) {
  const auto excluded = exclusions(topology, server, network.name);
  std::uint64_t lent = 0;
  constexpr std::uint64_t kEnough = 4096;  // more than a lab has nodes: counting one by one stays quick
  const auto* scope = scope_of(server, network.name);
  for (const auto& range : lease_ranges(server, network.name, *network->subnet)) {
    for (std::uint64_t i = 0; i < std::min(range.size(), kEnough); ++i) {
      const auto address = range.first.plus(i);
      const auto has = [&](const AddressRange& r) { return r.contains(address); };
      const bool reserved = scope && std::ranges::any_of(scope->reservations, [&](const auto& r) {
                              return *r->address == address;
                            });
      if (!reserved && std::ranges::none_of(excluded, has)) ++lent;
    }
  }
  for (const auto* further : further_scopes(topology, server, network.name))
    for (const auto& range : lent_ranges(&further->value, **(*further)->subnet))
      lent += std::min(range.size(), kEnough);
  return lent;
}

void check_capacity(const Topology& topology, const NodeEntry& server, const NetworkEntry& network,
                    yaml::Diagnostics& diagnostics) {
  const auto* scope = scope_of(server, network.name);
  const auto further = further_scopes(topology, server, network.name);
  std::uint64_t clients = 0;
  for (const auto* node : attached(topology, network.name))
    if ((*node)->networks.find(network.name)->value.dhcp() &&
        !(scope && scope->reservations.find(node->name)) && std::ranges::none_of(further, [&](const auto* s) {
          return (*s)->reservations.find(node->name) != nullptr;
        }))
      ++clients;
  const auto room = capacity(topology, server, network);
  if (clients <= room) return;
  const auto what = fmt::format("{} clients on {}, but {} {} to lend", clients, network.name, room,
                                room == 1 ? "address" : "addresses");
  if (scope && !scope->range.empty())
    report(diagnostics, scope->range.front(), what, "widen range, or lower the count");
  else
    report(diagnostics, *server->services.dhcp, what,
           fmt::format("the upper half of {} is lent unless a scope's range says otherwise",
                       network->subnet->text()));
}

void check_range(const Topology& topology, const NetworkEntry& network, const Scope& scope,
                 const Located<AddressRange>& range, yaml::Diagnostics& diagnostics) {
  const auto& subnet = *network->subnet;
  if (!subnet.contains(range->first) || !subnet.contains(range->last)) {
    report(diagnostics, range, fmt::format("{} is outside {}", range->text(), described(network)),
           fmt::format("its machines have {} to {}", subnet.first_host().text(), subnet.last_host().text()));
    return;
  }
  if (range->contains(subnet.address()) || range->contains(subnet.broadcast())) {
    report(diagnostics, range,
           fmt::format("{} holds the network's own or its broadcast address", range->text()),
           fmt::format("machines of {} have {} to {}", network.name, subnet.first_host().text(),
                       subnet.last_host().text()));
    return;
  }
  for (const auto* node : attached(topology, network.name)) {
    const auto address = address_on(*node, network.name);
    if (!address || !range->contains(*address)) continue;
    if (std::ranges::any_of(scope.exclude,
                            [&](const auto& excluded) { return excluded->contains(*address); }))
      continue;
    report(diagnostics, range,
           fmt::format("{} holds {}, the fixed address of {} (line {})", range->text(), address->text(),
                       node->name, (*node)->networks.find(network.name)->value.address.fixed.at.line),
           fmt::format("move the range, or add exclude: [{}]", address->text()));
  }
  for (const auto& other : scope.range) {
    if (&other == &range) break;
    if (other.clean && other->first.is_v4() == range->first.is_v4() && other->first <= range->last &&
        range->first <= other->last)
      report(diagnostics, range,
             fmt::format("{} overlaps {} (line {})", range->text(), other->text(), other.at.line));
  }
}

void check_reservations(const Topology& topology, const NetworkEntry& network, const Scope& scope,
                        yaml::Diagnostics& diagnostics) {
  std::map<IpAddress, const Named<Reservation>*> seen;
  std::map<MacAddress, const Named<Reservation>*> macs;
  for (const auto& reservation : scope.reservations) {
    const auto& address = reservation->address;
    const auto* node = topology.nodes.find(reservation.name);
    const auto* attachment = node ? (*node)->networks.find(network.name) : nullptr;
    if (!node && !reservation->names_machine() && reservation.clean) {
      const auto names = topology.nodes.names();
      const auto near = yaml::did_you_mean(reservation.name, names);
      report(diagnostics, reservation, fmt::format("unknown node '{}'", reservation.name),
             near.empty() ? "for a machine outside the lab add its mac: {mac: …, address: …}"
                          : fmt::format("did you mean '{}'?", near));
    } else if (node && !attachment && !reservation->names_machine()) {
      report(diagnostics, reservation, fmt::format("{} is not on {}", reservation.name, network.name),
             "a reservation is for a client of its network");
    } else if (attachment && !(*attachment)->dhcp()) {
      report(diagnostics, reservation,
             fmt::format("{} has a fixed address on {} and asks for none (line {})", reservation.name,
                         network.name, (*attachment)->address.fixed.at.line),
             fmt::format("write networks: {} there, or drop the reservation", network.name));
    }
    if (reservation->mac && reservation->mac->clean) {
      const auto [other, fresh] = macs.emplace(reservation->mac->value, &reservation);
      if (!fresh)
        report(diagnostics, *reservation->mac,
               fmt::format("{} has a reservation already: '{}' (line {})", reservation->mac->value.text(),
                           other->second->name, other->second->at.line));
    }
    if (!address.clean || !reservation.clean) continue;
    if (!network->subnet->contains(*address) || *address == network->subnet->address() ||
        *address == network->subnet->broadcast()) {
      report(diagnostics, address, fmt::format("{} is outside {}", address->text(), described(network)));
      continue;
    }
    const auto [other, fresh] = seen.emplace(*address, &reservation);
    if (!fresh)
      report(diagnostics, address,
             fmt::format("{} is reserved for '{}' already (line {})", address->text(), other->second->name,
                         other->second->at.line));
    for (const auto* taken : attached(topology, network.name))
      if (address_on(*taken, network.name) == *address)
        report(diagnostics, address,
               fmt::format("{} is the fixed address of {}", address->text(), taken->name),
               "reserve another one");
  }
}

void check_outside6(const NetworkEntry& network, const Located<AddressRange>& range,
                    yaml::Diagnostics& diagnostics) {
  if (!network->subnet6) {
    report(diagnostics, range, fmt::format("{} has no IPv6 subnet for {}", network.name, range->text()),
           fmt::format("give {} a subnet6, such as fd00:56::/64", network.name));
  } else if (const auto& subnet = network->subnet6->value;
             network->subnet6->clean && (!subnet.contains(range->first) || !subnet.contains(range->last))) {
    report(diagnostics, range,
           fmt::format("{} is outside {} ({}, defined in line {})", range->text(), network.name,
                       subnet.text(), network->subnet6->at.line));
  }
}

/// What a scope says about IPv6.
void check_scope6(const Topology& topology, const NetworkEntry& network, const Scope& scope,
                  yaml::Diagnostics& diagnostics) {
  for (const auto& range : scope.range6) {
    if (!range.clean) continue;
    check_outside6(network, range, diagnostics);
    for (const auto* node : attached(topology, network.name))
      if (const auto address = address6_on(topology, *node, network.name);
          address && range->contains(*address))
        report(diagnostics, range,
               fmt::format("{} holds {}, the address of {}", range->text(), address->text(), node->name),
               "move the range");
  }
  std::map<IpAddress, std::string> seen;
  for (const auto& reservation : scope.reservations) {
    const auto& address = reservation->address6;
    if (!address || !address->clean) continue;
    if (address->value.is_v4()) {
      report(diagnostics, *address, "address6 is for an IPv6 address");
      continue;
    }
    check_outside6(network, {{address->value, address->value}, address->at, address->width, true},
                   diagnostics);
    if (const auto [other, fresh] = seen.emplace(address->value, reservation.name); !fresh)
      report(diagnostics, *address,
             fmt::format("{} is reserved for '{}' already", address->value.text(), other->second));
  }
  for (const auto& prefixes : scope.prefixes) {
    if (!prefixes.pool.clean) continue;
    const auto& pool = *prefixes.pool;
    if (pool.address().is_v4())
      report(diagnostics, prefixes.pool, fmt::format("{} is an IPv4 network", pool.text()),
             "prefixes are IPv6, such as fd00:100::/48");
    else if (prefixes.length <= pool.prefix())
      report(diagnostics, prefixes.pool,
             fmt::format("a /{} cannot be cut from {}", prefixes.length, pool.text()),
             "length is more than the bits of the pool");
    for (const auto& other : topology.networks)
      if (other->subnet6 && other->subnet6->clean && other->subnet6->value.overlaps(pool))
        report(diagnostics, prefixes.pool,
               fmt::format("{} overlaps {} of {}", pool.text(), other->subnet6->value.text(), other.name),
               "delegate prefixes no network has");
  }
}

}  // namespace

void check_lent(const Topology& topology, const NetworkEntry& network, const Scope& scope,
                yaml::Diagnostics& diagnostics) {
  for (const auto& range : scope.range)
    if (range.clean) check_range(topology, network, scope, range, diagnostics);
  for (const auto& range : scope.exclude)
    if (range.clean && (!network->subnet->contains(range->first) || !network->subnet->contains(range->last)))
      report(diagnostics, range, fmt::format("{} is outside {}", range->text(), described(network)));
  check_reservations(topology, network, scope, diagnostics);
}

namespace {

void check_scopes(const Topology& topology, const NodeEntry& server, yaml::Diagnostics& diagnostics) {
  for (const auto& scope : server->services.dhcp->value.scopes) {
    if (scope->network || scope->subnet) {
      if (scope->network) check_further_scope(topology, server, scope, diagnostics);
      continue;
    }
    const auto* network = topology.networks.find(scope.name);
    if (!network) {
      report_unknown(diagnostics, scope.at, "network", scope.name, topology.networks.names());
      continue;
    }
    const auto* own = server->networks.find(scope.name);
    if (own && (*own)->dhcp())
      report(diagnostics, scope,
             fmt::format("{} would lend addresses on {} and asks for one itself", server.name, scope.name),
             fmt::format("give {} a fixed address there", server.name));
    else if (!own && !lends_on(topology, server, scope.name))
      report(diagnostics, scope,
             fmt::format("{} is not on {}, and no relay there leads to it", server.name, scope.name),
             fmt::format("give {} an address on {}, or a node there the service dhcp-relay", server.name,
                         scope.name));
    if (!(*network)->subnet.clean) continue;
    check_lent(topology, *network, *scope, diagnostics);
    check_scope6(topology, *network, *scope, diagnostics);
  }
}

void check_relay(const Topology& topology, const NodeEntry& node, bool whole,
                 yaml::Diagnostics& diagnostics) {
  const auto& relay = *node->services.relay;
  const auto& to = relay->to;
  if (to && !to->clean) return;
  const auto* target = relay_target(topology, node);
  if (to && !target) {
    report_unknown(diagnostics, to->at, "node", **to, topology.nodes.names());
  } else if (!target) {
    if (whole)
      report(diagnostics, relay, fmt::format("where does {} carry the clients' questions to?", node.name),
             "add to: and the node that runs dhcp");
  } else if (!(*target)->services.dhcp) {
    if (target->clean)
      report(diagnostics, to ? *to : Located<std::string>{{}, relay.at, relay.width, true},
             fmt::format("{} does not run dhcp", target->name));
  } else if (target == &node) {
    report(diagnostics, relay, fmt::format("{} relays to itself", node.name),
           "a DHCP server hears its own networks without a relay");
  }
  if (node->networks.size() < 2 && node.clean)
    report(diagnostics, relay, fmt::format("{} relays with one network", node.name),
           "a relay stands between two networks");
}

}  // namespace

void check_dhcp(const Topology& topology, yaml::Diagnostics& diagnostics) {
  const bool whole = std::ranges::all_of(topology.nodes, &NodeEntry::clean);
  for (const auto& network : topology.networks) {
    check_servers(topology, network, whole, diagnostics);
    const auto servers = dhcp_servers(topology, network.name);
    if (servers.size() == 1 && network->subnet.clean && network->subnet->address().is_v4() &&
        servers.front()->clean)
      check_capacity(topology, *servers.front(), network, diagnostics);
  }
  for (const auto& node : topology.nodes) {
    if (node->services.dhcp) check_scopes(topology, node, diagnostics);
    if (node->services.relay) check_relay(topology, node, whole, diagnostics);
  }
}

}  // namespace lab::topology
