// dhcp.yaml, for lab-dhcpd: a scope for each network it lends addresses on.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/plan/build.hpp"
#include "labctl/plan/dhcp6.hpp"
#include "labctl/plan/dhcp_control.hpp"
#include "labctl/plan/dhcp_options.hpp"
#include "labctl/plan/secrets.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/plan/zones.hpp"
#include "labctl/topology/failover.hpp"
#include "labctl/topology/shared_networks.hpp"

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

void write_options(YamlText& yaml, const Build& build, const std::string& network, const Network& subnet,
                   std::optional<IpAddress> router, const topology::Scope* scope) {
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
  if (router && wanted("routers")) yaml.list("routers", {router->text()});
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

void write_own_options(YamlText& yaml, const topology::Dictionary<topology::OptionValues>& options) {
  if (options.empty()) return;
  yaml.open("options");
  for (const auto& option : options) write_option(yaml, option);
  yaml.close();
}

/// What the file says about a scope beyond ranges, options and reservations; what it leaves out is lab-dhcpd's default.
void write_manners(YamlText& yaml, const topology::Scope& scope) {
  const topology::Scope usual;
  const auto seconds = [](std::chrono::seconds s) { return fmt::format("{}s", s.count()); };
  if (scope.min_lease) yaml.value("min_lease", seconds(*scope.min_lease));
  if (scope.max_lease) yaml.value("max_lease", seconds(*scope.max_lease));
  if (!scope.authoritative) yaml.flag("authoritative", false);
  if (scope.match == topology::Match::Mac) yaml.value("match", "mac");
  if (!scope.echo_client_id) yaml.flag("echo_client_id", false);
  if (scope.overload) yaml.flag("overload", true);
  if (scope.nul_terminate) yaml.flag("nul_terminate", true);
  if (scope.probe != usual.probe) yaml.value("probe", fmt::format("{}ms", scope.probe.count()));
  if (scope.quarantine) yaml.value("quarantine", seconds(*scope.quarantine));
  if (scope.per_port != 0) yaml.number("per_port", scope.per_port);
  if (scope.next_server) yaml.value("next_server", scope.next_server->text());
  if (!scope.server_name.empty()) yaml.value("server_name", scope.server_name);
  if (!scope.boot_file.empty()) yaml.value("boot_file", scope.boot_file);
}

void write_classes(YamlText& yaml, const topology::Scope& scope) {
  if (scope.classes.empty()) return;
  yaml.open("classes");
  for (const auto& kind : scope.classes) {
    yaml.open(kind.name);
    if (!kind->vendor_class.empty()) yaml.value("vendor_class", kind->vendor_class);
    if (!kind->user_class.empty()) yaml.value("user_class", kind->user_class);
    if (!kind->architectures.empty()) {
      std::vector<std::string> numbers;
      for (const auto number : kind->architectures) numbers.push_back(std::to_string(number));
      yaml.list("architectures", numbers);
    }
    if (kind->next_server) yaml.value("next_server", kind->next_server->text());
    if (!kind->boot_file.empty()) yaml.value("boot_file", kind->boot_file);
    write_own_options(yaml, kind->options);
    yaml.close();
  }
  yaml.close();
}

void write_reservations(YamlText& yaml, const Build& build, const std::string& network, const topology::Scope& scope) {
  if (scope.reservations.empty()) return;
  yaml.open("reservations");
  for (const auto& reservation : scope.reservations) {
    yaml.open(reservation.name);
    if (reservation->mac)
      yaml.value("mac", (*reservation->mac)->text());
    else if (!reservation->names_machine())
      yaml.value("mac", planned_mac(build.plan, reservation.name, network).text());
    if (!reservation->client_id.empty()) yaml.value("client_id", reservation->client_id);
    if (!reservation->circuit.empty()) yaml.value("circuit", reservation->circuit);
    yaml.value("address", reservation->address->text());
    write_own_options(yaml, reservation->options);
    yaml.close();
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
  if (scope) write_manners(yaml, *scope);
  const auto guard = scope && scope->guard ? *scope->guard
                     : network->attach     ? topology::Guard::Refuse
                                           : topology::Guard::Off;
  if (guard != topology::Guard::Off) yaml.value("guard", guard == topology::Guard::Alert ? "alert" : "refuse");
  write_options(yaml, build, network.name, subnet, topology::client_gateway(build.topology, network.name),
                scope);
  if (scope) {
    write_classes(yaml, *scope);
    write_reservations(yaml, build, network.name, *scope);
  }
  yaml.close();
}

/// A further subnet on the wire of a network, which is written before it.
void write_further_scope(YamlText& yaml, const Build& build, const topology::ScopeEntry& scope) {
  const auto& subnet = **scope->subnet;
  const auto gateway = topology::further_gateway(*scope);
  const auto ranges = topology::lent_ranges(&*scope, subnet);
  yaml.open(scope.name);
  yaml.value("shared_with", **scope->network);
  yaml.value("network", subnet.text());
  yaml.list("ranges", texts(ranges));
  std::vector<AddressRange> excluded;
  for (const auto& range : scope->exclude) excluded.push_back(*range);
  const auto holds_gateway = [&](const AddressRange& r) { return r.contains(gateway); };
  if (std::ranges::any_of(ranges, holds_gateway) && std::ranges::none_of(excluded, holds_gateway))
    excluded.push_back({gateway, gateway});
  if (!excluded.empty()) yaml.list("exclude", texts(excluded));
  yaml.value("lease", fmt::format("{}s", scope->lease.count()));
  write_manners(yaml, *scope);
  write_options(yaml, build, **scope->network, subnet, gateway, &*scope);
  write_classes(yaml, *scope);
  write_reservations(yaml, build, **scope->network, *scope);
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

std::string dhcp6_control(const Paths& paths, const std::string& node) { return dhcp_control(paths, node) + "6"; }

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
        for (const auto* scope : topology::further_scopes(topology, node, network.name))
          add_zone(**(*scope)->subnet);
        if (topology::serves6_on(topology, node, network.name)) add_zone(network->subnet6->value);
      }
      const auto key = update_key(domain);
      yaml.raw("dns_update",
               fmt::format("{{server: {}:53, forward: {}, reverse: {}, key: {{name: {}, secret: {}}}}}", address,
                           yaml_scalar(domain), yaml_list(reverse), key, yaml_scalar(shared_secret(build, "tsig " + key))));
    }
    write_failover(yaml, build, node);
    std::vector<std::string> askers;
    for (const auto& network : node->services.dhcp->value.lease_query) askers.push_back(network.text());
    if (!askers.empty()) yaml.list("lease_query", askers);
    yaml.open("scopes");
    for (const auto& network : topology.networks) {
      if (topology::lends_on(topology, node, network.name)) write_scope(yaml, build, node, network);
      for (const auto* scope : topology::further_scopes(topology, node, network.name))
        write_further_scope(yaml, build, *scope);
    }
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
