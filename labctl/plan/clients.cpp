// DHCP clients: one for each interface that asks for its address.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/lease_script.hpp"
#include "labctl/plan/policies.hpp"

namespace lab::plan {

using topology::DhcpClient;
using topology::NodeEntry;

namespace {

void use_builtin(Client& client, const Build& build, const NodeEntry& node, bool resolv_conf) {
  const auto folder = build.state(node.name, "dhcp-client");
  client.flavour = "builtin";
  client.argv = {build.program("lab-dhclient"),
                 "--interface",
                 client.interface,
                 "--hostname",
                 node.name,
                 "--state",
                 folder + "/" + client.interface + ".lease",
                 "--lease-file",
                 client.lease_file};
  if (resolv_conf) client.argv.insert(client.argv.end(), {"--resolv-conf", "/etc/resolv.conf"});
  if (!topology::advertisers(build.topology, client.network).empty())
    client.argv.insert(client.argv.end(), {"--ipv6", "auto"});
  for (const auto& suffix : machine_policy(build.topology, node).dns_suffix)
    client.argv.insert(client.argv.end(), {"--search", suffix});
  client.state_folders = {folder};
}

const char* flavour_of(DhcpClient client) {
  switch (client) {
    case DhcpClient::Builtin: return "builtin";
    case DhcpClient::Udhcpc: return "udhcpc";
    case DhcpClient::Dhclient: return "dhclient";
    case DhcpClient::Dhcpcd: return "dhcpcd";
    case DhcpClient::Networkd: return "networkd";
  }
  return "";
}

/// The machine's own clients go into the background once they hold a lease; systemd-networkd stays, and its
/// hook tells.
void use_foreign(Client& client, const Build& build, const NodeEntry& node, bool resolv_conf) {
  const auto folder = build.runtime(node.name, "dhcp-client/" + client.interface);
  const auto script = folder + "/lease-script";
  const bool ipv6 = !topology::advertisers(build.topology, client.network).empty();
  client.flavour = flavour_of(node->dhcp_client);
  client.files = {
      {script,
       lease_script(build.inputs.paths, {.client = client.flavour,
                                         .lease_file = client.lease_file,
                                         .resolv_conf = resolv_conf,
                                         .suffixes = machine_policy(build.topology, node).dns_suffix}),
       0755, File::Change::Restart}};
  if (node->dhcp_client != DhcpClient::Networkd) client.ready = Ready::Forks;
  switch (node->dhcp_client) {
    case DhcpClient::Udhcpc:
      client.argv = {"/usr/sbin/udhcpc",
                     "-i",
                     client.interface,
                     "-s",
                     script,
                     "-p",
                     folder + "/pid",
                     "-x",
                     "hostname:" + node.name,
                     "-O",
                     "search",
                     "-t",
                     "20",
                     "-T",
                     "1",
                     "-n"};
      break;
    case DhcpClient::Dhclient:
      client.files.push_back({folder + "/dhclient.conf",
                              "send host-name = gethostname();\n"
                              "request subnet-mask, broadcast-address, routers, domain-name, "
                              "domain-name-servers, domain-search,\n"
                              "  host-name, ntp-servers;\n"
                              "initial-interval 1;\ntimeout 20;\n",
                              0644, File::Change::Restart});
      client.argv = {"/usr/sbin/dhclient",
                     "-4",
                     "-1",
                     "-v",
                     "-sf",
                     script,
                     "-cf",
                     folder + "/dhclient.conf",
                     "-lf",
                     folder + "/leases",
                     "-pf",
                     folder + "/pid",
                     client.interface};
      break;
    case DhcpClient::Dhcpcd:
      client.files.push_back(
          {folder + "/dhcpcd.conf",
           fmt::format("hostname\noption subnet_mask, routers, domain_name_servers, domain_name, "
                       "domain_search, host_name\n"
                       "option interface_mtu\nnoarp\nnoipv4ll\n{}timeout 20\n",
                       ipv6 ? "" : "noipv6\nnoipv6rs\n"),
           0644, File::Change::Restart});
      client.argv = {"/usr/sbin/dhcpcd", "-w", "-f", folder + "/dhcpcd.conf", "-c", script, client.interface};
      if (!ipv6) client.argv.insert(client.argv.begin() + 1, "-4");
      break;
    case DhcpClient::Networkd:
      client.argv = {script, client.interface, node.name};
      if (ipv6) client.argv.emplace_back("ipv6");
      break;
    case DhcpClient::Builtin: break;
  }
}

}  // namespace

void add_clients(Build& build) {
  const auto& topology = build.topology;
  for (const auto& node : topology.nodes) {
    for (const auto& attachment : node->networks) {
      if (!attachment->dhcp()) continue;
      Client client;
      client.interface = interface_on(node, attachment.name);
      client.id = service_id(node, client.interface);
      client.node = node.name;
      client.network = attachment.name;
      client.lease_file = build.runtime(node.name, client.interface + ".lease.json");
      // A node with a fixed address elsewhere has its resolv.conf from the topology.
      const bool resolv_conf = !topology::main_address(node);
      if (node->dhcp_client == DhcpClient::Builtin)
        use_builtin(client, build, node, resolv_conf);
      else
        use_foreign(client, build, node, resolv_conf);
      for (const auto* server : topology::dhcp_servers(topology, attachment.name)) {
        client.after.push_back(service_id(*server, "dhcp"));
        // The name server first, so that the client's name is known once it has its lease.
        for (const auto* dns : topology::dns_servers(topology, topology::domain_of(topology, *server)))
          client.after.push_back(service_id(*dns, "dns"));
      }
      for (const auto* router : topology::advertisers(topology, attachment.name))
        client.after.push_back(service_id(*router, "ra"));
      for (const auto& relay : topology.nodes)
        if (relay->networks.find(attachment.name) && build.plan.service(service_id(relay, "dhcp-relay")))
          client.after.push_back(service_id(relay, "dhcp-relay"));
      build.plan.clients.push_back(std::move(client));
    }
  }
}

}  // namespace lab::plan
