/// lease_list -- DHCPv6 leases as JSON, in the form of DHCPv4's with what IPv6 has besides.
#pragma once
#include <string>
#include <vector>

#include "dhcp/v6/lease_table.hpp"
#include "dhcp/v6/server.hpp"

namespace lab::dhcp::v6 {

/// One object: address (a prefix with its length), mac, duid, iaid, hostname, state, started, expires.
std::string lease_json(const Lease& lease);
std::string leases_json(const std::vector<Lease>& leases);
std::string pools_json(const std::vector<PoolStatus>& pools);

}  // namespace lab::dhcp::v6
