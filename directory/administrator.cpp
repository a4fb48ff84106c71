#include "directory/administrator.hpp"

#include <fmt/format.h>
#include <ldap.h>

#include <atomic>
#include <charconv>
#include <thread>

#include "directory/flavour.hpp"
#include "directory/password.hpp"
#include "directory/secrets.hpp"
#include "directory/tree.hpp"

namespace lab::directory {
namespace {

constexpr std::chrono::seconds kPatience{30};
/// Each new member is an entry the server writes (memberOf), so a class is added in pieces it answers soon.
constexpr std::ptrdiff_t kMembersAtOnce = 50;

Result<void> usable_password(const std::string& password) {
  if (password.empty()) return fail("an empty password lets nobody in");
  if (password.size() > kMaxPassword || password.contains('\0'))
    return fail(fmt::format("a password has at most {} bytes, none of them zero", kMaxPassword));
  return {};
}

Modification replace(std::string attribute, std::vector<std::string> values) {
  return {Modification::Kind::Replace, std::move(attribute), std::move(values)};
}

}  // namespace

Result<Administrator> Administrator::open(const Settings& settings) {
  auto session = LocalSession::open(settings.listen.ldapi, kPatience);
  if (!session)
    return fail("the directory of " + settings.domain + " cannot be reached: " + session.error().what,
                settings.listen.ldapi, "is the lab up, and is this its node?");
  return Administrator(settings, std::move(*session));
}

Result<void> Administrator::check_name(const std::string& kind, const std::string& name) const {
  auto wrong = wrong_name(name);
  if (wrong.empty() && std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) &&
      kind == "user")
    wrong = "has capital letters";
  return wrong.empty() ? Result<void>() : fail(fmt::format("{} '{}' {}", kind, name, wrong));
}

Result<void> Administrator::outcome(const Result<Reply>& reply, const std::string& kind,
                                    const std::string& name) const {
  if (!reply) return std::unexpected(reply.error());
  switch (reply->code) {
    case LDAP_SUCCESS: return {};
    case LDAP_ALREADY_EXISTS: return fail(fmt::format("there is a {} '{}' already", kind, name));
    case LDAP_NO_SUCH_OBJECT:
      return fail(fmt::format("there is no {} '{}'", kind, name), {},
                  fmt::format("'{} list' shows who is there", kind));
    case LDAP_CONSTRAINT_VIOLATION:
      return fail(fmt::format("{} '{}': {}", kind, name,
                              reply->diagnostic.contains("unique") ? "an address of theirs is somebody else's"
                                                                   : reply->diagnostic));
    default: return fail(fmt::format("{} '{}': {}", kind, name, reply->text()));
  }
}

Result<int> Administrator::next_number() {
  if (!next_number_) {
    auto known = people();
    if (!known) return std::unexpected(known.error());
    int highest = 9999;
    for (auto& entry : *known) {
      int number = 0;
      const auto text = entry.first("uidNumber");
      if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
        highest = std::max(highest, number);
    }
    next_number_ = highest + 1;
  }
  return (*next_number_)++;
}

bool Administrator::is_sent_clear(const std::string& password) const {
  // The realm has to learn it as well: it listens, and the server hashes what reaches it in the clear. What
  // begins like a hash it would take for one.
  return settings_.kerberos && !password.starts_with('{');
}

Result<void> Administrator::tell_realm(const std::string& uid, const Person& person) {
  const bool told = !settings_.kerberos || !person.password || is_sent_clear(*person.password);
  return told ? Result<void>() : set_password(uid, *person.password);
}

Result<Entry> Administrator::entry_of(const std::string& uid, Person person, int number) const {
  std::string stored;
  if (person.password) {
    if (auto fine = usable_password(*person.password); !fine) return std::unexpected(fine.error());
    stored =
        is_sent_clear(*person.password) ? *person.password : hash_password(*person.password, random_salt());
  }
  if (person.name.empty()) person.name = uid;
  if (person.mail.empty()) person.mail = {uid + "@" + settings_.domain};
  person.groups.clear();  // joined afterwards, so that the server keeps memberOf
  return person_entry(settings_, uid, person, number, stored);
}

Result<void> Administrator::add_user(const std::string& uid, Person person) {
  if (auto fine = check_name("user", uid); !fine) return fine;
  const auto number = next_number();
  if (!number) return std::unexpected(number.error());
  const auto joined = person.groups;
  const auto described = person;
  auto entry = entry_of(uid, std::move(person), *number);
  if (!entry) return std::unexpected(entry.error());
  if (auto done = outcome(session_.add(*entry), "user", uid); !done) return done;
  if (auto told = tell_realm(uid, described); !told) return told;
  for (auto& group : joined)
    if (auto done = join(group, {uid}); !done) {
      (void)session_.remove(entry->dn);  // half a user is worse than none
      return done;
    }
  return {};
}

Administrator::Added Administrator::add_users(const std::vector<std::pair<std::string, Person>>& people) {
  Added all;
  auto failed = [&](std::size_t at, Error why) {
    if (!all.failed || at < *all.failed) {
      all.failed = at;
      all.error = std::move(why);
    }
  };
  std::vector<int> numbers;
  for (std::size_t i = 0; i < people.size(); ++i) {
    auto number = next_number();
    if (!number) return {{}, i, number.error()};
    numbers.push_back(*number);
  }
  std::vector<Result<Entry>> entries(people.size(), Entry{});
  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i = 0; (i = next++) < people.size();)
      if (auto fine = check_name("user", people[i].first); fine)
        entries[i] = entry_of(people[i].first, people[i].second, numbers[i]);
      else
        entries[i] = std::unexpected(fine.error());
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < std::max(1U, std::thread::hardware_concurrency()); ++i) helpers.emplace_back(work);
    work();
  }
  std::vector<std::size_t> sent;
  std::vector<Entry> good;
  // The server looks for a second owner of an address before it adds one: of two at once it sees neither.
  std::set<std::string> addresses;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i]) {
      failed(i, entries[i].error());
      continue;
    }
    const auto& mine = entries[i]->values("mail");
    if (std::any_of(mine.begin(), mine.end(), [&](auto& m) { return !addresses.insert(m).second; })) {
      failed(i, {fmt::format("user '{}': an address of theirs is somebody else's", people[i].first), {}, {}});
      continue;
    }
    sent.push_back(i);
    good.push_back(std::move(*entries[i]));
  }
  const auto replies = session_.add_all(good);
  for (std::size_t k = 0; k < sent.size(); ++k) {
    const auto& uid = people[sent[k]].first;
    auto done = outcome(replies[k], "user", uid);
    if (done) done = tell_realm(uid, people[sent[k]].second);
    if (done)
      all.uids.insert(uid);
    else
      failed(sent[k], done.error());
  }
  return all;
}

Result<void> Administrator::remove_user(const std::string& uid) {
  return outcome(session_.remove(person_dn(settings_, uid)), "user", uid);
}

Result<void> Administrator::set_password(const std::string& uid, const std::string& password) {
  if (auto fine = usable_password(password); !fine) return fine;
  // The realm has to learn it as well, and only this way the server sees it (RFC 3062).
  if (settings_.kerberos)
    return outcome(session_.change_password(person_dn(settings_, uid), password), "user", uid);
  const auto stored = hash_password(password, random_salt());
  return outcome(session_.modify(person_dn(settings_, uid), {replace("userPassword", {stored})}), "user",
                 uid);
}

Result<void> Administrator::set_locked(const std::string& uid, bool locked) {
  // draft-behera-ldap-password-policy 5.3.3: this time means "until an administrator unlocks".
  std::vector<std::string> time;
  if (locked) time = {"000001010000Z"};
  // The server forgets the wrong passwords with it.
  return outcome(
      session_.modify(person_dn(settings_, uid), {replace("pwdAccountLockedTime", std::move(time))}), "user",
      uid);
}

Result<void> Administrator::publish_certificate(const std::string& uid, const std::string& der) {
  std::vector<std::string> value;
  if (!der.empty()) value = {der};
  return outcome(session_.modify(person_dn(settings_, uid), {replace("userCertificate;binary", value)}),
                 "user", uid);
}

Result<void> Administrator::add_group(const std::string& name, const std::string& description) {
  if (auto fine = check_name("group", name); !fine) return fine;
  Entry e{.dn = group_dn(settings_, name), .attributes = {}};
  e.add("objectClass", std::vector<std::string>{"groupOfNames", "labPolicy"}).add("cn", name).add("description", description);
  e.add("member", placeholder_dn(settings_));
  return outcome(session_.add(e), "group", name);
}

Result<void> Administrator::remove_group(const std::string& name) {
  return outcome(session_.remove(group_dn(settings_, name)), "group", name);
}

Result<void> Administrator::join(const std::string& group, const std::vector<std::string>& uids) {
  auto known = list("groups", "(objectClass=groupOfNames)");
  if (!known) return std::unexpected(known.error());
  const auto dn = group_dn(settings_, group);
  auto entry = std::find_if(known->begin(), known->end(), [&](auto& e) { return same_name(e.dn, dn); });
  if (entry == known->end())
    return fail("there is no group '" + group + "'", {}, "'group add " + group + "' makes it");
  const auto& members = entry->values("member");
  std::vector<std::string> fresh;
  for (auto& uid : uids)
    if (auto person = person_dn(settings_, uid);
        std::find(members.begin(), members.end(), person) == members.end())
      fresh.push_back(std::move(person));
  const auto nobody = placeholder_dn(settings_);
  bool held_by_nobody = std::find(members.begin(), members.end(), nobody) != members.end();
  for (auto at = fresh.begin(); at != fresh.end();) {
    const auto end = at + std::min(kMembersAtOnce, fresh.end() - at);
    std::vector<Modification> changes{{Modification::Kind::Add, "member", {at, end}}};
    if (std::exchange(held_by_nobody, false))
      changes.push_back({Modification::Kind::Delete, "member", {nobody}});
    if (auto done = outcome(session_.modify(dn, changes), "group", group); !done) return done;
    at = end;
  }
  return refresh_password_rules(uids);
}

Result<void> Administrator::leave(const std::string& group, const std::vector<std::string>& uids) {
  auto known = list("groups", "(objectClass=groupOfNames)");
  if (!known) return std::unexpected(known.error());
  const auto dn = group_dn(settings_, group);
  auto entry = std::find_if(known->begin(), known->end(), [&](auto& e) { return same_name(e.dn, dn); });
  if (entry == known->end()) return fail("there is no group '" + group + "'");
  auto members = entry->values("member");
  for (auto& uid : uids)
    if (std::erase(members, person_dn(settings_, uid)) == 0)
      return fail("'" + uid + "' is not in group '" + group + "'");
  if (members.empty()) members = {placeholder_dn(settings_)};
  if (auto done = outcome(session_.modify(dn, {replace("member", std::move(members))}), "group", group); !done)
    return done;
  return refresh_password_rules(uids);
}

Result<void> Administrator::refresh_password_rules(const std::vector<std::string>& uids) {
  auto rules = policies();
  if (!rules) return std::unexpected(rules.error());
  const bool any = std::any_of(rules->begin(), rules->end(), [&](auto& e) {
    return !e.first("pwdAttribute").empty() && e.dn != default_policy_dn(settings_);
  });
  if (!any) return {};  // the domain's hold for everybody
  for (auto& uid : uids) {
    auto found = person(uid);
    if (!found) return std::unexpected(found.error());
    const auto wanted = password_rules_of(settings_, *found, *rules);
    if (found->first("pwdPolicySubentry") == wanted) continue;
    std::vector<std::string> value;
    if (!wanted.empty()) value = {wanted};
    if (auto done = outcome(session_.modify(found->dn, {replace("pwdPolicySubentry", value)}), "user", uid);
        !done)
      return done;
  }
  return {};
}

Result<void> Administrator::set_rules(const std::string& kind, const std::string& name,
                                      std::vector<Modification> rules) {
  return outcome(
      session_.modify(kind == "group" ? group_dn(settings_, name) : person_dn(settings_, name), rules), kind,
      name);
}

Result<Entry> Administrator::entry(const std::string& dn) {
  Search s;
  s.base = dn;
  s.scope = Scope::Base;
  s.attributes = {"*", "memberOf", "pwdAccountLockedTime", "pwdChangedTime", "pwdPolicySubentry", "pwdReset"};
  auto reply = session_.search(s);
  if (!reply) return std::unexpected(reply.error());
  if (reply->code == LDAP_NO_SUCH_OBJECT || (reply->ok() && reply->entries.empty()))
    return fail("there is no entry " + dn);
  if (!reply->ok()) return fail(reply->text(), dn);
  return std::move(reply->entries.front());
}

Result<Entry> Administrator::person(const std::string& uid) {
  auto found = entry(person_dn(settings_, uid));
  if (!found && found.error().what.starts_with("there is no entry"))
    return fail(fmt::format("there is no user '{}'", uid), {}, "'user list' shows who is there");
  return found;
}

Result<std::vector<Entry>> Administrator::policies() {
  auto reply = session_.search(search_policies(settings_.suffix));
  if (!reply) return std::unexpected(reply.error());
  if (!reply->ok()) return fail(reply->text(), settings_.suffix);
  return std::move(reply->entries);
}

Result<std::vector<Entry>> Administrator::list(const std::string& unit, const std::string& filter) {
  Search s;
  s.base = "ou=" + unit + "," + settings_.suffix;
  s.scope = Scope::One;
  s.filter = filter;
  s.attributes = {"*", "memberOf", "pwdAccountLockedTime", "pwdChangedTime", "pwdPolicySubentry"};
  auto reply = session_.search(s);
  if (!reply) return std::unexpected(reply.error());
  if (!reply->ok()) return fail(reply->text(), s.base);
  std::sort(reply->entries.begin(), reply->entries.end(), [](auto& a, auto& b) { return a.dn < b.dn; });
  return std::move(reply->entries);
}

Result<std::vector<Entry>> Administrator::people() { return list("people", "(objectClass=inetOrgPerson)"); }
Result<std::vector<Entry>> Administrator::groups() { return list("groups", "(objectClass=groupOfNames)"); }

}  // namespace lab::directory
