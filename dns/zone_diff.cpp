#include "dns/zone_diff.hpp"

#include <algorithm>

namespace lab::dns {

std::vector<RRset> rrsets_of(const Node* node) {
  std::vector<RRset> out;
  for (std::size_t i = 0; node && i < node->rrset_count(); ++i) out.push_back(RRset::of(node->rrset(i)));
  return out;
}

void subtract(const Name& owner, const std::vector<RRset>& a, const std::vector<RRset>& b,
              std::vector<ZoneRecord>& to) {
  for (const RRset& set : a) {
    const auto same = std::find_if(b.begin(), b.end(), [&](const RRset& s) {
      return s.type == set.type && s.covers == set.covers && s.ttl == set.ttl;
    });
    for (const std::string& rdata : set.rdata)
      if (same == b.end() || !same->contains(rdata)) to.push_back({owner, set.type, set.ttl, rdata});
  }
}

ZoneDiff difference(const Zone& from, const Zone& to) {
  ZoneDiff diff;
  from.for_each([&](const Node& node) {
    const Name owner = Name::trusted(node.name().data(), node.name().size());
    const Node* now = to.find(owner);
    if (now == &node) return;  // shared by both versions
    const auto before = rrsets_of(&node), after = rrsets_of(now);
    subtract(owner, before, after, diff.removed);
    subtract(owner, after, before, diff.added);
  });
  to.for_each([&](const Node& node) {
    const Name owner = Name::trusted(node.name().data(), node.name().size());
    if (!from.find(owner)) subtract(owner, rrsets_of(&node), {}, diff.added);
  });
  return diff;
}

}  // namespace lab::dns
