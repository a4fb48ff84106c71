/// node -- one name of a zone with its RRsets, as a single immutable block of wire-form bytes. Nodes are
/// shared between versions of a zone: a change makes new blocks for the names it touches and keeps all the
/// others.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns/block.hpp"
#include "dns/block_arena.hpp"
#include "dns/name.hpp"

namespace lab::dns {

/// The records of one type at one name (RFC 2181 5): they have one TTL, and are sent whole or not at all.
/// Signatures stand in RRsets of their own, one for each type they cover.
struct RRsetView {
  Type type = 0;
  Type covers = 0;  ///< RRSIG only: the type signed
  std::uint16_t count = 0;
  std::uint32_t ttl = 0;
  std::span<const std::uint8_t> data;  ///< `count` times: two bytes of length, then the rdata, uncompressed

  explicit operator bool() const { return count != 0; }

  class Iterator {
   public:
    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    std::span<const std::uint8_t> operator*() const { return {at_ + 2, get16(at_)}; }
    Iterator& operator++() {
      at_ += 2 + get16(at_);
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const std::uint8_t* at_;
  };
  Iterator begin() const { return Iterator(data.data()); }  ///< over the rdata of each record
  Iterator end() const { return Iterator(data.data() + data.size()); }
};

class Node;
using NodePtr = BlockPtr<Node>;

class Node : public BlockHeader {
 public:
  struct Flags {
    bool has_wildcard = false;  ///< `*` exists below this name
  };

  /// `name` as written; `children`: how many names stand one label below it. `arena`: where many are made at
  /// once.
  static NodePtr make(const Name& name, std::span<const RRsetView> rrsets, std::uint32_t children,
                      Flags flags, BlockArena* arena = nullptr);

  /// In lower case, for comparing.
  std::span<const std::uint8_t> key() const { return {bytes(), name_size_}; }
  /// As written in the zone.
  std::span<const std::uint8_t> name() const {
    return {bytes() + (mixed_case_ ? name_size_ : 0), name_size_};
  }
  std::uint64_t hash() const { return hash_; }
  std::uint32_t children() const { return children_; }
  bool has_wildcard() const { return flags_.has_wildcard; }
  Flags flags() const { return flags_; }
  /// No records: the name exists only because others stand below it (RFC 8499 7, empty non-terminal).
  bool is_empty() const { return rrset_count_ == 0; }
  /// Only there to carry an NSEC3 record: for questions the name does not exist (RFC 5155 7.2.8).
  bool is_hashed_owner() const { return hashed_owner_; }

  /// The RRset of a type, or one with no records.
  RRsetView find(Type t) const { return find(t, 0); }
  /// The signatures over the RRset of a type.
  RRsetView signatures(Type covered) const { return find(type::RRSIG, covered); }
  bool has(Type t) const;
  std::size_t rrset_count() const { return rrset_count_; }
  RRsetView rrset(std::size_t i) const;

  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  static void destroy(const Node*);

 private:
  struct Header {
    Type type, covers;
    std::uint16_t count;
    std::uint32_t ttl, offset, size;
  };
  Node() = default;
  RRsetView find(Type t, Type covers) const;
  const std::uint8_t* bytes() const {
    return reinterpret_cast<const std::uint8_t*>(headers() + rrset_count_);
  }
  const Header* headers() const { return reinterpret_cast<const Header*>(this + 1); }
  RRsetView view(const Header& h) const {
    return {h.type, h.covers, h.count, h.ttl, {bytes() + h.offset, h.size}};
  }

  // The block: this object, rrset_count_ headers, the name in lower case, the name as written where that
  // differs, rdata.
  std::uint64_t hash_ = 0;
  std::uint32_t children_ = 0;
  std::uint16_t rrset_count_ = 0;
  std::uint8_t name_size_ = 0;
  bool mixed_case_ = false, hashed_owner_ = false, in_arena_ = false;
  Flags flags_;
};

/// An RRset being put together: owns what an RRsetView shows.
struct RRset {
  Type type = 0;
  Type covers = 0;
  std::uint32_t ttl = 0;
  std::vector<std::string> rdata;

  /// Adds a record unless it is there (RFC 2181 5); says whether it was added.
  bool add(std::string_view data);
  bool contains(std::string_view data) const;
  bool remove(std::string_view data);
  static RRset of(const RRsetView&);
};

/// Lays RRsets out as a node wants them; the views live as long as this does and no more is added.
class RRsetLayout {
 public:
  void add(const RRset&);
  std::vector<RRsetView> views() const;

 private:
  struct Part {
    RRsetView view;
    std::size_t offset, size;
  };
  std::vector<Part> parts_;
  std::string bytes_;
};

}  // namespace lab::dns
