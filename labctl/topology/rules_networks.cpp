#include <fmt/format.h>

#include "labctl/topology/names.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"

namespace lab::topology {

void report_unknown(yaml::Diagnostics& diagnostics, yaml::Position at, std::string_view kind,
                    std::string_view name, const std::vector<std::string>& known) {
  const auto near = yaml::did_you_mean(name, known);
  std::string remedy;
  constexpr std::size_t kListed = 12;
  if (!near.empty())
    remedy = fmt::format("did you mean '{}'?", near);
  else if (known.empty())
    remedy = fmt::format("the file has no {}", kind);
  else if (known.size() <= kListed)
    remedy = fmt::format("the file has {}", fmt::join(known, ", "));
  diagnostics.error(at, fmt::format("unknown {} '{}'", kind, name), remedy,
                    std::max<std::size_t>(name.size(), 1));
}

std::string described(const Named<NetworkSpec>& network) {
  return fmt::format("{} ({}, defined in line {})", network.name, network->subnet->text(), network.at.line);
}

namespace {

void check_subnet(const Named<NetworkSpec>& network, yaml::Diagnostics& diagnostics) {
  const auto& subnet = network->subnet;
  if (!subnet.clean) return;
  // RFC 3021 allows /31 between two routers; a lab network needs room for a server and a client.
  constexpr unsigned kSmallest = 30, kLargest = 8;
  static const auto kLoopback = *Network::parse("127.0.0.0/8"), kMulticast = *Network::parse("224.0.0.0/3"),
                    kThis = *Network::parse("0.0.0.0/8");
  if (!subnet->address().is_v4()) {
    report(diagnostics, subnet, fmt::format("{} is an IPv6 network", subnet->text()),
           "write it as subnet6, beside an IPv4 subnet");
  } else if (subnet->prefix() > kSmallest || subnet->prefix() < kLargest) {
    report(diagnostics, subnet, fmt::format("{} has a prefix of {} bits", subnet->text(), subnet->prefix()),
           fmt::format("use /{} to /{}; /24 has room for 254 machines", kLargest, kSmallest));
  } else if (subnet->overlaps(kLoopback) || subnet->overlaps(kMulticast) || subnet->overlaps(kThis)) {
    report(diagnostics, subnet,
           fmt::format("{} is not a subnet machines can have addresses in", subnet->text()),
           "private ones are in 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918)");
  }
}

void check_subnet6(const Named<NetworkSpec>& network, yaml::Diagnostics& diagnostics) {
  if (network->ipv6 && network->ipv6->clean && !network->subnet6)
    report(diagnostics, *network->ipv6, fmt::format("{} has no IPv6 subnet", network.name),
           "give it one: subnet6: fd00:56::/64");
  if (!network->subnet6 || !network->subnet6->clean) return;
  const auto& subnet = *network->subnet6;
  if (network->ipv6 && network->ipv6->clean && **network->ipv6 != Ipv6::Stateful &&
      !subnet->address().is_v4() && subnet->prefix() != 64)
    report(diagnostics, subnet,
           fmt::format("hosts make themselves addresses in a /64 only, and {} is none", subnet->text()),
           "use a /64, or ipv6: stateful (RFC 4862 5.5.3)");
  if (subnet->address().is_v4()) {
    report(diagnostics, subnet, fmt::format("{} is an IPv4 network", subnet->text()),
           "subnet6 is for IPv6, such as fd00:56::/64");
  } else if (subnet->prefix() < 16 || subnet->prefix() > 112) {
    report(diagnostics, subnet, fmt::format("{} has a prefix of {} bits", subnet->text(), subnet->prefix()),
           "use /64, which every IPv6 host expects (RFC 4291)");
  }
  if (network->mtu < 1280)
    report(diagnostics, subnet,
           fmt::format("IPv6 needs an mtu of 1280, and {} has {}", network.name, network->mtu),
           "raise mtu (RFC 8200 5)");
}

void check_gateway(const Topology& topology, const Named<NetworkSpec>& network,
                   yaml::Diagnostics& diagnostics) {
  if (!network->gateway || !network->gateway->clean || !network->subnet.clean) return;
  const auto& gateway = *network->gateway;
  if (const auto address = IpAddress::parse(*gateway)) {
    if (!network->subnet->contains(*address))
      report(diagnostics, gateway, fmt::format("{} is outside {}", *gateway, described(network)));
    return;
  }
  const auto* node = topology.nodes.find(*gateway);
  if (!node) {
    report_unknown(diagnostics, gateway.at, "node", *gateway, topology.nodes.names());
  } else if (!(*node)->networks.find(network.name)) {
    report(diagnostics, gateway, fmt::format("{} is not on {}", *gateway, network.name),
           fmt::format("give it an address there: networks: {{{}: …}}", network.name));
  } else if (!address_on(*node, network.name) && node->clean) {
    report(diagnostics, gateway, fmt::format("{} has no fixed address on {}", *gateway, network.name),
           "a gateway's address must be known to its clients");
  }
}

}  // namespace

void check_networks(const Topology& topology, yaml::Diagnostics& diagnostics) {
  if (topology.networks.size() > static_cast<std::size_t>(Limits::kNetworks))
    diagnostics.error(topology.networks.begin()->at, fmt::format("more than {} networks", Limits::kNetworks));
  for (const auto& network : topology.networks) {
    if (const auto bad = check_host_name(network.name))
      report(
          diagnostics, network,
          fmt::format("'{}' cannot be the name of a network: it is written like a host name", network.name),
          bad->suggestion.empty() ? bad->reason : fmt::format("'{}' would do", bad->suggestion));
    check_subnet(network, diagnostics);
    check_subnet6(network, diagnostics);
    check_gateway(topology, network, diagnostics);
    if (network->impair.jitter->count() > network->impair.delay->count() && network->impair.delay.clean)
      report(diagnostics, network->impair.jitter, "jitter is larger than the delay it varies",
             "raise delay, or lower jitter");
    if (network->attach && network->attach->clean)
      if (const auto bad = check_interface_name(**network->attach))
        report(diagnostics, *network->attach, bad->reason);
    for (const auto& other : topology.networks) {
      if (&other == &network) break;
      if (network->attach && other->attach && network->attach->value == other->attach->value)
        report(diagnostics, *network->attach,
               fmt::format("{} is attached to {} already (line {})", network->attach->value, other.name,
                           other->attach->at.line),
               "an interface is on one wire");
      if (network->subnet.clean && other->subnet.clean && network->subnet->overlaps(*other->subnet))
        report(diagnostics, network->subnet,
               fmt::format("{} overlaps {}", network->subnet->text(), described(other)),
               "each network needs addresses of its own");
      if (network->subnet6 && other->subnet6 && network->subnet6->clean && other->subnet6->clean &&
          network->subnet6->value.overlaps(**other->subnet6))
        report(diagnostics, *network->subnet6,
               fmt::format("{} overlaps {} of {} (line {})", network->subnet6->value.text(),
                           other->subnet6->value.text(), other.name, other->subnet6->at.line),
               "each network needs addresses of its own");
    }
  }
}

}  // namespace lab::topology
