/// outputs -- what the client tells the rest of the machine about its lease: resolv.conf for every program, a
/// JSON file for labctl, one line to remember the lease by after a restart, and readiness for the supervisor
/// (sd_notify(3)).
#pragma once
#include <optional>
#include <string>

#include "common/error.hpp"
#include "dhcp/client/ipv6.hpp"
#include "dhcp/client_machine.hpp"

namespace lab::dhcp::client {

/// resolv.conf(5) of what is known, by IPv4 and by IPv6.
std::string resolv_conf(const std::optional<ClientLease>& lease, const Ipv6Outcome& ipv6,
                        const std::string& interface);
/// One object: address, prefix, router, dns, domain, search, …; times in seconds since 1970. What came by
/// IPv6 is in `ipv6`, where there is anything.
std::string lease_json(const std::optional<ClientLease>& lease, const Ipv6Outcome& ipv6,
                       const std::string& interface);

/// Truncates and writes: the file may be a bind mount, which cannot be replaced.
Result<void> write_in_place(const std::string& path, const std::string& text);
/// Writes beside and renames: a reader sees the old or the new file, never half of one.
Result<void> write_atomically(const std::string& path, const std::string& text);

std::string remember(const ClientLease& lease);
/// The address of the lease that `text` remembers, unless it has expired by `now`.
std::optional<IpAddress> recall(const std::string& text, ClientTime now);
/// Empty when the file cannot be read.
std::string read_small_file(const std::string& path);

/// Nothing without $NOTIFY_SOCKET.
void tell_supervisor(std::string_view state);

}  // namespace lab::dhcp::client
