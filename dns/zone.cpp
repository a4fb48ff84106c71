#include "dns/zone.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "dns/rdata.hpp"

namespace lab::dns {
namespace {

// Names in a shard, on average, when a zone is built, and what it may grow to by changes before all is laid
// out anew. Few enough that the tags of one shard fill a cache line or two, and that a change copies little.
constexpr std::size_t kShardNames = 8, kShardNamesMost = 24;

}  // namespace

Soa Soa::parse(std::span<const std::uint8_t> rdata) {
  Soa soa;
  const std::size_t first = name_size(rdata), second = name_size(rdata.subspan(first));
  soa.mname = Name::trusted(rdata.data(), first);
  soa.rname = Name::trusted(rdata.data() + first, second);
  const std::uint8_t* p = rdata.data() + first + second;
  soa.serial = get32(p);
  soa.refresh = get32(p + 4);
  soa.retry = get32(p + 8);
  soa.expire = get32(p + 12);
  soa.minimum = get32(p + 16);
  return soa;
}

std::string Soa::rdata() const {
  std::uint8_t numbers[20];
  put32(numbers, serial);
  put32(numbers + 4, refresh);
  put32(numbers + 8, retry);
  put32(numbers + 12, expire);
  put32(numbers + 16, minimum);
  std::string out(mname.wire());
  return out.append(rname.wire()).append(as_text(numbers));
}

BlockPtr<Shard> Shard::make(std::span<const NodePtr> nodes, BlockArena* arena) {
  const std::size_t n = nodes.size();
  const std::size_t size = sizeof(Shard) + n * (sizeof(NodePtr) + sizeof(std::uint32_t));
  bool in_arena = false;
  auto* shard = new (allocate_block(size, arena, in_arena)) Shard;
  shard->in_arena_ = in_arena;
  shard->count_ = static_cast<std::uint32_t>(n) & 0x7fffffffU;
  auto* pointers = reinterpret_cast<NodePtr*>(shard + 1);
  auto* tags = reinterpret_cast<std::uint32_t*>(pointers + n);
  for (std::size_t i = 0; i < n; ++i) {
    new (pointers + i) NodePtr(nodes[i]);
    tags[i] = static_cast<std::uint32_t>(nodes[i]->hash());
  }
  return BlockPtr<Shard>(shard);
}

void Shard::destroy(const Shard* shard) {
  std::destroy(shard->nodes().begin(), shard->nodes().end());
  const bool in_arena = shard->in_arena_;
  shard->~Shard();
  free_block(shard, in_arena);
}

const Node* Shard::find(std::uint64_t hash, const std::uint8_t* key, std::size_t size) const {
  const std::uint32_t* tag = tags();
  const auto wanted = static_cast<std::uint32_t>(hash);
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (tag[i] != wanted) continue;
    const Node* node = nodes()[i].get();
    if (node->key().size() == size && std::memcmp(node->key().data(), key, size) == 0) return node;
  }
  return nullptr;
}

void Shard::prefetch() const {
  const auto* const bytes = reinterpret_cast<const char*>(this);
  __builtin_prefetch(bytes);
  __builtin_prefetch(bytes + 64);
}

void Shard::prefetch_node(std::uint64_t hash) const {
  const std::uint32_t* tag = tags();
  const auto wanted = static_cast<std::uint32_t>(hash);
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (tag[i] != wanted) continue;
    const auto* const bytes = reinterpret_cast<const char*>(nodes()[i].get());
    __builtin_prefetch(bytes);
    __builtin_prefetch(bytes + 64);
    return;
  }
}

Zone::Zone(Name apex, std::vector<NodePtr> nodes, BlockArena* arena)
    : apex_(std::move(apex)), apex_labels_(apex_.labels()) {
  fill(std::move(nodes), arena);
  note_apex();
}

std::shared_ptr<const Zone> Zone::placeholder(const Name& apex) {
  RRsetLayout layout;
  layout.add({type::SOA, 0, 0, {Soa{apex, apex, 0, 0, 0, 0, 0}.rdata()}});
  auto zone = std::make_shared<Zone>(apex, std::vector{Node::make(apex, layout.views(), 0, {})});
  zone->available_ = false;
  return zone;
}

bool Zone::is_cut(const Node& node) const {
  return node.has(type::DNAME) || (node.has(type::NS) && node.key().size() != apex_.size());
}

void Zone::fill(std::vector<NodePtr> nodes, BlockArena* arena) {
  names_ = nodes.size();
  cuts_ = static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](const NodePtr& n) { return is_cut(*n); }));
  bits_ = static_cast<unsigned>(std::bit_width(names_ / kShardNames));
  shards_.assign(std::size_t{1} << bits_, {});
  const auto by_hash = [](const NodePtr& a, const NodePtr& b) { return a->hash() < b->hash(); };
  if (!std::is_sorted(nodes.begin(), nodes.end(), by_hash)) std::sort(nodes.begin(), nodes.end(), by_hash);
  std::size_t from = 0;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    std::size_t to = from;
    while (to < nodes.size() && shard_of(nodes[to]->hash()) == i) ++to;
    shards_[i] = Shard::make(std::span(nodes).subspan(from, to - from), arena);
    from = to;
  }
}

void Zone::note_apex() {
  const LookupName key(apex_);
  for (const NodePtr& n : shards_[shard_of(key.hash())]->nodes())
    if (n->hash() == key.hash() && n->key().size() == apex_.size()) apex_node_ = n;
  const RRsetView set = apex_node_->find(type::SOA);
  chain_.clear();
  denial_ = Denial::None;
  if (apex_node_->has(type::NSEC)) {
    denial_ = Denial::Nsec;
    chain_ = in_order();
    std::erase_if(chain_, [](const Node* n) { return !n->has(type::NSEC); });
  } else if (const RRsetView set3 = apex_node_->find(type::NSEC3PARAM)) {
    if (auto parameters = Nsec3Parameters::parse(*set3.begin())) {
      nsec3_ = std::move(*parameters);
      for_each([&](const Node& n) {
        if (n.has(type::NSEC3) && n.key()[0] == kHashLabel && n.key().size() == apex_.size() + 1 + kHashLabel)
          chain_.push_back(&n);
      });
      // All are one label below the apex: their order is that of the hashes.
      std::sort(chain_.begin(), chain_.end(), [](const Node* a, const Node* b) {
        return std::memcmp(a->key().data(), b->key().data(), 1 + kHashLabel) < 0;
      });
    }
    if (!chain_.empty()) denial_ = Denial::Nsec3;
  }
  negative_ttl_ = std::min(set.ttl, Soa::parse(*set.begin()).minimum);
}

const Node* Zone::find(const LookupName& name, unsigned labels) const {
  const std::uint64_t hash = name.hash(labels);
  return shards_[shard_of(hash)]->find(hash, name.suffix(labels), name.suffix_size(labels));
}

const Node* Zone::find_wildcard(const LookupName& name, unsigned labels) const {
  std::uint8_t key[kMaxName + 2] = {1, '*'};
  const std::size_t size = name.suffix_size(labels);
  if (size + 2 > kMaxName) return nullptr;
  std::memcpy(key + 2, name.suffix(labels), size);
  const std::uint64_t hash = name.wildcard_hash(labels);
  return shards_[shard_of(hash)]->find(hash, key, size + 2);
}

const Node& Zone::covering(const std::uint8_t* name) const {
  auto after = std::upper_bound(
      chain_.begin(), chain_.end(), name,
      [](const std::uint8_t* n, const Node* node) { return canonical_order(n, node->key().data()) < 0; });
  return **(after == chain_.begin() ? chain_.end() - 1 : after - 1);
}

const Node& Zone::covering(const Nsec3Hash& hash, bool& matches) const {
  std::uint8_t label[1 + kHashLabel] = {kHashLabel};
  base32hex(hash, label + 1);
  const auto after =
      std::upper_bound(chain_.begin(), chain_.end(), label, [](const std::uint8_t* l, const Node* node) {
        return std::memcmp(l, node->key().data(), 1 + kHashLabel) < 0;
      });
  const Node& found = **(after == chain_.begin() ? chain_.end() - 1 : after - 1);
  matches = std::memcmp(label, found.key().data(), 1 + kHashLabel) == 0;
  return found;
}

Soa Zone::soa() const { return Soa::parse(*apex_node_->find(type::SOA).begin()); }

std::uint32_t Zone::serial() const {
  const auto rdata = *apex_node_->find(type::SOA).begin();
  return get32(rdata.data() + rdata.size() - 20);
}

void Zone::for_each(const std::function<void(const Node&)>& visit) const {
  for (const auto& shard : shards_)
    for (const NodePtr& node : shard->nodes()) visit(*node);
}

std::vector<const Node*> Zone::in_order() const {
  std::vector<std::pair<Name, const Node*>> sorted;
  sorted.reserve(names_);
  for_each([&](const Node& n) { sorted.emplace_back(Name::trusted(n.key().data(), n.key().size()), &n); });
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const Node*> out;
  out.reserve(sorted.size());
  for (const auto& [name, node] : sorted) out.push_back(node);
  return out;
}

std::shared_ptr<const Zone> Zone::with(std::span<const Change> changes) const {
  std::shared_ptr<Zone> next(new Zone(*this));
  std::vector<const Change*> sorted;
  for (const Change& c : changes) sorted.push_back(&c);
  std::sort(sorted.begin(), sorted.end(), [](const Change* a, const Change* b) { return a->hash < b->hash; });
  for (std::size_t i = 0; i < sorted.size();) {
    const std::size_t at = shard_of(sorted[i]->hash);
    std::vector<NodePtr> nodes(shards_[at]->nodes().begin(), shards_[at]->nodes().end());
    for (; i < sorted.size() && shard_of(sorted[i]->hash) == at; ++i) {
      const Change& change = *sorted[i];
      const Name key = change.name.lower();
      auto old = std::find_if(nodes.begin(), nodes.end(),
                              [&](const NodePtr& n) { return as_text(n->key()) == key.wire(); });
      if (old != nodes.end()) {
        --next->names_;
        if (is_cut(**old)) --next->cuts_;
        nodes.erase(old);
      }
      if (change.node) {
        ++next->names_;
        if (is_cut(*change.node)) ++next->cuts_;
        nodes.push_back(change.node);
      }
    }
    next->shards_[at] = Shard::make(nodes);
  }
  if (next->names_ > kShardNamesMost << next->bits_) {
    std::vector<NodePtr> all;
    all.reserve(next->names_);
    for (const auto& shard : next->shards_)
      all.insert(all.end(), shard->nodes().begin(), shard->nodes().end());
    next->fill(std::move(all), nullptr);
  }
  next->note_apex();
  return next;
}

const char* node_fault(const Node& node, const Name& apex) {
  const bool at_apex = node.key().size() == apex.size();
  for (std::size_t i = 0; i < node.rrset_count(); ++i) {
    const RRsetView set = node.rrset(i);
    switch (set.type) {
      case type::CNAME:
        // RFC 1034 3.6.2, RFC 2181 10.1; DNSSEC's own records may stand beside it (RFC 4035 2.5).
        for (std::size_t j = 0; j < node.rrset_count(); ++j) {
          const Type other = node.rrset(j).type;
          if (other != type::CNAME && other != type::RRSIG && other != type::NSEC && other != type::KEY)
            return "a CNAME cannot stand beside other records of the same name";
        }
        if (set.count > 1) return "a name has one CNAME at most";
        break;
      case type::DNAME:
        if (set.count > 1) return "a name has one DNAME at most";  // RFC 6672 2.4
        if (!at_apex && node.has(type::NS))
          return "a DNAME cannot stand beside the NS records of a delegation";  // RFC 6672 2.3
        break;
      case type::SOA:
        if (!at_apex) return "a SOA stands at the top of its zone only";
        if (set.count > 1) return "a zone has one SOA";
        break;
      case type::DS:
        if (at_apex) return "a DS stands in the parent's zone, not at the top of its own";  // RFC 4035 2.4
        break;
      default: break;
    }
  }
  if (at_apex && !node.has(type::SOA)) return "the zone has no SOA";
  if (at_apex && !node.has(type::NS)) return "the zone has no NS";
  return nullptr;
}

ZoneSet::ZoneSet(std::vector<ZonePtr> zones) : zones_(std::move(zones)) {
  std::size_t size = 2;
  while (size < zones_.size() * 2) size *= 2;
  table_.assign(size, 0);
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    std::size_t at = zones_[i]->apex_hash() & (size - 1);
    while (table_[at] != 0) at = (at + 1) & (size - 1);
    table_[at] = static_cast<std::uint32_t>(i + 1);
    if (depth_used_.size() <= zones_[i]->apex_labels()) depth_used_.resize(zones_[i]->apex_labels() + 1);
    depth_used_[zones_[i]->apex_labels()] = true;
    has_big_ |= zones_[i]->is_big();
  }
}

const Zone* ZoneSet::find(const LookupName& name, unsigned most_labels) const {
  if (zones_.empty()) return nullptr;
  const unsigned deepest = std::min(most_labels, static_cast<unsigned>(depth_used_.size()) - 1);
  for (unsigned n = deepest + 1; n-- > 0;) {
    if (!depth_used_[n]) continue;
    for (std::size_t at = name.hash(n) & (table_.size() - 1); table_[at] != 0;
         at = (at + 1) & (table_.size() - 1)) {
      const Zone* zone = zones_[table_[at] - 1].get();
      if (zone->apex_hash() == name.hash(n) &&
          as_text(zone->apex_node().key()) == as_text({name.suffix(n), name.suffix_size(n)}))
        return zone;
    }
  }
  return nullptr;
}

ZonePtr ZoneSet::find_exact(const Name& apex) const {
  for (const ZonePtr& zone : zones_)
    if (zone->apex() == apex) return zone;
  return nullptr;
}

std::shared_ptr<const ZoneSet> ZoneSet::with(const Name& apex, ZonePtr zone) const {
  std::vector<ZonePtr> zones;
  for (const ZonePtr& z : zones_)
    if (!(z->apex() == apex)) zones.push_back(z);
  if (zone) zones.push_back(std::move(zone));
  return std::make_shared<const ZoneSet>(std::move(zones));
}

}  // namespace lab::dns
