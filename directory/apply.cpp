#include "directory/apply.hpp"

#include <ldap.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "common/log.hpp"
#include "directory/dn.hpp"

namespace lab::directory {
namespace {

std::string people_of(const std::string& suffix) { return "ou=people," + suffix; }

/// uid -> uidNumber of everybody who is there.
Result<std::map<std::string, int>> numbers_there(LocalSession& session, const std::string& suffix) {
  Search s;
  s.base = people_of(suffix);
  s.filter = "(uidNumber=*)";
  s.attributes = {"uid", "uidNumber"};
  auto found = session.search(s);
  if (!found) return std::unexpected(found.error());
  if (!found->ok()) return fail("reading who is there: " + found->text(), s.base);
  std::map<std::string, int> numbers;
  for (auto& entry : found->entries) {
    int number = 0;
    const auto text = entry.first("uidNumber");
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
      numbers.emplace(entry.first("uid"), number);
  }
  return numbers;
}

void set_number(Entry& entry, int number) {
  for (auto& [name, values] : entry.attributes)
    if (same_name(name, "uidNumber")) values = {std::to_string(number)};
}

/// `labctl user add` takes the next number there is, of which the topology knows nothing: nobody may get it a
/// second time, as files belong to numbers.
Result<void> renumber(LocalSession& session, const std::string& suffix, std::vector<Change>& changes,
                      std::vector<Entry>& tree) {
  auto brings_a_number = [](const Change& c) {
    return c.kind == Change::Kind::Add && !c.entry.first("uidNumber").empty();
  };
  if (std::none_of(changes.begin(), changes.end(), brings_a_number)) return {};
  const auto there = numbers_there(session, suffix);
  if (!there) return std::unexpected(there.error());
  std::set<std::string> taken;
  int highest = 0;
  for (auto& [uid, number] : *there) {
    taken.insert(std::to_string(number));
    highest = std::max(highest, number);
  }
  for (auto& change : changes) {
    if (!brings_a_number(change)) continue;
    const std::string number(change.entry.first("uidNumber"));
    const auto known = there->find(std::string(change.entry.first("uid")));
    if (known == there->end() && taken.insert(number).second) {
      highest = std::max(highest, std::stoi(number));
      continue;
    }
    while (known == there->end() && !taken.insert(std::to_string(++highest)).second) {
    }
    const int own = known != there->end() ? known->second : highest;
    set_number(change.entry, own);
    for (auto& entry : tree)
      if (entry.dn == change.entry.dn) set_number(entry, own);
  }
  return {};
}

bool made_already(const Result<Reply>& r) {
  return r && (r->code == LDAP_NO_SUCH_ATTRIBUTE || r->code == LDAP_TYPE_OR_VALUE_EXISTS);
}

/// One value may be there already or gone already, by hand or by the server's own housekeeping: then the
/// others, one by one.
Result<Reply> modify_anyway(LocalSession& session, const Change& change) {
  auto whole = session.modify(change.entry.dn, change.modifications);
  if (!made_already(whole)) return whole;
  for (auto& m : change.modifications)
    for (std::size_t i = 0; i < std::max<std::size_t>(1, m.values.size()); ++i) {
      Modification one{m.kind, m.attribute, m.values};
      if (m.kind != Modification::Kind::Replace && !m.values.empty()) one.values = {m.values[i]};
      auto done = session.modify(change.entry.dn, {one});
      if (!done || (!done->ok() && !made_already(done))) return done;
    }
  return Reply{};
}

std::vector<std::string> addresses_given(const Change& change) {
  auto addresses = change.entry.values("mail");
  for (auto& m : change.modifications)
    if (same_name(m.attribute, "mail") && m.kind != Modification::Kind::Delete)
      addresses.insert(addresses.end(), m.values.begin(), m.values.end());
  return addresses;
}

/// An address the topology gives to somebody is theirs, also where a teacher has given it to somebody else.
Result<void> take_back_addresses(LocalSession& session, const std::string& suffix, const Change& change) {
  for (auto& address : addresses_given(change)) {
    Search s;
    s.base = people_of(suffix);
    s.filter = "(mail=" + escape_filter(address) + ")";
    s.attributes = {"1.1"};
    auto owners = session.search(s);
    if (!owners) return std::unexpected(owners.error());
    for (auto& owner : owners->entries) {
      if (same_name(owner.dn, change.entry.dn)) continue;
      auto done = session.modify(owner.dn, {{Modification::Kind::Delete, "mail", {address}}});
      if (!done) return std::unexpected(done.error());
      if (!done->ok()) return fail("taking " + address + " from " + owner.dn + ": " + done->text());
      log::warning("directory: {} was given to {} by hand; in the topology it is {}'s, who gets it", address,
                   owner.dn, change.entry.dn);
    }
  }
  return {};
}

Result<Reply> read_entry(LocalSession& session, const std::string& dn) {
  Search s;
  s.base = dn;
  s.scope = Scope::Base;
  return session.search(s);
}

Result<void> apply(LocalSession& session, const std::string& suffix, const Change& change);

/// Somebody added by hand and now named in the topology.
Result<void> take_over(LocalSession& session, const std::string& suffix, const Entry& wanted) {
  auto found = read_entry(session, wanted.dn);
  if (!found) return std::unexpected(found.error());
  if (!found->ok() || found->entries.empty()) return fail("reading it: " + found->text(), wanted.dn);
  auto there = found->entries.front();
  there.dn = wanted.dn;  // as the topology spells it
  for (auto& change : changes_between({known_part(there, wanted)}, {wanted}))
    if (auto done = apply(session, suffix, change); !done) return done;
  return {};
}

Result<Reply> attempt(LocalSession& session, const Change& change) {
  switch (change.kind) {
    case Change::Kind::Delete: return session.remove(change.entry.dn);
    case Change::Kind::Modify: return modify_anyway(session, change);
    case Change::Kind::Add: break;
  }
  return session.add(change.entry);
}

Result<void> apply(LocalSession& session, const std::string& suffix, const Change& change) {
  auto reply = attempt(session, change);
  if (reply && reply->code == LDAP_CONSTRAINT_VIOLATION && reply->diagnostic.contains("unique")) {
    if (auto done = take_back_addresses(session, suffix, change); !done) return done;
    reply = attempt(session, change);
  }
  if (!reply) return std::unexpected(reply.error());
  if (change.kind == Change::Kind::Add && reply->code == LDAP_ALREADY_EXISTS)
    return take_over(session, suffix, change.entry);
  // Whoever was deleted by hand stays deleted.
  const bool gone = change.kind != Change::Kind::Add && reply->code == LDAP_NO_SUCH_OBJECT;
  if (!reply->ok() && !gone) return fail(change.text() + ": " + reply->text());
  log::info("directory: {}{}", change.text(), gone ? " (it is not there any more)" : "");
  return {};
}

}  // namespace

Result<void> apply_changes(LocalSession& session, const std::string& suffix, std::vector<Change> changes,
                           std::vector<Entry>& tree) {
  if (auto done = renumber(session, suffix, changes, tree); !done) return done;
  for (auto& change : changes)
    if (auto done = apply(session, suffix, change); !done) return done;
  return {};
}

}  // namespace lab::directory
