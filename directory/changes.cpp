#include "directory/changes.hpp"

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

/// An entry's modifications, those that take values away apart from those that set or add them.
struct Difference {
  std::vector<Modification> fewer, more;
};

Difference difference(const Entry& before, const Entry& after) {
  Difference d;
  auto compare = [&](const std::string& name) {
    if (same_name(name, "memberOf")) return;
    auto &old = before.values(name), &now = after.values(name);
    if (old == now) return;
    if (!has_many(name)) {
      d.more.push_back({Modification::Kind::Replace, name, now});
      return;
    }
    if (auto gone = without(old, now); !gone.empty())
      d.fewer.push_back({Modification::Kind::Delete, name, std::move(gone)});
    if (auto fresh = without(now, old); !fresh.empty())
      d.more.push_back({Modification::Kind::Add, name, std::move(fresh)});
  };
  for (auto& [name, values] : after.attributes) compare(name);
  for (auto& [name, values] : before.attributes)
    if (after.values(name).empty()) compare(name);
  // A group must keep a member at every moment: what is taken and what is given go in one operation.
  const bool group = !after.values("member").empty();
  if (group && !d.more.empty()) {
    d.more.insert(d.more.end(), std::make_move_iterator(d.fewer.begin()),
                  std::make_move_iterator(d.fewer.end()));
    d.fewer.clear();
  }
  return d;
}

Change modify(const std::string& dn, std::vector<Modification> modifications) {
  Change c;
  c.kind = Change::Kind::Modify;
  c.entry.dn = dn;
  c.modifications = std::move(modifications);
  return c;
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

std::vector<Change> changes_between(const std::vector<Entry>& before, const std::vector<Entry>& after) {
  std::map<std::string_view, const Entry*> was, is;
  for (auto& entry : before) was[entry.dn] = &entry;
  for (auto& entry : after) is[entry.dn] = &entry;
  std::vector<Change> deletes, takes, adds, sets;
  for (auto entry = before.rbegin(); entry != before.rend(); ++entry)
    if (!is.contains(entry->dn)) deletes.push_back({Change::Kind::Delete, {entry->dn, {}}, {}});
  for (auto& entry : after) {
    auto found = was.find(entry.dn);
    if (found == was.end()) {
      adds.push_back({Change::Kind::Add, without_member_of(entry), {}});
      continue;
    }
    auto d = difference(*found->second, entry);
    if (!d.fewer.empty()) takes.push_back(modify(entry.dn, std::move(d.fewer)));
    if (!d.more.empty()) sets.push_back(modify(entry.dn, std::move(d.more)));
  }
  for (auto* list : {&takes, &adds, &sets})
    deletes.insert(deletes.end(), std::make_move_iterator(list->begin()),
                   std::make_move_iterator(list->end()));
  return deletes;
}

}  // namespace lab::directory
