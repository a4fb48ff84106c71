#include "dns/zone_builder.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>

#include "dns/rdata.hpp"

namespace lab::dns {
namespace {

constexpr std::size_t kManyNames = 10000;  // whose blocks fill a large page

}  // namespace

ZoneBuilder::ZoneBuilder(Name apex) : apex_(std::move(apex)), apex_key_(apex_) {}

void ZoneBuilder::reserve(std::size_t records, std::size_t bytes) {
  records_.reserve(records);
  bytes_.reserve(bytes);
}

bool ZoneBuilder::add(std::span<const std::uint8_t> name, Type type, std::uint32_t ttl,
                      std::span<const std::uint8_t> rdata, Place place) {
  if (rdata.size() > kMaxRdata) return false;
  // Records of one name mostly follow each other.
  const bool same =
      name.size() == last_owner_size_ && std::memcmp(&bytes_[last_owner_], name.data(), name.size()) == 0;
  if (!same) {
    key_.assign(name.data(), name.size());
    const unsigned n = apex_key_.labels();
    if (key_.labels() < n ||
        as_text({key_.suffix(n), key_.suffix_size(n)}) != as_text({apex_key_.suffix(n), apex_key_.size()})) {
      last_owner_size_ = 0;
      return false;
    }
    last_owner_ = static_cast<std::uint32_t>(bytes_.size());
    last_owner_size_ = static_cast<std::uint32_t>(name.size());
    bytes_.insert(bytes_.end(), name.begin(), name.end());
  }
  const Type covers = type == type::RRSIG && rdata.size() > 2 ? get16(rdata.data()) : Type{0};
  records_.push_back({key_.hash(), place, last_owner_, static_cast<std::uint32_t>(bytes_.size()), ttl, type,
                      covers, static_cast<std::uint8_t>(last_owner_size_),
                      static_cast<std::uint8_t>(key_.labels())});
  std::uint8_t length[2];
  put16(length, static_cast<std::uint16_t>(rdata.size()));
  bytes_.insert(bytes_.end(), length, length + 2);
  bytes_.insert(bytes_.end(), rdata.begin(), rdata.end());
  return true;
}

void ZoneBuilder::sort() {
  auto same_name = [&](const Record& a, const Record& b) { return a.owner == b.owner; };
  std::sort(records_.begin(), records_.end(), [&](const Record& a, const Record& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    if (!same_name(a, b)) {
      const Name x = Name::trusted(owner(a).data(), owner(a).size()),
                 y = Name::trusted(owner(b).data(), owner(b).size());
      if (const auto order = x <=> y; order != 0) return order < 0;
    }
    if (a.type != b.type) return a.type < b.type;
    if (a.covers != b.covers) return a.covers < b.covers;
    return a.rdata < b.rdata;  // as written
  });
}

// Which names have names below them. Those directly below the apex, nearly all of most zones, cost no entry.
struct ZoneBuilder::Parents {
  std::unordered_map<std::string, Parent> known;  // by name in lower case
  Parent apex;
  std::vector<Name> empty_nonterminals;

  explicit Parents(unsigned labels) : apex_labels(labels) {}
  unsigned apex_labels;

  template <class Exists>
  void count(const LookupName& name, Exists exists) {
    for (unsigned n = name.labels(); n > apex_labels; --n) {
      const bool star = name.suffix(n)[0] == 1 && name.suffix(n)[1] == '*';
      if (n - 1 == apex_labels) {
        ++apex.children;
        apex.wildcard |= star;
        return;
      }
      const auto [at, fresh] =
          known.try_emplace(std::string(as_text({name.suffix(n - 1), name.suffix_size(n - 1)})));
      ++at->second.children;
      at->second.wildcard |= star;
      if (!fresh || exists(name.hash(n - 1), as_text({name.suffix(n - 1), name.suffix_size(n - 1)}))) return;
      empty_nonterminals.push_back(Name::trusted(name.suffix(n - 1), name.suffix_size(n - 1)));
    }
  }
};

// The records of one RRset as a node holds them, without duplicates.
std::span<const std::uint8_t> ZoneBuilder::gather(std::span<const Record> set, std::uint16_t& count,
                                                  std::vector<std::uint8_t>& buffer) const {
  auto data = [&](const Record& r) {
    return std::span(&bytes_[r.rdata], std::size_t{2} + get16(&bytes_[r.rdata]));
  };
  count = 1;
  if (set.size() == 1) return data(set[0]);
  std::set<std::string> seen;
  buffer.clear();
  count = 0;
  for (const Record& r : set) {
    if (!seen.insert(canonical_rdata(r.type, data(r).subspan(2))).second) continue;
    buffer.insert(buffer.end(), data(r).begin(), data(r).end());
    ++count;
  }
  return buffer;
}

NodePtr ZoneBuilder::compile(std::span<const Record> group, const Parent& parent, BlockArena* arena,
                             std::vector<Problem>& remarks) {
  std::vector<RRsetView> views;
  std::vector<std::vector<std::uint8_t>> buffers;
  buffers.reserve(group.size());
  for (std::size_t i = 0; i < group.size();) {
    std::size_t end = i;
    std::uint32_t ttl = group[i].ttl;
    for (; end < group.size() && group[end].type == group[i].type && group[end].covers == group[i].covers;
         ++end) {
      if (group[end].ttl != ttl && group[i].type != type::RRSIG)  // RFC 2181 5.2
        remarks.push_back(
            {group[end].place, Name::trusted(owner(group[end]).data(), group[end].owner_size),
             "the TTLs of " + type_text(group[i].type) + " records differ; the lowest is served for all"});
      ttl = std::min(ttl, group[end].ttl);
    }
    RRsetView view{group[i].type, group[i].covers, 0, ttl, {}};
    if (end - i > 1) buffers.emplace_back();
    std::vector<std::uint8_t> none;
    view.data = gather(group.subspan(i, end - i), view.count, end - i > 1 ? buffers.back() : none);
    views.push_back(view);
    i = end;
  }
  return Node::make(Name::trusted(owner(group[0]).data(), group[0].owner_size), views, parent.children,
                    {.has_wildcard = parent.wildcard}, arena);
}

ZonePtr ZoneBuilder::build(std::vector<Problem>& problems, std::vector<Problem>& remarks) {
  sort();
  std::vector<std::size_t> groups;  // where each name's records begin
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const bool same = i > 0 && records_[i].hash == records_[i - 1].hash &&
                      (records_[i].owner == records_[i - 1].owner ||
                       Name::trusted(owner(records_[i]).data(), records_[i].owner_size) ==
                           Name::trusted(owner(records_[i - 1]).data(), records_[i - 1].owner_size));
    if (!same) groups.push_back(i);
  }
  groups.push_back(records_.size());

  Parents parents(apex_key_.labels());
  auto exists = [&](std::uint64_t hash, std::string_view name) {
    auto at = std::lower_bound(records_.begin(), records_.end(), hash,
                               [](const Record& r, std::uint64_t h) { return r.hash < h; });
    for (; at != records_.end() && at->hash == hash; ++at) {
      key_.assign(owner(*at).data(), at->owner_size);
      if (as_text({key_.suffix(key_.labels()), key_.size()}) == name) return true;
    }
    return false;
  };
  LookupName name;
  for (std::size_t g = 0; g + 1 < groups.size(); ++g) {
    const Record& r = records_[groups[g]];
    if (r.labels <= parents.apex_labels) continue;
    const bool plain = r.labels == parents.apex_labels + 1 && !(owner(r)[0] == 1 && owner(r)[1] == '*');
    if (plain) {
      ++parents.apex.children;
      continue;
    }
    name.assign(owner(r).data(), r.owner_size);
    parents.count(name, exists);
  }

  BlockArena large;
  BlockArena* const arena = groups.size() > kManyNames ? &large : nullptr;
  std::vector<NodePtr> nodes;
  nodes.reserve(groups.size() + parents.empty_nonterminals.size());
  bool has_apex = false;
  for (std::size_t g = 0; g + 1 < groups.size(); ++g) {
    const auto group = std::span(records_).subspan(groups[g], groups[g + 1] - groups[g]);
    Parent parent;
    if (group[0].labels == parents.apex_labels) {
      parent = parents.apex;
      has_apex = true;
    } else if (!parents.known.empty()) {
      key_.assign(owner(group[0]).data(), group[0].owner_size);
      const auto known = parents.known.find(std::string(as_text({key_.suffix(key_.labels()), key_.size()})));
      if (known != parents.known.end()) parent = known->second;
    }
    nodes.push_back(compile(group, parent, arena, remarks));
    if (const char* fault = node_fault(*nodes.back(), apex_))
      // The last record that was written is the one too many.
      problems.push_back({std::max_element(group.begin(), group.end(),
                                           [](const Record& a, const Record& b) { return a.place < b.place; })
                              ->place,
                          Name::trusted(owner(group[0]).data(), group[0].owner_size), fault});
  }
  if (!has_apex) problems.push_back({0, apex_, "the zone has no SOA"});
  for (const Name& n : parents.empty_nonterminals) {
    const Parent& parent = parents.known.at(std::string(n.wire()));
    nodes.push_back(Node::make(n, {}, parent.children, {.has_wildcard = parent.wildcard}, arena));
  }
  if (!problems.empty()) return nullptr;
  return std::make_shared<const Zone>(apex_, std::move(nodes), arena);
}

}  // namespace lab::dns
