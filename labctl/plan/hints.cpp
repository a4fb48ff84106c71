// What to try in the lab, and what to know about it beforehand.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/root.hpp"

namespace lab::plan {

void add_hints(Build& build) {
  const auto& topology = build.topology;
  const auto client =
      std::ranges::find_if(topology.nodes, [](const auto& node) { return node->is_client(); });
  if (client == topology.nodes.end()) return;
  const auto domain = topology::domain_of(topology, *client);
  const auto add = [&](std::string command) {
    build.plan.hints.push_back({client->name, std::move(command)});
  };
  if (!topology::dns_servers(topology, domain).empty())
    add(topology::mail_server(topology, domain) ? fmt::format("dig {} MX", domain)
                                                : fmt::format("dig {} NS", domain));
  if (!topology::mail_server(topology, domain)) return;
  std::vector<const Credential*> people;
  for (const auto& person : build.plan.credentials)
    if (person.domain == domain) people.push_back(&person);
  if (people.empty()) return;
  add(fmt::format("mutt -f imaps://{}@{}", people.front()->user, mail_host(topology, domain)));
  add(fmt::format("swaks --to {}", people[people.size() > 1 ? 1 : 0]->mail.front()));
}

namespace {

/// The domain of the file that a zone's chain of trust leads through first; null where labctl makes all above
/// it.
const topology::Named<topology::Domain>* nearest_above(const topology::Topology& topology,
                                                       const std::string& name) {
  const topology::Named<topology::Domain>* nearest = nullptr;
  for (const auto& other : topology.domains)
    if (other.name != name && other.name != topology::kRootDomain && is_within(name, other.name) &&
        (!nearest || is_within(other.name, nearest->name)))
      nearest = &other;
  if (nearest || name == topology::kRootDomain) return nearest;
  return topology.domains.find(topology::kRootDomain);
}

}  // namespace

void add_notices(Build& build) {
  const auto& topology = build.topology;
  const auto add = [&](std::string text) { build.plan.notices.push_back(std::move(text)); };
  for (const auto& network : topology.networks)
    if (network->attach)
      add(fmt::format(
          "{}: whoever is on the wire of this machine's {} is in the lab, and may get an address from it",
          network.name, **network->attach));
  for (const auto& network : topology.networks)
    if (network->subnet6 && topology::has_dhcp_clients(topology, network.name) &&
        topology::advertisers(topology, network.name).empty())
      add(fmt::format(
          "{}: nobody tells its clients about IPv6; give it a router or a DHCP server with an address "
          "in {}",
          network.name, network->subnet6->value.text()));
  for (const auto& network : topology.networks) {
    const auto servers = topology::dhcp_servers(topology, network.name);
    if (servers.size() > 1 && topology::serves6_on(topology, *servers.front(), network.name))
      add(
          fmt::format("{}: DHCPv6 is answered by {} alone; {} stands in for IPv4 only. While {} is down, "
                      "clients keep their "
                      "IPv6 addresses until they end (ipv6: stateless or slaac needs no standby)",
                      network.name, servers.front()->name, servers.back()->name, servers.front()->name));
  }
  for (const auto& node : topology.nodes) {
    const bool v4_only = node->dhcp_client == topology::DhcpClient::Udhcpc ||
                         node->dhcp_client == topology::DhcpClient::Dhclient;
    for (const auto& attachment : node->networks)
      if (v4_only && node->index <= 1 && attachment->dhcp() && topology::ipv6_of(topology, attachment.name))
        add(fmt::format(
            "{}: its DHCP client asks for IPv4 only (builtin, dhcpcd and networkd ask for IPv6 too)",
            node->group));
  }
  for (const auto& domain : topology.domains) {
    if (topology::dns_servers(topology, domain.name).empty())
      add(fmt::format("{} has no name server: no node runs dns", domain.name));
    if (!domain->users.empty() && !topology::directory_server(topology, domain.name))
      add(fmt::format("{} has users, but no node runs its directory", domain.name));
    if (const auto* above = nearest_above(topology, domain.name);
        domain->dns.dnssec && above && !(*above)->dns.dnssec)
      add(fmt::format("{} is signed, but nobody can tell: {} above it is not (dnssec: true there, too)",
                      domain.name, above->name));
    if (domain->mail.dkim) add(fmt::format("{}: messages are not signed yet (dkim)", domain.name));
    if (domain->mail.spam) add(fmt::format("{}: junk is not filtered yet (spam)", domain.name));
  }
  for (const auto& node : topology.nodes) {
    const auto& services = node->services;
    if (services.dns) {
      const auto& dns = **services.dns;
      if (!dns.blocklist.empty() && !topology::recurses(topology, node))
        add(fmt::format("{}/dns: the blocklist does nothing without recursion", node.name));
    }
  }
}

}  // namespace lab::plan
