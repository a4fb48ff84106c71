// Scopes that are a further subnet on a network's wire.
#include <fmt/format.h>

#include "labctl/topology/failover.hpp"
#include "labctl/topology/rules.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::topology {

namespace {

void check_subnet(const Topology& topology, const ScopeEntry& scope, const Named<NetworkSpec>& wire,
                  yaml::Diagnostics& diagnostics) {
  const auto& subnet = *scope->subnet;
  constexpr unsigned kSmallest = 30, kLargest = 8;
  if (!subnet->address().is_v4())
    return report(diagnostics, subnet, fmt::format("{} is an IPv6 network", subnet->text()),
                  fmt::format("a further subnet is IPv4; one IPv6 subnet has room for all of {}", wire.name));
  if (subnet->prefix() > kSmallest || subnet->prefix() < kLargest)
    return report(diagnostics, subnet,
                  fmt::format("{} has a prefix of {} bits", subnet->text(), subnet->prefix()),
                  fmt::format("use /{} to /{}; /24 has room for 254 machines", kLargest, kSmallest));
  for (const auto& other : topology.networks)
    if (other->subnet.clean && other->subnet->overlaps(*subnet))
      report(diagnostics, subnet, fmt::format("{} overlaps {}", subnet->text(), described(other)),
             "each subnet needs addresses of its own");
  for (const auto& node : topology.nodes) {
    if (!node->services.dhcp) continue;
    for (const auto& other : node->services.dhcp->value.scopes) {
      if (&other == &scope) return;  // what follows is compared with this one in its turn
      if (other->subnet && other->subnet->clean && other->subnet->value.overlaps(*subnet))
        report(diagnostics, subnet,
               fmt::format("{} overlaps {} of {} (line {})", subnet->text(), other->subnet->value.text(),
                           other.name, other.at.line),
               "each subnet needs addresses of its own");
    }
  }
}

void check_gateway(const ScopeEntry& scope, yaml::Diagnostics& diagnostics) {
  if (!scope->gateway || !scope->gateway->clean) return;
  const auto& subnet = **scope->subnet;
  const auto& gateway = **scope->gateway;
  if (!subnet.contains(gateway) || gateway == subnet.address() || gateway == subnet.broadcast())
    report(diagnostics, *scope->gateway,
           fmt::format("{} is not the address of a machine in {}", gateway.text(), subnet.text()),
           fmt::format("its machines have {} to {}", subnet.first_host().text(), subnet.last_host().text()));
}

}  // namespace

void check_further_scope(const Topology& topology, const NodeEntry& server, const ScopeEntry& scope,
                         yaml::Diagnostics& diagnostics) {
  const auto& on = *scope->network;
  if (!on.clean || !scope->subnet || !scope->subnet->clean) return;
  const auto* network = topology.networks.find(*on);
  if (!network) return report_unknown(diagnostics, on.at, "network", *on, topology.networks.names());
  if (topology.networks.find(scope.name))
    return report(diagnostics, scope, fmt::format("{} is a network of its own", scope.name),
                  fmt::format("give this scope another name: it is a further subnet of {}", *on));
  if (!scope_of(scope_owner(topology, server, *on), *on))
    return report(diagnostics, on,
                  fmt::format("{} has no scope for the subnet of {} itself", server.name, *on),
                  fmt::format("add {}: {{}} to the scopes; {} is then lent from besides", *on, scope.name));
  if (!lends_on(topology, server, *on))
    return report(
        diagnostics, on, fmt::format("{} lends no addresses on {}", server.name, *on),
        fmt::format("give {} an address on {}, or a node there the service dhcp-relay", server.name, *on));
  check_subnet(topology, scope, *network, diagnostics);
  check_gateway(scope, diagnostics);
  // The rules of a network's own subnet, with this one in its place.
  auto wire = *network;
  wire.at = scope.at;
  wire.value.subnet = *scope->subnet;
  wire.value.subnet6.reset();
  check_lent(topology, wire, *scope, diagnostics);
  for (const auto& range : scope->range)
    if (const auto gateway = further_gateway(*scope);
        range.clean && range->contains(gateway) &&
        std::ranges::none_of(scope->exclude, [&](const auto& out) { return out->contains(gateway); }))
      report(diagnostics, range,
             fmt::format("{} holds {}, the gateway of {}", range->text(), gateway.text(), scope.name),
             fmt::format("move the range, or add exclude: [{}]", gateway.text()));
  for (const auto& reservation : scope->reservations)
    if (reservation->address6)
      report(diagnostics, *reservation->address6, "a further subnet is IPv4, and address6 is not",
             fmt::format("keep the IPv6 address in the scope of {}", *on));
}

}  // namespace lab::topology
