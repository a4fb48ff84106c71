/// lease_list -- leases as JSON for programs and as CSV for spreadsheets and for moving a lab to another
/// machine. CSV is RFC 4180 with a header line; times are seconds since 1970.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dhcp/lease_table.hpp"
#include "dhcp/server.hpp"

namespace lab::dhcp {

/// One object: address, mac, client_id, hostname, state, started, expires.
std::string lease_json(const Lease& lease);
std::string leases_json(const std::vector<Lease>& leases);
/// A line per scope: how many addresses it lends, has lent, and has in quarantine.
std::string pools_json(const std::vector<PoolStatus>& pools);

std::string leases_csv(const std::vector<Lease>& leases);
/// The error names the line.
Result<std::vector<Lease>> parse_leases_csv(std::string_view text);

/// Columns for people.
std::string leases_table(const std::vector<Lease>& leases, ServerTime now);

}  // namespace lab::dhcp
