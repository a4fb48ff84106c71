/// zone -- one version of a zone: an immutable tree of names that any number of threads read without a lock.
/// Names are found by the hash of a suffix: one probe for a name that exists, one for each label walked up
/// when it does not.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns/block.hpp"
#include "dns/name.hpp"
#include "dns/node.hpp"
#include "dns/nsec3.hpp"

namespace lab::dns {

/// Start of authority (RFC 1035 3.3.13); times in seconds.
struct Soa {
  Name mname, rname;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
  static Soa parse(std::span<const std::uint8_t> rdata);
  std::string rdata() const;
};

/// Names whose hashes begin with the same bits; a change copies the few blocks it touches.
class Shard : public BlockHeader {
 public:
  static BlockPtr<Shard> make(std::span<const NodePtr> nodes, BlockArena* arena = nullptr);
  static void destroy(const Shard*);
  const Node* find(std::uint64_t hash, const std::uint8_t* key, std::size_t size) const;
  /// Asks the processor for what find() will look at: the shard itself, then, when that is there, the node.
  void prefetch() const;
  void prefetch_node(std::uint64_t hash) const;
  std::span<const NodePtr> nodes() const { return {reinterpret_cast<const NodePtr*>(this + 1), count_}; }

 private:
  Shard() = default;
  const std::uint32_t* tags() const {
    return reinterpret_cast<const std::uint32_t*>(nodes().data() + count_);
  }
  // The block: this object, count_ node pointers, count_ tags (the low half of each hash).
  std::uint32_t count_ : 31 = 0;
  std::uint32_t in_arena_ : 1 = 0;
};

class Zone {
 public:
  /// `nodes`: every name including the apex and the empty non-terminals, in any order. `arena`: for the
  /// blocks the zone makes of its own.
  Zone(Name apex, std::vector<NodePtr> nodes, BlockArena* arena = nullptr);

  /// Stands for a zone we should serve but have no data of: a secondary that never reached its primary, or
  /// not for too long.
  static std::shared_ptr<const Zone> placeholder(const Name& apex);
  bool available() const { return available_; }

  const Name& apex() const { return apex_; }
  unsigned apex_labels() const { return apex_labels_; }
  std::uint64_t apex_hash() const { return apex_node_->hash(); }
  const Node& apex_node() const { return *apex_node_; }
  /// The node of the last `labels` labels of a name, or null.
  const Node* find(const LookupName& name, unsigned labels) const;
  const Node* find(const LookupName& name) const { return find(name, name.labels()); }
  const Node* find(const Name& name) const { return find(LookupName(name)); }
  /// Whether looking a name up means waiting for memory: then it is asked for beforehand, for several names
  /// at once, first with prefetch(), then with prefetch_node().
  bool is_big() const { return names_ > kBig; }
  void prefetch(std::uint64_t hash) const { shards_[shard_of(hash)]->prefetch(); }
  void prefetch_node(std::uint64_t hash) const { shards_[shard_of(hash)]->prefetch_node(hash); }
  /// The node `*` below the last `labels` labels of a name, or null.
  const Node* find_wildcard(const LookupName& name, unsigned labels) const;

  /// Whether any name below the apex is a delegation, or any has a DNAME: if none is, nothing hides a name.
  bool has_cuts() const { return cuts_ != 0; }
  /// How the zone proves what it does not have.
  Denial denial() const { return denial_; }
  bool is_signed() const { return denial_ != Denial::None; }
  /// The node whose NSEC says what lies between it and the next name, `name` being there or being it. Only of
  /// a zone with NSEC.
  const Node& covering(const std::uint8_t* name) const;
  /// What is hashed how; only of a zone with NSEC3.
  const Nsec3Parameters& nsec3() const { return nsec3_; }
  /// The node whose NSEC3 is that hash's, or covers it: says which.
  const Node& covering(const Nsec3Hash& hash, bool& matches) const;
  Soa soa() const;
  std::uint32_t serial() const;
  /// The SOA's TTL in negative answers: the lesser of its own and its MINIMUM field (RFC 2308 3).
  std::uint32_t negative_ttl() const { return negative_ttl_; }
  std::size_t names() const { return names_; }
  void for_each(const std::function<void(const Node&)>&) const;
  /// Every node in canonical order (RFC 4034 6.1), the apex first.
  std::vector<const Node*> in_order() const;

  /// A new version in which the given names are replaced, added, or (null) removed.
  struct Change {
    std::uint64_t hash = 0;
    Name name;
    NodePtr node;
  };
  std::shared_ptr<const Zone> with(std::span<const Change> changes) const;

 private:
  static constexpr std::size_t kBig = 2000;  // names, more or less what a processor's second cache holds
  Zone() = default;
  void fill(std::vector<NodePtr> nodes, BlockArena* arena);
  void note_apex();
  std::size_t shard_of(std::uint64_t hash) const { return bits_ == 0 ? 0 : hash >> (64 - bits_); }
  bool is_cut(const Node& node) const;

  Name apex_;
  unsigned apex_labels_ = 0, bits_ = 0;
  std::uint32_t negative_ttl_ = 0;
  std::size_t names_ = 0, cuts_ = 0;
  bool available_ = true;
  NodePtr apex_node_;
  Denial denial_ = Denial::None;
  Nsec3Parameters nsec3_;
  std::vector<const Node*> chain_;  // names with NSEC, or owners of NSEC3, in canonical order
  std::vector<BlockPtr<Shard>> shards_;
};

using ZonePtr = std::shared_ptr<const Zone>;

/// Why the records of a node cannot stand together (CNAME beside other data …); null when they can. `apex`:
/// of its zone.
const char* node_fault(const Node& node, const Name& apex);

/// Which of a server's faces is meant: the main one, or one that other addresses show.
using ViewId = std::uint8_t;
inline constexpr ViewId kMainView = 0;

/// All zones served, by longest match.
class ZoneSet {
 public:
  ZoneSet() = default;
  explicit ZoneSet(std::vector<ZonePtr> zones);
  /// The zone with the longest apex that is a suffix of `name` and has at most `most_labels` labels, or null.
  const Zone* find(const LookupName& name, unsigned most_labels) const;
  const Zone* find(const LookupName& name) const { return find(name, name.labels()); }
  ZonePtr find_exact(const Name& apex) const;
  const std::vector<ZonePtr>& zones() const { return zones_; }
  bool has_big() const { return has_big_; }  ///< some zone is_big()
  /// A copy with one zone replaced or added, or (null) removed.
  std::shared_ptr<const ZoneSet> with(const Name& apex, ZonePtr zone) const;

 private:
  std::vector<ZonePtr> zones_;
  std::vector<std::uint32_t> table_;  // index into zones_ plus one, at the hash of the apex; open addressing
  std::vector<bool> depth_used_;      // whether some apex has that many labels
  bool has_big_ = false;
};

}  // namespace lab::dns
