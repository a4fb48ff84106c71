// Networks become bridges; nodes' places on them become veth pairs with addresses.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/plan/build.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/root.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::plan {

using topology::NodeEntry;
using topology::Topology;

std::uint64_t digest(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

namespace {

/// An interface name for `wish`, which may be too long for the kernel: then its end gives way to a digest.
std::string interface_name(const std::string& wish) {
  constexpr std::size_t kLongest = topology::Limits::kInterfaceName;
  if (wish.size() <= kLongest) return wish;
  return fmt::format("{}-{:06x}", wish.substr(0, kLongest - 7), digest(wish) & 0xffffff);
}

/// A locally administered address (the 02 bit, IEEE 802) that begins with "La".
MacAddress derived_mac(const std::string& lab, const std::string& node, const std::string& network,
                       unsigned attempt) {
  const auto hash = digest(fmt::format("{}/{}/{}/{}", lab, node, network, attempt));
  const auto byte = [&](unsigned i) { return static_cast<std::uint8_t>(hash >> (8 * i)); };
  return MacAddress({0x02, 0x4c, 0x61, byte(0), byte(1), byte(2)});
}

}  // namespace

void add_networks(Build& build) {
  for (const auto& network : build.topology.networks) {
    Bridge bridge;
    bridge.network = network.name;
    bridge.name = interface_name("br-" + network.name);
    bridge.subnet = *network->subnet;
    if (network->subnet6) bridge.subnet6 = **network->subnet6;
    bridge.gateway = topology::client_gateway(build.topology, network.name);
    bridge.mtu = network->mtu;
    bridge.impair = {*network->impair.delay, *network->impair.jitter, network->impair.loss.value,
                     network->impair.rate.bits_per_second};
    if (network->attach) bridge.attach = **network->attach;
    build.plan.networks.push_back(std::move(bridge));
  }
}

std::string interface_on(const NodeEntry& node, std::string_view network) {
  std::size_t index = 0;
  for (const auto& attachment : node->networks) {
    if (attachment.name == network) return fmt::format("eth{}", index);
    ++index;
  }
  return {};
}

MacAddress planned_mac(const Plan& plan, std::string_view node, std::string_view network) {
  for (const auto& planned : plan.nodes)
    if (planned.name == node)
      for (const auto& interface : planned.interfaces)
        if (interface.network == network) return interface.mac;
  return {};
}

std::vector<IpAddress> fixed_addresses(const Topology& topology, const NodeEntry& node) {
  std::vector<IpAddress> out;
  for (const auto& attachment : node->networks)
    if (auto address = topology::address_on(node, attachment.name)) out.push_back(*address);
  for (const auto& attachment : node->networks)
    if (auto address = topology::address6_on(topology, node, attachment.name)) out.push_back(*address);
  return out;
}

std::vector<std::string> endpoints(const std::vector<IpAddress>& addresses, std::uint16_t port) {
  std::vector<std::string> out;
  for (const auto& address : addresses) out.push_back(Endpoint{address, port}.text());
  return out;
}

namespace {

std::vector<Interface> interfaces_of(const Build& build, const NodeEntry& node, const LabRoot& root,
                                     std::set<MacAddress>& macs) {
  std::vector<Interface> out;
  for (const auto& attachment : node->networks) {
    const auto& network = *build.topology.networks.find(attachment.name);
    Interface interface;
    interface.name = interface_on(node, attachment.name);
    interface.port = interface_name(node.name + "-" + interface.name);
    interface.network = attachment.name;
    interface.mtu = network->mtu;
    interface.dhcp = attachment->dhcp();
    if (attachment->mac) {
      interface.mac = **attachment->mac;
    } else {
      unsigned attempt = 0;
      do interface.mac = derived_mac(build.topology.lab, node.name, attachment.name, attempt++);
      while (!macs.insert(interface.mac).second);
    }
    if (auto address = topology::address_on(node, attachment.name))
      interface.addresses.push_back({*address, network->subnet->prefix()});
    if (auto address = topology::address6_on(build.topology, node, attachment.name))
      interface.addresses.push_back({*address, network->subnet6->value.prefix()});
    if (topology::gateway_node(build.topology, attachment.name) == &node)
      for (const auto* scope : topology::further_subnets(build.topology, attachment.name))
        interface.addresses.push_back({topology::further_gateway(**scope), (*scope)->subnet->value.prefix()});
    // After its own, so that its own is what it speaks from.
    if (&node == root.holder && attachment.name == root.network)
      for (const auto& address : {root.address, root.tld_address})
        if (address) interface.addresses.push_back({*address, network->subnet->prefix()});
    out.push_back(std::move(interface));
  }
  return out;
}

/// For each network a router cannot reach directly, the neighbouring router to send to: the shortest way
/// there, found by walking outward from the router. The same walk serves both protocols.
std::vector<Route> routes_between(const Topology& topology, const NodeEntry& from, bool v6) {
  std::vector<Route> routes;
  std::set<std::string> reached;
  struct Step {
    std::string network;
    std::optional<IpAddress> via;
  };
  std::vector<Step> steps;
  for (const auto& attachment : from->networks) {
    reached.insert(attachment.name);
    steps.push_back({attachment.name, std::nullopt});
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto step = steps[i];
    for (const auto& router : topology.nodes) {
      const auto next_hop = v6 ? topology::address6_on(topology, router, step.network)
                               : topology::address_on(router, step.network);
      if (&router == &from || !router->is_router() || !next_hop) continue;
      for (const auto& beyond : router->networks) {
        if (!reached.insert(beyond.name).second) continue;
        const auto via = step.via ? step.via : next_hop;
        const auto& network = topology.networks.find(beyond.name)->value;
        if (!v6) {
          routes.push_back({*network.subnet, *via});
          for (const auto* scope : topology::further_subnets(topology, beyond.name))
            routes.push_back({**(*scope)->subnet, *via});
        }
        if (v6 && network.subnet6) routes.push_back({network.subnet6->value, *via});
        steps.push_back({beyond.name, via});
      }
    }
  }
  return routes;
}

const Network kEverywhere = Network::of(IpAddress(), 0), kEverywhere6 = Network::of(IpAddress::v6({}), 0);

std::vector<Route> routes_of(const Topology& topology, const NodeEntry& node) {
  std::vector<Route> routes;
  for (const auto& route : node->routes) routes.push_back({*Network::parse(route.name), **route});
  const auto has = [&](const Network& to) {
    return std::ranges::find(routes, to, &Route::to) != routes.end();
  };
  if (node->is_router())
    for (const bool v6 : {false, true})
      for (auto& route : routes_between(topology, node, v6))
        if (!has(route.to)) routes.push_back(route);
  // A DHCP server answers a relay at its address among the clients (RFC 2131 4.1), which it must be able to
  // reach.
  for (const auto& relay : topology.nodes) {
    if (!node->services.dhcp || topology::relay_target(topology, relay) != &node) continue;
    for (const auto& shared : relay->networks) {
      const auto via = topology::address_on(relay, shared.name);
      if (!via || !node->networks.find(shared.name)) continue;
      for (const auto& beyond : relay->networks) {
        const auto& network = topology.networks.find(beyond.name)->value;
        if (node->networks.find(beyond.name)) continue;
        if (!has(*network.subnet)) routes.push_back({*network.subnet, *via});
        for (const auto* scope : topology::further_subnets(topology, beyond.name))
          if (!has(**(*scope)->subnet)) routes.push_back({**(*scope)->subnet, *via});
        const auto via6 = topology::address6_on(topology, relay, shared.name);
        if (via6 && network.subnet6 && topology::address6_on(topology, node, shared.name) &&
            !has(network.subnet6->value))
          routes.push_back({network.subnet6->value, *via6});
      }
      break;
    }
  }
  // Further subnets of its own wires are reached through the gateway that has addresses in both.
  for (const auto& attachment : node->networks) {
    const auto* gateway = topology::gateway_node(topology, attachment.name);
    const auto via =
        gateway && gateway != &node ? topology::address_on(*gateway, attachment.name) : std::nullopt;
    if (!via || attachment->dhcp()) continue;
    for (const auto* scope : topology::further_subnets(topology, attachment.name))
      if (!has(**(*scope)->subnet)) routes.push_back({**(*scope)->subnet, *via});
  }
  // A router's own way out is towards another one; a host's is its network's gateway.
  for (const auto& attachment : node->networks) {
    if (has(kEverywhere)) break;
    const auto gateway = topology::gateway(topology, attachment.name);
    if (!gateway || attachment->dhcp()) continue;
    const bool own = topology::address_on(node, attachment.name) == gateway;
    if (own || (node->is_router() && !(*topology.networks.find(attachment.name))->gateway)) continue;
    routes.push_back({kEverywhere, *gateway});
  }
  // The IPv6 way out of a host with a fixed address; others hear it from their routers.
  for (const auto& attachment : node->networks) {
    const auto gateway = topology::gateway6(topology, attachment.name);
    const auto own = topology::address6_on(topology, node, attachment.name);
    if (has(kEverywhere6) || !gateway || !own || own == gateway || attachment->dhcp()) continue;
    if (node->is_router() && !(*topology.networks.find(attachment.name))->gateway) continue;
    routes.push_back({kEverywhere6, *gateway});
  }
  return routes;
}

std::map<std::string, std::string> sysctls_of(const Topology& topology, const NodeEntry& node) {
  const bool ipv6 = std::ranges::any_of(node->networks, [&](const auto& attachment) {
    return (*topology.networks.find(attachment.name))->subnet6.has_value();
  });
  std::map<std::string, std::string> sysctls;
  // Without an IPv6 subnet a capture shows the lab's own packets and no neighbour discovery between them;
  // with one, duplicate detection would keep every address from being bound for a second.
  if (ipv6) {
    sysctls["net.ipv6.conf.default.accept_dad"] = "0";
    // Hosts that ask for addresses listen to routers, those with a written address do not; a router hears
    // other routers only where it is a host too (2).
    const bool asks = std::ranges::any_of(node->networks, [&](const auto& attachment) {
      return attachment->dhcp() && topology::ipv6_of(topology, attachment.name);
    });
    sysctls["net.ipv6.conf.default.accept_ra"] = !asks ? "0" : node->is_router() ? "2" : "1";
    if (asks) sysctls["net.ipv6.conf.default.accept_ra_rt_info_max_plen"] = "64";
  } else {
    sysctls["net.ipv6.conf.default.disable_ipv6"] = "1";
  }
  const bool between_subnets = std::ranges::any_of(node->networks, [&](const auto& attachment) {
    return topology::gateway_node(topology, attachment.name) == &node &&
           !topology::further_subnets(topology, attachment.name).empty();
  });
  if (between_subnets) sysctls["net.ipv4.ip_forward"] = "1";
  if (node->is_router()) {
    sysctls["net.ipv4.ip_forward"] = "1";
    if (ipv6) sysctls["net.ipv6.conf.all.forwarding"] = "1";
  }
  return sysctls;
}

File etc_file(std::string name, std::string content) {
  return {"/etc/" + std::move(name), std::move(content), 0644, File::Change::Reload};
}

std::string hosts_file(const Topology& topology, const NodeEntry& node) {
  std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  const auto fqdn = fqdn_of(topology, node);
  const auto names = fqdn == node.name ? node.name : fqdn + " " + node.name;
  const auto addresses = fixed_addresses(topology, node);
  // Debian's way for a machine whose address comes and goes: a loopback address of its own.
  if (addresses.empty()) text += fmt::format("127.0.1.1\t{}\n", names);
  for (const auto& address : addresses) text += fmt::format("{}\t{}\n", address.text(), names);
  return text;
}

std::string resolv_conf(const Topology& topology, const NodeEntry& node) {
  if (!topology::main_address(node)) return "# Written by the DHCP client when an address is leased.\n";
  const auto domain = topology::domain_of(topology, node);
  auto servers = topology::resolvers(topology, domain);
  // A name server asks itself first.
  if (node->services.dns)
    if (const auto own = std::ranges::find(servers, *topology::main_address(node)); own != servers.end())
      std::rotate(servers.begin(), own, own + 1);
  std::string text;
  auto search = machine_policy(topology, node).dns_suffix;
  if (!domain.empty() && domain != topology::kRootDomain && std::ranges::find(search, domain) == search.end()) search.push_back(domain);
  if (!search.empty()) text += fmt::format("search {}\n", fmt::join(search, " "));
  constexpr std::size_t kMost = 3;  // resolv.conf(5): MAXNS
  for (std::size_t i = 0; i < std::min(servers.size(), kMost); ++i)
    text += fmt::format("nameserver {}\n", servers[i].text());
  return servers.empty() ? text + "# This lab has no name server.\n" : text;
}

}  // namespace

void add_nodes(Build& build) {
  const auto& topology = build.topology;
  std::set<MacAddress> macs;
  for (const auto& node : topology.nodes)
    for (const auto& attachment : node->networks)
      if (attachment->mac) macs.insert(**attachment->mac);
  const auto root = lab_root(topology);
  for (const auto& node : topology.nodes) {
    Node planned;
    planned.name = node.name;
    planned.group = node->group;
    planned.domain = topology::domain_of(topology, node);
    planned.router = node->is_router();
    planned.interfaces = interfaces_of(build, node, root, macs);
    planned.routes = routes_of(topology, node);
    planned.sysctls = sysctls_of(topology, node);
    if (node->nat) planned.nat = interface_on(node, **node->nat);
    planned.etc = {etc_file("hostname", node.name + "\n"), etc_file("hosts", hosts_file(topology, node)),
                   etc_file("resolv.conf", resolv_conf(topology, node))};
    if (auto kerberos = krb5_conf(topology, node); !kerberos.empty())
      planned.etc.push_back(etc_file("krb5.conf", std::move(kerberos)));
    const auto policy = machine_policy(topology, node);
    planned.run = policy.run;
    planned.run.insert(planned.run.end(), node->run.begin(), node->run.end());
    planned.trust_ca = policy.trust_ca;
    build.plan.nodes.push_back(std::move(planned));
  }
}

}  // namespace lab::plan
