// What to try in the lab, and what to know about it beforehand.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"

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

void add_notices(Build& build) {
  const auto& topology = build.topology;
  const auto add = [&](std::string text) { build.plan.notices.push_back(std::move(text)); };
  for (const auto& network : topology.networks)
    if (network->attach)
      add(fmt::format("{}: no physical interface is bridged in yet (attach)", network.name));
  for (const auto& network : topology.networks)
    if (network->subnet6 && topology::has_dhcp_clients(topology, network.name))
      add(fmt::format(
          "{}: only nodes with a fixed address have an IPv6 address too; clients get IPv4 by DHCP",
          network.name));
  for (const auto& domain : topology.domains) {
    if (topology::dns_servers(topology, domain.name).empty())
      add(fmt::format("{} has no name server: no node runs dns", domain.name));
    if (!domain->users.empty() && !topology::directory_server(topology, domain.name))
      add(fmt::format("{} has users, but no node runs its directory", domain.name));
    if (domain->dns.dnssec) add(fmt::format("{}: the zone is not signed yet (dnssec)", domain.name));
    if (domain->mail.dkim) add(fmt::format("{}: messages are not signed yet (dkim)", domain.name));
    if (domain->mail.spam) add(fmt::format("{}: junk is not filtered yet (spam)", domain.name));
  }
  for (const auto& node : topology.nodes) {
    const auto& services = node->services;
    if (node->nat) add(fmt::format("{}: addresses are not translated yet (nat); it routes", node.name));
    if (services.dns) {
      const auto& dns = **services.dns;
      if (dns.role == topology::DnsRole::Secondary)
        add(fmt::format("{}/dns has the zones from labctl, not by transfer from the primary yet", node.name));
      if (dns.recursion.value_or(false))
        add(fmt::format("{}/dns answers for the lab's own zones only; recursion comes later", node.name));
      if (!dns.blocklist.empty()) add(fmt::format("{}/dns: the blocklist is not applied yet", node.name));
    }
    if (services.dhcp && services.dhcp->value.failover)
      add(fmt::format("{}/dhcp: failover is not there yet", node.name));
  }
}

}  // namespace lab::plan
