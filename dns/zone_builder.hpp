/// zone_builder -- makes a zone of many records at once: collects them flat, sorts them by name, compiles
/// each name's block. Names between the apex and a deeper name come into being by themselves (RFC
/// 4592 2.2.2).
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns/zone.hpp"

namespace lab::dns {

class ZoneBuilder {
 public:
  /// Where a record was written; the caller's own numbering, given back with a problem.
  using Place = std::uint64_t;
  struct Problem {
    Place place = 0;
    Name name;
    std::string what;
  };

  explicit ZoneBuilder(Name apex);
  void reserve(std::size_t records, std::size_t bytes);
  const Name& apex() const { return apex_; }
  bool empty() const { return records_.empty(); }

  /// Adds a record; false when the owner is not in the zone or the data too long for a message (kMaxRdata).
  bool add(std::span<const std::uint8_t> owner, Type type, std::uint32_t ttl,
           std::span<const std::uint8_t> rdata, Place place);
  bool add(const Name& owner, Type type, std::uint32_t ttl, std::span<const std::uint8_t> rdata,
           Place place = 0) {
    return add({owner.data(), owner.size()}, type, ttl, rdata, place);
  }

  /// The zone, or null with what is wrong. `remarks`: what was put right on the way (TTLs that differ within
  /// an RRset).
  ZonePtr build(std::vector<Problem>& problems, std::vector<Problem>& remarks);

  /// A record fits into a message of 64 KiB together with a question, an OPT and a TSIG (each with a name of
  /// 255 bytes).
  static constexpr std::size_t kMaxRdata = kMaxMessage - 1500;

 private:
  struct Record {
    std::uint64_t hash;
    Place place;
    std::uint32_t owner, rdata, ttl;  // offsets into bytes_; at `rdata` stand two bytes of length
    Type type, covers;
    std::uint8_t owner_size;
    std::uint8_t labels;
  };
  struct Parent {
    std::uint32_t children = 0;
    bool wildcard = false;
  };
  struct Parents;
  std::span<const std::uint8_t> owner(const Record& r) const { return {&bytes_[r.owner], r.owner_size}; }
  void sort();
  NodePtr compile(std::span<const Record> group, const Parent& parent, BlockArena* arena,
                  std::vector<Problem>& remarks);
  std::span<const std::uint8_t> gather(std::span<const Record> set, std::uint16_t& count,
                                       std::vector<std::uint8_t>& buffer) const;

  Name apex_;
  LookupName apex_key_, key_;
  std::uint32_t last_owner_ = 0, last_owner_size_ = 0;
  std::vector<Record, LargePages<Record>> records_;
  std::vector<std::uint8_t, LargePages<std::uint8_t>> bytes_;
};

}  // namespace lab::dns
