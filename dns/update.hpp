/// update -- dynamic update (RFC 2136): checks a message's prerequisites against a zone and makes the next
/// version of it. Pure: what must be on disk, and who may ask, is the caller's business.
#pragma once
#include <string>

#include "dns/request.hpp"
#include "dns/zone_editor.hpp"

namespace lab::dns {

struct UpdateOutcome {
  Rcode rcode = Rcode::NoError;
  ZonePtr zone;     ///< the next version, with its serial moved on; null when nothing changed
  ZoneDiff diff;    ///< what changed, SOA included
  std::string why;  ///< a refusal in words, for the log
};

/// `kept`: a version whose records no update may remove (those written by hand in the zone file); may be
/// null.
UpdateOutcome apply_update(const ZonePtr& zone, const Zone* kept, const Request& request);

/// The serial after `serial`: RFC 1982, and never 0, which some secondaries take for "unknown".
constexpr std::uint32_t next_serial(std::uint32_t serial) { return serial == 0xffffffffU ? 1 : serial + 1; }

}  // namespace lab::dns
