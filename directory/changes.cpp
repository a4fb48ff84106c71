#include "directory/changes.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "directory/dn.hpp"
#include "directory/tree.hpp"

namespace lab::directory {
namespace {

/// People and administrators add values beside the topology's to these; all others have one value, which is
/// replaced.
bool has_many(std::string_view attribute) {
  for (auto* name : {"member", "mail", "rfc822MailMember", "objectClass", "authzTo"})
    if (same_name(attribute, name)) return true;
  return false;
}

std::vector<std::string> without(const std::vector<std::string>& list,
                                 const std::vector<std::string>& taken) {
  std::vector<std::string> rest;
  for (auto& value : list)
    if (std::find(taken.begin(), taken.end(), value) == taken.end()) rest.push_back(value);
  return rest;
}

/// A group holds its place with this exactly while it has no other member.
bool stands_for_nobody(const std::string& dn) { return dn.starts_with("cn=nobody,"); }

/// An entry's modifications: those of which others wait, and all the rest, which is one operation (a group
/// must keep a member at every moment).
struct Difference {
  std::vector<Modification> fewer, more;
};

/// `moves`: addresses that are somebody else's from now on, and so must be given up first.
Difference difference(const Entry& before, const Entry& after,
                      const std::function<bool(const std::string&)>& moves) {
  Difference d;
  auto compare = [&](const std::string& name) {
    if (same_name(name, "memberOf")) return;
    auto &old = before.values(name), &now = after.values(name);
    if (old == now) return;
    if (!has_many(name)) {
      d.more.push_back({Modification::Kind::Replace, name, now});
      return;
    }
    if (auto gone = without(old, now); !gone.empty()) {
      const bool first = same_name(name, "mail") && std::any_of(gone.begin(), gone.end(), moves);
      (first ? d.fewer : d.more).push_back({Modification::Kind::Delete, name, std::move(gone)});
    }
    if (auto fresh = without(now, old); !fresh.empty())
      d.more.push_back({Modification::Kind::Add, name, std::move(fresh)});
  };
  for (auto& [name, values] : after.attributes) compare(name);
  for (auto& [name, values] : before.attributes)
    if (after.values(name).empty()) compare(name);
  return d;
}

/// Whether it takes people out of a group and puts nobody in: that needs no entry that is still to come.
bool only_takes_members(const Entry& after, const std::vector<Modification>& modifications) {
  if (after.values("member").empty()) return false;
  return std::all_of(modifications.begin(), modifications.end(), [](auto& m) {
    return m.kind == Modification::Kind::Delete ||
           (same_name(m.attribute, "member") &&
            std::all_of(m.values.begin(), m.values.end(), stands_for_nobody));
  });
}

Change modify(const std::string& dn, std::vector<Modification> modifications) {
  Change c;
  c.kind = Change::Kind::Modify;
  c.entry.dn = dn;
  c.modifications = std::move(modifications);
  return c;
}

/// `part` of the entry `there`, with its members who go.
Entry with_those_who_go(Entry part, const Entry& there, const std::set<std::string>& going) {
  for (auto* name : {"member", "rfc822MailMember"}) {
    bool empty = true;  // without them
    std::vector<std::string> gone;
    for (auto& value : there.values(name))
      if (going.contains(value))
        gone.push_back(value);
      else
        empty = false;
    if (gone.empty()) continue;
    // Nobody's place is taken only when the last one has left.
    if (empty)
      for (auto& [attribute, values] : part.attributes)
        if (same_name(attribute, name)) std::erase_if(values, stands_for_nobody);
    part.add(name, std::move(gone));
  }
  return part;
}

Entry without_member_of(Entry entry) {
  std::erase_if(entry.attributes, [](auto& a) { return same_name(a.first, "memberOf"); });
  return entry;
}

}  // namespace

std::string Change::text() const {
  if (kind == Kind::Add) return "add " + entry.dn;
  if (kind == Kind::Delete) return "delete " + entry.dn;
  std::string line = "modify " + entry.dn + ":";
  for (bool first = true; auto& m : modifications) {
    const char* verb = m.kind == Modification::Kind::Add      ? "add"
                       : m.kind == Modification::Kind::Delete ? "delete"
                                                              : "replace";
    line += fmt::format("{} {} {}", std::exchange(first, false) ? "" : ",", verb, m.attribute);
  }
  return line;
}

Entry known_part(const Entry& there, const Entry& wanted) {
  Entry part{.dn = wanted.dn, .attributes = {}};
  for (auto& [name, values] : wanted.attributes) {
    auto& old = there.values(name);
    if (same_name(name, "userPassword")) {
      if (!old.empty()) part.add(name, values);
    } else if (!has_many(name)) {
      part.add(name, old);
    } else {
      std::vector<std::string> both;
      for (auto& value : values)
        if (std::find(old.begin(), old.end(), value) != old.end()) both.push_back(value);
      if (same_name(name, "member"))
        for (auto* list : {&old, &values})
          for (auto& dn : *list)
            if (stands_for_nobody(dn) && std::find(both.begin(), both.end(), dn) == both.end())
              both.push_back(dn);
      part.add(name, both);
    }
  }
  return part;
}

std::vector<Entry> known_tree(const std::vector<Entry>& there, const std::vector<Entry>& wanted) {
  std::map<std::string_view, const Entry*> found;
  std::set<std::string> kept, going;  // DNs, and of those who go the addresses
  for (auto& entry : there) found.emplace(entry.dn, &entry);
  for (auto& entry : wanted) kept.insert(lower(entry.dn));
  std::vector<Entry> known, leaving;
  for (auto& entry : there) {
    auto& classes = entry.values("objectClass");
    if (std::find(classes.begin(), classes.end(), kOfTopology) == classes.end() ||
        kept.contains(lower(entry.dn)))
      continue;
    going.insert(entry.dn);
    going.insert(entry.values("mail").begin(), entry.values("mail").end());
    leaving.push_back({entry.dn, {}});
  }
  for (auto& entry : wanted)
    if (const auto old = found.find(entry.dn); old != found.end())
      known.push_back(with_those_who_go(known_part(*old->second, entry), *old->second, going));
  known.insert(known.end(), std::make_move_iterator(leaving.begin()), std::make_move_iterator(leaving.end()));
  return known;
}

std::vector<Change> changes_between(const std::vector<Entry>& before, const std::vector<Entry>& after) {
  std::map<std::string_view, const Entry*> was, is;
  for (auto& entry : before) was[entry.dn] = &entry;
  for (auto& entry : after) is[entry.dn] = &entry;
  std::set<std::string_view> given;  // addresses
  for (auto& entry : after)
    for (auto& address : entry.values("mail")) given.insert(address);
  const auto moves = [&](const std::string& address) { return given.contains(address); };
  // Out of a group before out of the directory: the server's own housekeeping (refint) would do it at the
  // same time.
  std::vector<Change> outs, deletes, takes, adds, sets;
  for (auto entry = before.rbegin(); entry != before.rend(); ++entry)
    if (!is.contains(entry->dn)) deletes.push_back({Change::Kind::Delete, {entry->dn, {}}, {}});
  for (auto& entry : after) {
    auto found = was.find(entry.dn);
    if (found == was.end()) {
      adds.push_back({Change::Kind::Add, without_member_of(entry), {}});
      continue;
    }
    auto d = difference(*found->second, entry, moves);
    if (!d.fewer.empty()) takes.push_back(modify(entry.dn, std::move(d.fewer)));
    if (d.more.empty()) continue;
    auto& list = only_takes_members(entry, d.more) ? outs : sets;
    list.push_back(modify(entry.dn, std::move(d.more)));
  }
  for (auto* list : {&deletes, &takes, &adds, &sets})
    outs.insert(outs.end(), std::make_move_iterator(list->begin()), std::make_move_iterator(list->end()));
  return outs;
}

}  // namespace lab::directory
