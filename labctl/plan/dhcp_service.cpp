// dhcp.yaml, for lab-dhcpd: a scope for each network it lends addresses on.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/plan/build.hpp"
#include "labctl/plan/dhcp6.hpp"
#include "labctl/plan/dhcp_control.hpp"
#include "labctl/plan/secrets.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/plan/zones.hpp"
#include "labctl/topology/failover.hpp"

namespace lab::plan {

using topology::NodeEntry;

namespace {

std::vector<std::string> texts(const std::vector<AddressRange>& ranges) {
  std::vector<std::string> out;
  for (const auto& range : ranges) out.push_back(range.text());
  return out;
}

std::vector<std::string> texts_v4(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const auto& address : addresses)
    if (address.is_v4()) out.push_back(address.text());
  return out;
}

/// The names dhcpd.conf(5) and IANA use for the options a scope has by itself, with their numbers (RFC 2132,
/// RFC 3397): what the file says about either replaces them.
constexpr std::pair<std::string_view, std::string_view> kDerivedOptions[] = {{"routers", "3"},
                                                                             {"domain-name-servers", "6"},
                                                                             {"domain-name", "15"},
                                                                             {"broadcast-address", "28"},
                                                                             {"domain-search", "119"}};

void write_option(YamlText& yaml, const topology::Named<topology::OptionValues>& option) {
  std::vector<std::string> values;
  for (const auto& value : *option) values.push_back(*value);
  if (values.size() == 1)
    yaml.value(option.name, values.front());
  else
    yaml.list(option.name, values);
}

void write_options(YamlText& yaml, const Build& build, const std::string& network, const Network& subnet,
                   const topology::Scope* scope) {
  const auto& topology = build.topology;
  std::set<std::string> written;
  if (scope)
    for (const auto& option : scope->options) {
      written.insert(option.name);
      for (const auto& [name, number] : kDerivedOptions)
        if (option.name == number) written.emplace(name);
    }
  const auto wanted = [&](const char* name) { return !written.contains(name); };
  const auto domain = topology::domain_of_network(topology, network);

  yaml.open("options");
  if (const auto router = topology::client_gateway(topology, network); router && wanted("routers"))
    yaml.list("routers", {router->text()});
  if (const auto servers = texts_v4(topology::resolvers(topology, domain));
      !servers.empty() && wanted("domain-name-servers"))
    yaml.list("domain-name-servers", servers);
  if (!domain.empty() && wanted("domain-name")) yaml.value("domain-name", domain);
  if (!domain.empty() && wanted("domain-search")) yaml.list("domain-search", {domain});
  if (wanted("broadcast-address")) yaml.value("broadcast-address", subnet.broadcast().text());
  if (scope)
    for (const auto& option : scope->options) write_option(yaml, option);
  yaml.close();
}

void write_reservations(YamlText& yaml, const Build& build, const std::string& network, const topology::Scope& scope) {
  if (scope.reservations.empty()) return;
  yaml.open("reservations");
  for (const auto& reservation : scope.reservations) {
    const auto mac = reservation->mac ? **reservation->mac : planned_mac(build.plan, reservation.name, network);
    yaml.raw(reservation.name,
             fmt::format("{{mac: {}, address: {}}}", yaml_scalar(mac.text()), reservation->address->text()));
  }
  yaml.close();
}

void write_scope(YamlText& yaml, const Build& build, const NodeEntry& server,
                 const topology::Named<topology::NetworkSpec>& network) {
  const auto& owner = topology::scope_owner(build.topology, server, network.name);
  const auto* scope = topology::scope_of(owner, network.name);
  const auto& subnet = *network->subnet;
  yaml.open(network.name);
  // Without an interface the scope is for clients behind a relay.
  if (const auto interface = interface_on(server, network.name); !interface.empty())
    yaml.value("interface", interface);
  yaml.value("network", subnet.text());
  yaml.list("ranges", texts(topology::lease_ranges(owner, network.name, subnet)));
  if (const auto excluded = texts(topology::exclusions(build.topology, owner, network.name));
      !excluded.empty())
    yaml.list("exclude", excluded);
  yaml.value("lease", fmt::format("{}s", (scope ? scope->lease : topology::Scope().lease).count()));
  // Before a school's own network is joined, its DHCP server is looked for.
  if (network->attach) yaml.value("guard", "refuse");
  write_options(yaml, build, network.name, subnet, scope);
  if (scope) write_reservations(yaml, build, network.name, *scope);
  yaml.close();
}

void write_failover(YamlText& yaml, Build& build, const NodeEntry& node) {
  const auto* partner = topology::failover_partner(build.topology, node);
  if (!partner) return;
  const bool primary = topology::is_failover_primary(build.topology, node);
  std::optional<IpAddress> address;
  for (const auto& attachment : node->networks)
    if (!address && topology::address_on(node, attachment.name)) address = topology::address_on(*partner, attachment.name);
  const auto& [first, second] = primary ? std::pair(node.name, partner->name) : std::pair(partner->name, node.name);
  yaml.comment("hot standby: a lease is on both servers' disks before its client hears of it");
  yaml.raw("failover", fmt::format("{{role: {}, partner: \"{}:647\", secret: {}}}", primary ? "primary" : "standby",
                                   address->text(), yaml_scalar(shared_secret(build, "failover " + first + " " + second))));
}

}  // namespace

std::string dhcp_control(const Paths& paths, const std::string& node) {
  return paths.runtime + "/" + node + "/dhcp/dhcp.sock";
}

void add_dhcp(Build& build) {
  const auto& topology = build.topology;
  for (const auto& node : topology.nodes) {
    if (!node->services.dhcp) continue;
    const auto domain = topology::domain_of(topology, node);
    const auto servers = topology::dns_servers(topology, domain);

    YamlText yaml;
    yaml.comment(
        fmt::format("The DHCP server {}, for lab-dhcpd. Written by labctl from the topology.", node.name));
    yaml.value("leases", build.state(node.name, "dhcp/leases.db"));
    yaml.value("control", dhcp_control(build.inputs.paths, node.name));
    if (!servers.empty() && (*servers.front())->services.dns->value.update == topology::DnsUpdate::Dhcp) {
      const bool here = servers.front() == &node;
      const auto address = here ? std::string("127.0.0.1") : topology::main_address(*servers.front())->text();
      yaml.comment("clients' names, told to the name server as RFC 2136 updates");
      std::vector<std::string> reverse;
      const auto add_zone = [&](const Network& subnet) {
        if (const auto zone = reverse_zone(subnet); std::ranges::find(reverse, zone) == reverse.end())
          reverse.push_back(zone);
      };
      for (const auto& network : topology.networks) {
        if (topology::lends_on(topology, node, network.name)) add_zone(*network->subnet);
        if (topology::serves6_on(topology, node, network.name)) add_zone(network->subnet6->value);
      }
      const auto key = update_key(domain);
      yaml.raw("dns_update",
               fmt::format("{{server: {}:53, forward: {}, reverse: {}, key: {{name: {}, secret: {}}}}}", address,
                           yaml_scalar(domain), yaml_list(reverse), key, yaml_scalar(shared_secret(build, "tsig " + key))));
    }
    write_failover(yaml, build, node);
    yaml.open("scopes");
    for (const auto& network : topology.networks)
      if (topology::lends_on(topology, node, network.name)) write_scope(yaml, build, node, network);
    yaml.close();
    write_scopes6(yaml, build, node);

    Service service;
    service.id = service_id(node, "dhcp");
    service.node = node.name;
    service.kind = "dhcp";
    const auto config = build.runtime(node.name, "dhcp/dhcp.yaml");
    service.argv = {build.program("lab-dhcpd"), "--config", config};
    service.files = {{config, std::move(yaml).text(), 0600, File::Change::Restart}};  // it holds secrets
    service.state_folders = {build.state(node.name, "dhcp")};
    service.runtime_folders = {build.runtime(node.name, "dhcp")};
    service.listens = {"dhcp 67"};
    if (std::ranges::any_of(topology.networks, [&](const auto& network) {
          return topology::serves6_on(topology, node, network.name);
        }))
      service.listens.emplace_back("dhcpv6 547");
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
