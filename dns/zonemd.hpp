/// zonemd -- a digest over all of a zone (RFC 8976): whoever has a copy can tell that it is whole and
/// unchanged, however it came.
#pragma once
#include <string>

#include "dns/zone.hpp"

namespace lab::dns {

/// The data of a ZONEMD record for this version: scheme SIMPLE, SHA-384.
std::string zonemd_rdata(const Zone& zone);

enum class DigestCheck : std::uint8_t {
  None,  ///< the zone has no digest
  Good,
  Unknown,  ///< of a kind we do not know (RFC 8976 4: not an error)
  Bad,      ///< the zone is not what was digested
};
DigestCheck check_zonemd(const Zone& zone);

/// The zone with the digest of itself as its only ZONEMD record.
Result<ZonePtr> with_zonemd(const ZonePtr& zone);

}  // namespace lab::dns
