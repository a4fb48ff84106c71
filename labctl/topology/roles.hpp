/// roles -- who does what for whom, where the file leaves it unsaid: which domain a node belongs to, which
/// node answers DNS for a domain, lends addresses on a network, routes for it. The rules over a file and the
/// plan both ask here, so that what is checked is what is done.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/topology/names.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::topology {

using NodeEntry = Named<Node>;
using NodeList = std::vector<const NodeEntry*>;

/// A node's own address on a network; none where it asks by DHCP, is not attached, or wrote nonsense.
std::optional<IpAddress> address_on(const NodeEntry& node, std::string_view network);
/// Its IPv6 address there: the one written, else derived from the IPv4 one: .10 becomes ::10.
std::optional<IpAddress> address6_on(const Topology& topology, const NodeEntry& node,
                                     std::string_view network);
/// Its first fixed address, which its services listen on and its names lead to.
std::optional<IpAddress> main_address(const NodeEntry& node);

NodeList attached(const Topology& topology, std::string_view network);
bool has_dhcp_clients(const Topology& topology, std::string_view network);

/// The domain a node's name is in, and whose services it runs: its `domain:`; else the only domain (with
/// people); else the domain of those who serve its networks; else the first. Empty without domains.
std::string domain_of(const Topology& topology, const NodeEntry& node);
/// The domain that clients of a network belong to.
std::string domain_of_network(const Topology& topology, std::string_view network);
/// Whether `domain:` may be left out: there is one domain, or one with people in it.
std::optional<std::string> only_domain(const Topology& topology);

/// The name servers of a domain, the primary first. A domain no node names is held by the first name server
/// there is, which is the root's only where there is no other.
NodeList dns_servers(const Topology& topology, std::string_view domain);
/// What a node asks for names: the servers of its own domain.
std::vector<IpAddress> resolvers(const Topology& topology, std::string_view domain);
/// Whether a name server looks up what is in none of its own zones: as its file says; else it does unless it
/// serves the root or a top-level domain without people and clients.
bool recurses(const Topology& topology, const NodeEntry& server);
/// The node that holds the domain's directory, or that says where an external one is.
const NodeEntry* directory_server(const Topology& topology, std::string_view domain);
/// The nodes that hold copies of it.
NodeList directory_replicas(const Topology& topology, std::string_view domain);
const NodeEntry* mail_server(const Topology& topology, std::string_view domain);

/// Whether `server` lends addresses on `network`: attached to it or reached through a relay, and either its
/// scopes name the network, or it has no scopes written and the network has clients.
bool lends_on(const Topology& topology, const NodeEntry& server, std::string_view network);
NodeList dhcp_servers(const Topology& topology, std::string_view network);
/// The node a relay forwards to: `to:`, or the only DHCP server.
const NodeEntry* relay_target(const Topology& topology, const NodeEntry& relay);

/// Where hosts of a network have their IPv6 addresses from; none without a subnet6.
std::optional<Ipv6> ipv6_of(const Topology& topology, std::string_view network);
/// Whether `server` answers DHCPv6 on the network: it lends there, and the network's `ipv6` wants it.
bool serves6_on(const Topology& topology, const NodeEntry& server, std::string_view network);
/// The nodes that advertise a router or a DHCPv6 server on the network: its routers, else those that lend.
NodeList advertisers(const Topology& topology, std::string_view network);
/// The IPv6 addresses lent on a network: the scope's range6, or ::1:0 to ::1:ffff of the subnet.
std::vector<AddressRange> lease_ranges6(const NodeEntry& server, const std::string& network,
                                        const Network& subnet6);
/// The IPv6 default route of a network's hosts with fixed addresses.
std::optional<IpAddress> gateway6(const Topology& topology, std::string_view network);

/// The default route of a network's hosts: its `gateway:`, else its first router, if any.
std::optional<IpAddress> gateway(const Topology& topology, std::string_view network);
/// What DHCP clients are told: the gateway, else the DHCP server itself.
std::optional<IpAddress> client_gateway(const Topology& topology, std::string_view network);

/// A node's scope for a network as written, or none.
const Scope* scope_of(const NodeEntry& server, std::string_view network);
/// The addresses lent on a network: the scope's ranges, or the upper half of the subnet.
std::vector<AddressRange> lease_ranges(const NodeEntry& server, const std::string& network,
                                       const Network& subnet);
/// What lies in the ranges but is never lent: the scope's own exclusions, and fixed addresses of nodes.
std::vector<AddressRange> exclusions(const Topology& topology, const NodeEntry& server,
                                     const std::string& network);

}  // namespace lab::topology
