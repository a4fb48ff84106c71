#include "dns/node.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "dns/rdata.hpp"

namespace lab::dns {

NodePtr Node::make(const Name& name, std::span<const RRsetView> rrsets, std::uint32_t children, Flags flags,
                   BlockArena* arena) {
  const LookupName key(name);
  const std::size_t name_size = key.size();
  const bool mixed_case = std::memcmp(key.suffix(key.labels()), name.data(), name_size) != 0;
  std::size_t size = sizeof(Node) + rrsets.size() * sizeof(Header) + name_size * (mixed_case ? 2 : 1);
  for (const RRsetView& set : rrsets) size += set.data.size();

  bool in_arena = false;
  Node* node = new (allocate_block(size, arena, in_arena)) Node;
  node->in_arena_ = in_arena;
  node->hash_ = key.hash();
  node->children_ = children;
  node->rrset_count_ = static_cast<std::uint16_t>(rrsets.size());
  node->name_size_ = static_cast<std::uint8_t>(name_size);
  node->mixed_case_ = mixed_case;
  node->flags_ = flags;
  node->hashed_owner_ =
      children == 0 && !rrsets.empty() && std::all_of(rrsets.begin(), rrsets.end(), [](const RRsetView& set) {
        return set.type == type::NSEC3 || set.covers == type::NSEC3;
      });

  auto* header = reinterpret_cast<Header*>(node + 1);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(header + rrsets.size());
  std::size_t offset = 0;
  auto append = [&](const std::uint8_t* from, std::size_t n) {
    std::memcpy(bytes + offset, from, n);
    offset += n;
  };
  append(key.suffix(key.labels()), name_size);
  if (mixed_case) append(name.data(), name_size);
  for (const RRsetView& set : rrsets) {
    *header++ = {set.type,
                 set.covers,
                 set.count,
                 set.ttl,
                 static_cast<std::uint32_t>(offset),
                 static_cast<std::uint32_t>(set.data.size())};
    append(set.data.data(), set.data.size());
  }
  return NodePtr(node);
}

void Node::destroy(const Node* node) {
  const bool in_arena = node->in_arena_;
  node->~Node();
  free_block(node, in_arena);
}

RRsetView Node::find(Type t, Type covers) const {
  const Header* h = headers();
  for (const Header* end = h + rrset_count_; h != end; ++h)
    if (h->type == t && h->covers == covers) return view(*h);
  return {};
}

bool Node::has(Type t) const {
  const Header* h = headers();
  return std::any_of(h, h + rrset_count_, [t](const Header& x) { return x.type == t; });
}

RRsetView Node::rrset(std::size_t i) const { return view(headers()[i]); }

bool RRset::contains(std::string_view data) const {
  const std::string wanted = canonical_rdata(type, as_bytes(data));
  return std::any_of(rdata.begin(), rdata.end(), [&](const std::string& r) {
    return r.size() == wanted.size() && canonical_rdata(type, as_bytes(r)) == wanted;
  });
}

bool RRset::add(std::string_view data) {
  if (contains(data)) return false;
  rdata.emplace_back(data);
  return true;
}

bool RRset::remove(std::string_view data) {
  const std::string wanted = canonical_rdata(type, as_bytes(data));
  return std::erase_if(
             rdata, [&](const std::string& r) { return canonical_rdata(type, as_bytes(r)) == wanted; }) != 0;
}

RRset RRset::of(const RRsetView& view) {
  RRset set{view.type, view.covers, view.ttl, {}};
  set.rdata.reserve(view.count);
  for (const auto data : view) set.rdata.emplace_back(as_text(data));
  return set;
}

void RRsetLayout::add(const RRset& set) {
  Part part{
      {set.type, set.covers, static_cast<std::uint16_t>(set.rdata.size()), set.ttl, {}}, bytes_.size(), 0};
  for (const std::string& r : set.rdata) {
    std::uint8_t length[2];
    put16(length, static_cast<std::uint16_t>(r.size()));
    bytes_.append(as_text(length)).append(r);
  }
  part.size = bytes_.size() - part.offset;
  parts_.push_back(part);
}

std::vector<RRsetView> RRsetLayout::views() const {
  std::vector<RRsetView> out;
  for (const Part& part : parts_) {
    out.push_back(part.view);
    out.back().data = as_bytes(bytes_).subspan(part.offset, part.size);
  }
  return out;
}

}  // namespace lab::dns
