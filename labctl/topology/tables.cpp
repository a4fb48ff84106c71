// The rows of a topology file's top, of its networks, nodes and promises. Domains and services:
// domain_tables.cpp, service_tables.cpp.
#include "labctl/topology/tables.hpp"

#include <fmt/format.h>

namespace lab::topology {

using config::Table;

const Table<Topology>& table_of(const Topology*) {
  static const auto table =
      Table<Topology>("topology")
          .row("lab", &Topology::lab_name, "name of the lab; the file's name without its ending if left out")
          .row("description", &Topology::description, "what the lab teaches, for people")
          .row("networks", &Topology::networks,
               "the networks, by name; each is a subnet such as 192.168.56.0/24, or a map of its options")
          .row("domains", &Topology::domains,
               "the domains, by name: zones, directory suffix and mail domain of each are derived")
          .row("nodes", &Topology::nodes, "the machines, by name")
          .row("checks", &Topology::checks,
               "what the lab promises beyond what `labctl check` derives by itself")
          .row("points", &Topology::points, "weights for grading, by the name of a check");
  return table;
}

const Table<Impairment>& table_of(const Impairment*) {
  static const auto table =
      Table<Impairment>("impair")
          .row("delay", &Impairment::delay, "added to every frame, in each direction", {0, 60})
          .row("jitter", &Impairment::jitter, "by how much the delay varies", {0, 60})
          .row("loss", &Impairment::loss, "share of the frames that are lost")
          .row("rate", &Impairment::rate, "most bits per second, in each direction");
  return table;
}

const Table<NetworkSpec>& network_table() {
  static const auto table =
      Table<NetworkSpec>("network")
          .required("subnet", &NetworkSpec::subnet, "the IPv4 subnet, such as 10.0.0.0/24")
          .row("subnet6", &NetworkSpec::subnet6, "an IPv6 subnet beside it, such as fd00:56::/64")
          .row(
              "ipv6", &NetworkSpec::ipv6,
              "where hosts have their IPv6 addresses from: stateful (DHCPv6), stateless (their own, the rest "
              "from DHCPv6) or slaac (their own, the rest from routers)")
          .row("gateway", &NetworkSpec::gateway,
               "the node whose address clients get as default route (or an address); else the first router "
               "on it")
          .row("mtu", &NetworkSpec::mtu, "largest packet in bytes", {576, 65521})
          .row("impair", &NetworkSpec::impair, "delay, jitter, loss and rate of the whole network")
          .row("attach", &NetworkSpec::attach,
               "a physical interface of this machine to bridge into the network, so that real machines join "
               "(root only)");
  return table;
}

const Table<Attachment>& attachment_table() {
  static const auto table =
      Table<Attachment>("network of a node")
          .row("address", &Attachment::address, "an address on the network, or dhcp")
          .row("address6", &Attachment::address6,
               "an IPv6 address on the network; derived from the IPv4 one where the network has a subnet6")
          .row("mac", &Attachment::mac, "hardware address; derived from lab, node and network if left out");
  return table;
}

const Table<Node>& table_of(const Node*) {
  static const auto table =
      Table<Node>("node")
          .row("networks", &Node::networks,
               "a network's name (address by DHCP), several of them, or a map of network to address")
          .row("domain", &Node::domain,
               "the domain whose services this node runs and whose name it has; needed only where there are "
               "several")
          .row("groups", &Node::groups, "groups of its domain it belongs to, for their policies")
          .row("services", &Node::services, "what it runs: a list, or a map of service to options")
          .row("router", &Node::router, "forwards packets between its networks")
          .row("nat", &Node::nat, "a network: what goes out there leaves with the router's own address")
          .row("routes", &Node::routes, "static routes: destination network to next hop")
          .row("count", &Node::count, "makes that many nodes of it: name-1 to name-N", {1, Limits::kNodes})
          .row("dhcp_client", &Node::dhcp_client, "the program that asks for its addresses")
          .row("run", &Node::run, "shell commands run once when the lab is up");
  return table;
}

const Table<MailPromise>& table_of(const MailPromise*) {
  static const auto table =
      Table<MailPromise>("mail check")
          .required("from", &MailPromise::from, "who writes: an address of a user of the lab")
          .required("to", &MailPromise::to, "who reads: an address of a user of the lab")
          .row("within", &MailPromise::within, "how long the message may take", {0, 600});
  return table;
}

const Table<Promise>& table_of(const Promise*) {
  static const auto table =
      Table<Promise>("check")
          .row("name", &Promise::name, "what is promised, in a few words; `points` refers to it")
          .row("from", &Promise::from, "the node it is checked from; the first client if left out")
          .row("dns", &Promise::dns, "a DNS question: a name and a type, such as \"helper.bac MX\"")
          .row("mail", &Promise::mail, "a message that must arrive")
          .row("run", &Promise::run, "a shell command that must succeed")
          .row("expect", &Promise::expect,
               "what must come: records of the answer, or text of the command's output");
  return table;
}

}  // namespace lab::topology
