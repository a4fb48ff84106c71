// `scopes6:` of dhcp.yaml, and ra.yaml for lab-rad: how hosts of a network with a subnet6 come by their
// addresses.
#include "labctl/plan/dhcp6.hpp"

#include "labctl/plan/dhcp_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace lab::plan {

using topology::Ipv6;
using topology::NodeEntry;

namespace {

std::vector<std::string> texts_v6(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const auto& address : addresses)
    if (!address.is_v4()) out.push_back(address.text());
  return out;
}

/// The IPv6 addresses of a domain's name servers.
std::vector<std::string> name_servers(const topology::Topology& topology, const std::string& domain) {
  std::vector<std::string> out;
  for (const auto* server : topology::dns_servers(topology, domain)) {
    const auto own = texts_v6(fixed_addresses(topology, *server));
    if (!own.empty()) out.push_back(own.front());
  }
  return out;
}

void write_options6(YamlText& yaml, const Build& build, const std::string& network,
                    const topology::Scope* scope) {
  const auto domain = topology::domain_of_network(build.topology, network);
  const auto written = [&](std::string_view name, std::string_view number) {
    return scope && (scope->options6.find(name) || scope->options6.find(number));
  };
  yaml.open("options");
  if (const auto servers = name_servers(build.topology, domain);
      !servers.empty() && !written("dns-servers", "23"))
    yaml.list("dns-servers", servers);
  if (!domain.empty() && !written("domain-search", "24")) yaml.list("domain-search", {domain});
  if (scope)
    for (const auto& option : scope->options6) write_option(yaml, option);
  yaml.close();
}

void write_scope6(YamlText& yaml, const Build& build, const NodeEntry& server,
                  const topology::Named<topology::NetworkSpec>& network) {
  const auto* scope = topology::scope_of(server, network.name);
  const auto& subnet = network->subnet6->value;
  yaml.open(network.name);
  if (const auto interface = interface_on(server, network.name); !interface.empty())
    yaml.value("interface", interface);
  yaml.value("network", subnet.text());
  if (topology::ipv6_of(build.topology, network.name) == Ipv6::Stateful) {
    std::vector<std::string> ranges, excluded;
    const auto lent = topology::lease_ranges6(server, network.name, subnet);
    for (const auto& range : lent) ranges.push_back(range.text());
    yaml.list("ranges", ranges);
    for (const auto* node : topology::attached(build.topology, network.name))
      if (const auto address = topology::address6_on(build.topology, *node, network.name))
        if (std::ranges::any_of(lent, [&](const AddressRange& r) { return r.contains(*address); }))
          excluded.push_back(address->text());
    if (!excluded.empty()) yaml.list("exclude", excluded);
  }
  if (scope && !scope->prefixes.empty()) {
    std::vector<std::string> pools;
    for (const auto& p : scope->prefixes)
      pools.push_back(fmt::format("{{pool: {}, length: {}}}", yaml_scalar(p.pool->text()), p.length));
    yaml.raw("prefixes", fmt::format("[{}]", fmt::join(pools, ", ")));
  }
  yaml.value("lease", fmt::format("{}s", (scope ? scope->lease : topology::Scope().lease).count()));
  if (scope && scope->preferred)
    yaml.value("preferred", fmt::format("{}s", std::min(*scope->preferred, scope->lease).count()));
  // One server on the wire: clients need not wait for a better offer.
  yaml.number("preference", 255);
  write_options6(yaml, build, network.name, scope);
  const auto reserved = [](const auto& r) { return r->address6.has_value(); };
  if (scope && std::ranges::any_of(scope->reservations, reserved)) {
    yaml.open("reservations");
    for (const auto& reservation : scope->reservations) {
      if (!reserved(reservation)) continue;
      const auto mac =
          reservation->mac ? **reservation->mac : planned_mac(build.plan, reservation.name, network.name);
      yaml.raw(reservation.name, fmt::format("{{mac: {}, address: {}}}", yaml_scalar(mac.text()),
                                             yaml_scalar(reservation->address6->value.text())));
    }
    yaml.close();
  }
  yaml.close();
}

/// What `node` advertises on one of its networks.
void write_advertisement(YamlText& yaml, const Build& build, const NodeEntry& node,
                         const std::string& network) {
  const auto& topology = build.topology;
  const auto& spec = topology.networks.find(network)->value;
  const auto how = *topology::ipv6_of(topology, network);
  const auto domain = topology::domain_of_network(topology, network);
  const bool default_router =
      node->is_router() && topology::gateway(topology, network) == topology::address_on(node, network);
  const bool served = std::ranges::any_of(topology::dhcp_servers(topology, network), [&](const auto* server) {
    return topology::serves6_on(topology, *server, network);
  });
  yaml.open(interface_on(node, network));
  yaml.flag("managed", how == Ipv6::Stateful && served);
  yaml.flag("other", how != Ipv6::Slaac && served);
  if (!default_router) yaml.value("lifetime", "0s");
  // One router of the lab's own answers: nobody to collide with.
  yaml.value("answer_delay", "0s");
  if (spec.mtu >= 1280) yaml.number("mtu", spec.mtu);
  yaml.raw("prefixes", fmt::format("[{{prefix: {}, autonomous: {}}}]",
                                   yaml_scalar(spec.subnet6->value.text()), how != Ipv6::Stateful));
  if (!default_router && node->is_router()) {
    // Networks behind a router that is not the default one.
    std::vector<std::string> routes;
    for (const auto& beyond : node->networks)
      if (const auto& other = topology.networks.find(beyond.name)->value;
          beyond.name != network && other.subnet6)
        routes.push_back(fmt::format("{{to: {}}}", yaml_scalar(other.subnet6->value.text())));
    if (!routes.empty()) yaml.raw("routes", fmt::format("[{}]", fmt::join(routes, ", ")));
  }
  if (const auto servers = name_servers(topology, domain); !servers.empty())
    yaml.list("dns_servers", servers);
  if (!domain.empty()) yaml.list("dns_search", {domain});
  yaml.close();
}

}  // namespace

void write_scopes6(YamlText& yaml, const Build& build, const NodeEntry& server) {
  const auto serves = [&](const auto& network) {
    return topology::serves6_on(build.topology, server, network.name);
  };
  if (std::ranges::none_of(build.topology.networks, serves)) return;
  yaml.open("scopes6");
  for (const auto& network : build.topology.networks)
    if (serves(network)) write_scope6(yaml, build, server, network);
  yaml.close();
}

void add_advertisers(Build& build) {
  const auto& topology = build.topology;
  for (const auto& node : topology.nodes) {
    std::vector<std::string> networks;
    for (const auto& attachment : node->networks) {
      const auto all = topology::advertisers(topology, attachment.name);
      if (std::ranges::find(all, &node) != all.end()) networks.push_back(attachment.name);
    }
    if (networks.empty()) continue;
    YamlText yaml;
    yaml.comment(fmt::format("What {} tells IPv6 hosts, for lab-rad. Written by labctl from the topology.",
                             node.name));
    yaml.open("interfaces");
    for (const auto& network : networks) write_advertisement(yaml, build, node, network);
    yaml.close();

    Service service;
    service.id = service_id(node, "ra");
    service.node = node.name;
    service.kind = "ra";
    const auto config = build.runtime(node.name, "ra/ra.yaml");
    service.argv = {build.program("lab-rad"), "--config", config};
    service.files = {{config, std::move(yaml).text(), 0644, File::Change::Reload}};
    service.runtime_folders = {build.runtime(node.name, "ra")};
    service.listens = {"router advertisements"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
