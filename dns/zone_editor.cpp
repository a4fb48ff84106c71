#include "dns/zone_editor.hpp"

#include <algorithm>

namespace lab::dns {

ZoneEditor::Entry& ZoneEditor::entry(const Name& name) {
  const auto [at, fresh] = entries_.try_emplace(name);
  Entry& e = at->second;
  if (!fresh) return e;
  e.written = name;
  if (const Node* node = base_->find(name)) {
    e.existed = e.counted = true;
    e.written = Name::trusted(node->name().data(), node->name().size());
    e.children = node->children();
    e.wildcard = node->has_wildcard();
    e.sets = rrsets_of(node);
  }
  return e;
}

const RRset* ZoneEditor::find(const Name& name, Type type) {
  for (const RRset& set : entry(name).sets)
    if (set.type == type && set.covers == 0) return &set;
  return nullptr;
}

bool ZoneEditor::add(const Name& name, Type type, std::uint32_t ttl, std::string_view rdata) {
  Entry& e = entry(name);
  const Type covers = type == type::RRSIG && rdata.size() > 2 ? get16(as_bytes(rdata).data()) : Type{0};
  auto set = std::find_if(e.sets.begin(), e.sets.end(),
                          [&](const RRset& s) { return s.type == type && s.covers == covers; });
  if (set == e.sets.end()) {
    e.sets.push_back({type, covers, ttl, {std::string(rdata)}});
    return true;
  }
  const bool new_ttl = set->ttl != ttl;
  set->ttl = ttl;
  return set->add(rdata) || new_ttl;
}

bool ZoneEditor::remove(const Name& name, Type type, std::string_view rdata) {
  Entry& e = entry(name);
  for (auto set = e.sets.begin(); set != e.sets.end(); ++set) {
    if (set->type != type || !set->remove(rdata)) continue;
    if (set->rdata.empty()) e.sets.erase(set);
    return true;
  }
  return false;
}

bool ZoneEditor::remove_rrset(const Name& name, Type type) {
  return std::erase_if(entry(name).sets, [type](const RRset& s) { return s.type == type; }) != 0;
}

void ZoneEditor::replace(const Name& name, Type type, std::uint32_t ttl, std::string_view rdata) {
  remove_rrset(name, type);
  add(name, type, ttl, rdata);
}

std::size_t ZoneEditor::apply(const ZoneDiff& changes) {
  std::size_t passed_over = 0;
  for (const ZoneRecord& r : changes.removed)
    if (r.type != type::SOA) remove(r.owner, r.type, r.rdata);
  for (const ZoneRecord& r : changes.added) {
    if (r.type == type::SOA) continue;
    const auto& sets = rrsets(r.owner);
    // RFC 1034 3.6.2: whatever path it comes by, a CNAME joins no other data.
    const bool conflict = std::any_of(sets.begin(), sets.end(), [&](const RRset& s) {
      return (s.type == type::CNAME) != (r.type == type::CNAME);
    });
    if (conflict) {
      ++passed_over;
    } else if (r.type == type::CNAME || r.type == type::DNAME) {
      replace(r.owner, r.type, r.ttl, r.rdata);
    } else {
      add(r.owner, r.type, r.ttl, r.rdata);
    }
  }
  return passed_over;
}

void ZoneEditor::set_serial(std::uint32_t serial) {
  const RRset* old = find(apex(), type::SOA);
  Soa soa = Soa::parse(as_bytes(old->rdata[0]));
  soa.serial = serial;
  replace(apex(), type::SOA, std::uint32_t{old->ttl}, soa.rdata());
}

ZoneDiff ZoneEditor::diff() const {
  ZoneDiff out;
  for (const auto& [name, e] : entries_) {
    const std::vector<RRset> before = rrsets_of(base_->find(name));
    subtract(e.written, before, e.sets, out.removed);
    subtract(e.written, e.sets, before, out.added);
  }
  return out;
}

// Makes the names above agree with a name that came into being or went (RFC 4592 2.2.2).
void ZoneEditor::settle(const Name& name) {
  Entry& e = entry(name);
  if (name == apex() || e.counted == e.exists()) return;
  const bool exists = e.exists();
  e.counted = exists;
  const Name parent_name = name.parent();
  Entry& parent = entry(parent_name);
  parent.children += exists ? 1U : ~0U;
  if (name.is_wildcard()) parent.wildcard = exists;
  settle(parent_name);
}

Result<ZonePtr> ZoneEditor::finish() {
  std::vector<Name> touched;
  for (const auto& [name, e] : entries_) touched.push_back(name);
  for (const Name& name : touched) settle(name);

  std::vector<Zone::Change> changes;
  for (const auto& [name, e] : entries_) {
    if (!e.existed && !e.exists()) continue;
    if (e.sets.empty() && name == apex()) return fail("the zone has no SOA", name.text());
    Zone::Change change{LookupName(name).hash(), name, {}};
    if (e.exists()) {
      RRsetLayout layout;
      for (const RRset& set : e.sets) layout.add(set);
      change.node = Node::make(e.written, layout.views(), e.children, {.has_wildcard = e.wildcard});
      if (const char* fault = node_fault(*change.node, apex())) return fail(fault, name.text());
    }
    changes.push_back(std::move(change));
  }
  return base_->with(changes);
}

}  // namespace lab::dns
