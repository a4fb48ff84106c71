/// lease_query -- DHCPLEASEQUERY (RFC 4388): a relay or access switch that was restarted asks who has an address, or
/// which address a machine has. Only machines the configuration names may ask.
#pragma once
#include "dhcp/server.hpp"

namespace lab::dhcp {

/// The answer to a question from `giaddr`: ACTIVE, UNASSIGNED or UNKNOWN. `scope`: of the address asked for; nullptr
/// when none of ours holds it.
Reply answer_lease_query(const Message& query, const Arrival& arrival, const Settings& settings, const LeaseTable& leases,
                         const IpAddress& server_id, ServerTime now);

}  // namespace lab::dhcp
