/// zone_editor -- changes a few names of a zone and makes the next version, which shares all the rest with
/// the one before: what a dynamic update or an incremental transfer does to a big zone costs microseconds.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dns/zone_diff.hpp"

namespace lab::dns {

class ZoneEditor {
 public:
  /// `base` stays as it is.
  explicit ZoneEditor(ZonePtr base) : base_(std::move(base)) {}
  const Name& apex() const { return base_->apex(); }

  /// The name's records as edited so far; names that do not exist have none.
  const std::vector<RRset>& rrsets(const Name& name) { return entry(name).sets; }
  const RRset* find(const Name& name, Type type);

  /// Adds a record; the RRset takes over its TTL (RFC 2136 3.4.2.2). False when it was there with that TTL.
  bool add(const Name& name, Type type, std::uint32_t ttl, std::string_view rdata);
  bool remove(const Name& name, Type type, std::string_view rdata);
  bool remove_rrset(const Name& name, Type type);
  /// Puts `rdata` in place of all that type's records.
  void replace(const Name& name, Type type, std::uint32_t ttl, std::string_view rdata);

  /// Removes what the diff removes, adds what it adds; what is not there, or is already, is passed over, and
  /// so is what cannot stand beside a record that is there. The SOA stays. Returns how many records were
  /// passed over.
  std::size_t apply(const ZoneDiff& diff);
  void set_serial(std::uint32_t serial);
  /// What was changed so far.
  ZoneDiff diff() const;

  /// The new version; an error when some name's records cannot stand together.
  Result<ZonePtr> finish();

 private:
  struct Entry {
    Name written;  // as the zone has it, else as the first change wrote it
    std::vector<RRset> sets;
    std::uint32_t children = 0;
    bool wildcard = false;
    bool existed = false;  // in base_
    bool counted = false;  // its parent counts it as a child
    bool exists() const { return !sets.empty() || children != 0; }
  };
  Entry& entry(const Name& name);
  void settle(const Name& name);

  ZonePtr base_;
  std::map<Name, Entry> entries_;
};

}  // namespace lab::dns
