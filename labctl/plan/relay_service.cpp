// dhcp-relay.yaml, for lab-dhcrelay: the wires with clients, and the server their questions are carried to.
#include <fmt/format.h>

#include "labctl/plan/build.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/topology/failover.hpp"

namespace lab::plan {

namespace {

/// The address of the server a relay sends to: on a network they share, where there is one.
std::optional<IpAddress> server_address(const topology::NodeEntry& relay, const topology::NodeEntry& server) {
  for (const auto& attachment : relay->networks)
    if (auto address = topology::address_on(server, attachment.name)) return address;
  return topology::main_address(server);
}

/// Its IPv6 address, where the server answers DHCPv6 on a network of the relay that it is not on itself.
std::optional<IpAddress> server_address6(const topology::Topology& topology, const topology::NodeEntry& relay,
                                         const topology::NodeEntry& server) {
  bool needed = false;
  for (const auto& attachment : relay->networks)
    needed = needed || (!server->networks.find(attachment.name) &&
                        topology::serves6_on(topology, server, attachment.name) &&
                        topology::address6_on(topology, relay, attachment.name));
  if (!needed) return std::nullopt;
  for (const auto& attachment : relay->networks)
    if (auto address = topology::address6_on(topology, server, attachment.name)) return address;
  for (const auto& address : fixed_addresses(topology, server))
    if (!address.is_v4()) return address;
  return std::nullopt;
}

}  // namespace

void add_relays(Build& build) {
  for (const auto& node : build.topology.nodes) {
    const auto* server = node->services.relay ? topology::relay_target(build.topology, node) : nullptr;
    const auto address = server ? server_address(node, *server) : std::nullopt;
    if (!address) continue;
    std::vector<std::string> interfaces;
    for (const auto& attachment : node->networks)
      if (!(*server)->networks.find(attachment.name) &&
          topology::lends_on(build.topology, *server, attachment.name))
        interfaces.push_back(interface_on(node, attachment.name));
    if (interfaces.empty()) {
      build.plan.notices.push_back(
          fmt::format("{}/dhcp-relay has nothing to carry: {} is on every network of {} that has clients",
                      node.name, server->name, node.name));
      continue;
    }
    YamlText yaml;
    yaml.comment(
        fmt::format("The DHCP relay {}, for lab-dhcrelay. Written by labctl from the topology.", node.name));
    std::vector<std::string> servers{address->text()};
    if (const auto* partner = topology::failover_partner(build.topology, *server))
      if (const auto other = server_address(node, *partner)) servers.push_back(other->text());
    if (const auto address6 = server_address6(build.topology, node, *server))
      servers.push_back(address6->text());
    yaml.list("interfaces", interfaces).list("servers", servers).value("remote_id", node.name);

    Service service;
    service.id = service_id(node, "dhcp-relay");
    service.node = node.name;
    service.kind = "dhcp-relay";
    const auto config = build.runtime(node.name, "dhcp-relay/dhcp-relay.yaml");
    service.argv = {build.program("lab-dhcrelay"), "--config", config};
    service.files = {{config, std::move(yaml).text(), 0644, File::Change::Restart}};
    service.runtime_folders = {build.runtime(node.name, "dhcp-relay")};
    service.listens = {"dhcp 67"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
