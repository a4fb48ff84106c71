/// denial -- the records by which a signed zone proves what it does not have: a chain over its names in
/// order (NSEC, RFC 4034 4) or over their hashes (NSEC3, RFC 5155).
#pragma once
#include <string>
#include <vector>

#include "dns/nsec3.hpp"
#include "dns/zone_diff.hpp"

namespace lab::dns {

/// A name of a zone to be signed, with the types it will have in the end.
struct SignedName {
  Name owner;               ///< as written
  std::vector<Type> types;  ///< the zone's own; at a delegation NS and DS (RFC 4035 2.3); none of an empty
                            ///< non-terminal
};

/// The types of a name as NSEC and NSEC3 carry them (RFC 4034 4.1.2).
std::string type_bitmap(std::vector<Type> types);

/// The chain's records. `names`: in canonical order, the apex first; for NSEC without those that have no
/// types.
std::vector<ZoneRecord> nsec_chain(const std::vector<SignedName>& names, std::uint32_t ttl);
std::vector<ZoneRecord> nsec3_chain(const std::vector<SignedName>& names, const Name& apex,
                                    const Nsec3Parameters& parameters, std::uint32_t ttl);

}  // namespace lab::dns
