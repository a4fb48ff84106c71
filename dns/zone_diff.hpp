/// zone_diff -- the difference between two versions of a zone, as journals keep it and incremental transfers
/// carry it (RFC 1995).
#pragma once
#include <string>
#include <vector>

#include "dns/zone.hpp"

namespace lab::dns {

struct ZoneRecord {
  Name owner;
  Type type = 0;
  std::uint32_t ttl = 0;
  std::string rdata;
};

/// What leads from one version of a zone to the next; its SOA records are part of it.
struct ZoneDiff {
  std::vector<ZoneRecord> removed, added;
  bool empty() const { return removed.empty() && added.empty(); }
};

/// What makes `to` out of `from`.
ZoneDiff difference(const Zone& from, const Zone& to);

/// The records of `a` that `b` lacks; a record with another TTL is another record here, as transfers carry it
/// (RFC 1995 2).
void subtract(const Name& owner, const std::vector<RRset>& a, const std::vector<RRset>& b,
              std::vector<ZoneRecord>& to);
/// The RRsets of a node; none of a null one.
std::vector<RRset> rrsets_of(const Node* node);

}  // namespace lab::dns
