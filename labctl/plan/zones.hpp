/// zones -- the DNS zones a topology implies: of every domain, and of every subnet backwards (RFC 1034, RFC
/// 1035). What the file adds in `records:` and `zonefile:` stands over what is derived here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "labctl/plan/root.hpp"
#include "labctl/topology/records.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::plan {

/// Timers of the zones. A class changes a record and wants to see it now, so times to live are short.
struct ZoneTimers {
  static constexpr std::uint32_t kTtl = 300, kRefresh = 3600, kRetry = 600, kExpire = 604'800, kNegative = 60;
};

struct Zone {
  std::string name;                       ///< "helper.bac", without the final dot; "." for the root
  std::string domain;                     ///< the domain whose servers hold it
  std::string soa_names, soa_timers;      ///< the SOA's data before and after the serial
  std::uint32_t least_serial = 0;         ///< of a zone file's own SOA
  std::vector<topology::Record> records;  ///< without the SOA
  topology::NodeList servers;             ///< the primary first
  std::optional<IpAddress> address;       ///< of the primary, where the zone is seen and nowhere else
  bool dnssec = false;                    ///< to be signed
  bool nsec3 = false;                     ///< and with hashed names
  bool zonemd = false;                    ///< with a digest over the whole of it
};

/// Zones of all domains that have a name server, then the reverse zones of all networks, the top-level
/// domains nobody wrote down, and the root. Each is delegated by the nearest one above it.
std::vector<Zone> derive_zones(const topology::Topology& topology);
/// The reverse zone an address's PTR record is in, cut at whole octets (IPv4) or nibbles (IPv6):
/// 192.168.56.0/24 → 56.168.192.in-addr.arpa; 10.0.0.0/20 → 0.10.in-addr.arpa. A subnet that is smaller than
/// an octet has a zone below that octet's (RFC 2317): 192.168.56.128/26 → 128/26.56.168.192.in-addr.arpa.
std::string reverse_zone(const Network& subnet);
/// Where an address's PTR record stands, absolute: its reverse name, or what the zone of its octet has in
/// place of that (RFC 2317).
std::string pointer_owner(const std::vector<Zone>& zones, const IpAddress& address);
/// Makes a zone a block list (RFC 5782) of addresses, networks and domains; nothing when `entries` is empty.
void add_listings(Zone& zone, const std::vector<std::string>& entries);
/// The nearest zone above another, or null.
Zone* parent_of(std::vector<Zone>& zones, const Zone& zone);
/// Steps of derive_zones: the zones above the domains, then the NS and glue records that tie all together.
void add_upper_zones(const topology::Topology& topology, std::vector<Zone>& zones);
void delegate(std::vector<Zone>& zones);

/// As a zone file (RFC 1035 5).
std::string zone_text(const Zone& zone, std::uint32_t serial);

}  // namespace lab::plan
