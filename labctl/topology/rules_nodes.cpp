#include <fmt/format.h>

#include "labctl/topology/names.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"

namespace lab::topology {

namespace {

/// Rules about a node as written are told once, not once for each of its copies.
bool first_of_group(const NodeEntry& node) { return node->index <= 1; }

void check_name(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  const auto& written = node->group;
  if (const auto bad = check_host_name(written)) {
    diagnostics.error(node.at, fmt::format("'{}' cannot be a node's name: {}", written, bad->reason),
                      bad->suggestion.empty() ? "" : fmt::format("'{}' would do", bad->suggestion),
                      std::max<std::size_t>(written.size(), 1));
  } else if (const auto numbered = check_host_name(node.name)) {
    diagnostics.error(node.at, fmt::format("'{}' cannot be a node's name: {}", node.name, numbered->reason),
                      "shorten it", written.size());
  }
}

void check_attachments(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (node->networks.empty() && node.clean)
    report(diagnostics, node, fmt::format("{} is on no network", node->group),
           topology.networks.empty()
               ? "say which: networks: lan"
               : fmt::format("say which: networks: {}", topology.networks.begin()->name));
  for (const auto& attachment : node->networks) {
    if (!topology.networks.find(attachment.name)) {
      report_unknown(diagnostics, attachment.at, "network", attachment.name, topology.networks.names());
      continue;
    }
    if (attachment->mac && attachment->mac->clean) {
      const auto first = attachment->mac->value.bytes()[0];
      if (first & 1)
        report(diagnostics, *attachment->mac,
               fmt::format("{} is a group address", attachment->mac->value.text()),
               "the first byte of an interface's own address is even, such as 02");
      if (attachment->mac->value == MacAddress())
        report(diagnostics, *attachment->mac, "00:00:00:00:00:00 is no interface's address");
    }
  }
}

void check_count(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->count || !node->count->clean) return;
  for (const auto& attachment : node->networks) {
    if (!attachment->dhcp())
      report(diagnostics, attachment->address.fixed,
             fmt::format("{} nodes cannot share the address {}", **node->count,
                         attachment->address.fixed->text()),
             "with count, addresses come by DHCP");
    if (attachment->mac)
      report(diagnostics, *attachment->mac,
             fmt::format("{} nodes cannot share one MAC address", **node->count),
             "leave mac out: each gets its own");
  }
}

void check_routing(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (node->nat && node->nat->clean) {
    if (!topology.networks.find(**node->nat))
      report_unknown(diagnostics, node->nat->at, "network", **node->nat, topology.networks.names());
    else if (!node->networks.find(**node->nat))
      report(diagnostics, *node->nat, fmt::format("{} is not on {}", node->group, **node->nat),
             "nat names one of the node's own networks");
  }
  if (node->is_router() && node->networks.size() < 2 && node.clean)
    report(diagnostics, node,
           fmt::format("{} is a router with {} network", node->group, node->networks.size()),
           "a router joins two networks or more");
  for (const auto& route : node->routes) {
    const auto network = Network::parse(route.name);
    if (!network) {
      report(diagnostics, route, fmt::format("'{}' is not a network a route can lead to", route.name),
             "write it as 10.1.0.0/16; 0.0.0.0/0 is the default route");
      continue;
    }
    if (!route->clean) continue;
    const bool reachable = std::ranges::any_of(node->networks, [&](const auto& attachment) {
      const auto* spec = topology.networks.find(attachment.name);
      return !spec || !(*spec)->subnet.clean || (*spec)->subnet->contains(**route) ||
             ((*spec)->subnet6 && (*spec)->subnet6->value.contains(**route));
    });
    if (network->address().is_v4() != (*route)->is_v4())
      report(diagnostics, *route,
             fmt::format("{} cannot be reached through {}: one is IPv4, one IPv6", route.name,
                         (*route)->text()));
    else if (!reachable)
      report(diagnostics, *route,
             fmt::format("the next hop {} is on none of {}'s networks", (*route)->text(), node->group),
             "a next hop is a neighbour");
  }
}

void check_groups(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  const auto name = domain_of(topology, node);
  const auto* domain = topology.domains.find(name);
  for (const auto& group : node->groups) {
    if (!group.clean || (domain && (*domain)->groups.find(*group))) continue;
    if (domain)
      report_unknown(diagnostics, group.at, "group", *group, (*domain)->groups.names());
    else
      report(diagnostics, group, fmt::format("{} belongs to no domain, so to no group", node->group),
             "say which: domain: …");
  }
}

}  // namespace

void check_nodes(const Topology& topology, yaml::Diagnostics& diagnostics) {
  if (topology.nodes.size() > static_cast<std::size_t>(Limits::kNodes))
    diagnostics.error(
        topology.nodes.begin()->at,
        fmt::format("{} nodes are more than a lab has: {}", topology.nodes.size(), Limits::kNodes),
        "lower the counts");
  std::map<std::string_view, const NodeEntry*> seen;
  for (const auto& node : topology.nodes) {
    const auto [other, fresh] = seen.emplace(node.name, &node);
    if (!fresh)
      diagnostics.error(
          node.at,
          fmt::format("'{}' is also the name of a node in line {}", node.name, other->second->at.line),
          "count makes name-1, name-2, …; choose another name", node->group.size());
    if (!first_of_group(node)) continue;
    check_name(node, diagnostics);
    check_attachments(topology, node, diagnostics);
    check_count(node, diagnostics);
    check_routing(topology, node, diagnostics);
    if (node->domain && node->domain->clean && !topology.domains.find(**node->domain))
      report_unknown(diagnostics, node->domain->at, "domain", **node->domain, topology.domains.names());
    check_groups(topology, node, diagnostics);
  }
}

namespace {

/// What may be wrong with one fixed address on its network.
void check_address(const Named<NetworkSpec>& network, const Located<IpAddress>& address,
                   yaml::Diagnostics& diagnostics) {
  if (!address.clean) return;
  const bool v4 = address->is_v4();
  if (v4 && !network->subnet.clean) return;
  if (!v4 && !network->subnet6) {
    report(diagnostics, address, fmt::format("{} has no IPv6 subnet for {}", network.name, address->text()),
           fmt::format("give {} a subnet6, such as fd00:56::/64", network.name));
    return;
  }
  if (!v4 && !network->subnet6->clean) return;
  const auto& subnet = v4 ? *network->subnet : network->subnet6->value;
  if (!subnet.contains(*address)) {
    report(diagnostics, address,
           v4 ? fmt::format("{} is outside {}", address->text(), described(network))
              : fmt::format("{} is outside {} ({}, defined in line {})", address->text(), network.name,
                            subnet.text(), network->subnet6->at.line));
  } else if (*address == subnet.address()) {
    report(diagnostics, address,
           fmt::format("{} is the address of {} itself", address->text(), described(network)),
           fmt::format("the first a machine can have is {}", subnet.first_host().text()));
  } else if (v4 && *address == subnet.broadcast()) {
    report(diagnostics, address,
           fmt::format("{} is the broadcast address of {}", address->text(), described(network)),
           fmt::format("the last a machine can have is {}", subnet.last_host().text()));
  }
}

}  // namespace

void check_addresses(const Topology& topology, yaml::Diagnostics& diagnostics) {
  struct Taken {
    std::string node;
    int line;
  };
  std::map<std::pair<std::string_view, IpAddress>, Taken> addresses;
  std::map<MacAddress, Taken> macs;
  for (const auto& node : topology.nodes) {
    if (!first_of_group(node)) continue;
    for (const auto& attachment : node->networks) {
      const auto* network = topology.networks.find(attachment.name);
      if (!network) continue;
      const auto take = [&](const Located<IpAddress>& address) {
        check_address(*network, address, diagnostics);
        if (!address.clean) return;
        const auto [other, fresh] = addresses.emplace(std::pair(std::string_view(attachment.name), *address),
                                                      Taken{node->group, address.at.line});
        if (!fresh)
          report(diagnostics, address,
                 fmt::format("{} is taken: {} has it (line {})", address->text(), other->second.node,
                             other->second.line),
                 fmt::format("give {} another address", node->group));
      };
      if (!attachment->dhcp()) {
        take(attachment->address.fixed);
        if (attachment->address.fixed.clean && !attachment->address.fixed->is_v4())
          report(diagnostics, attachment->address.fixed, "an IPv6 address where an IPv4 one belongs",
                 fmt::format("write {{address: …, address6: {}}}", attachment->address.fixed->text()));
      }
      if (attachment->address6) {
        if (attachment->address6->clean && attachment->address6->value.is_v4())
          report(diagnostics, *attachment->address6, "address6 is for an IPv6 address");
        else
          take(*attachment->address6);
      }
      if (attachment->mac && attachment->mac->clean) {
        const auto [other, fresh] =
            macs.emplace(attachment->mac->value, Taken{node->group, attachment->mac->at.line});
        if (!fresh)
          report(diagnostics, *attachment->mac,
                 fmt::format("{} is taken: {} has it (line {})", attachment->mac->value.text(),
                             other->second.node, other->second.line),
                 "two interfaces with one MAC address lose each other's packets");
      }
    }
  }
}

}  // namespace lab::topology
