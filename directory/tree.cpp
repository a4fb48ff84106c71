#include "directory/tree.hpp"

#include "directory/dn.hpp"
#include "directory/replication.hpp"

namespace lab::directory {
namespace {

constexpr int kFirstUidNumber = 10000;  // above what distributions give to people and services of the machine
constexpr const char* kGidNumber = "10000";

Entry unit(const Settings& s, const std::string& name, const std::string& description) {
  Entry e{.dn = "ou=" + name + "," + s.suffix, .attributes = {}};
  e.add("objectClass", std::string("organizationalUnit")).add("ou", name).add("description", description);
  return e;
}

/// The suffix itself: config made sure that it begins with dc=, o= or ou=.
Entry root(const Settings& s) {
  Entry e{.dn = s.suffix, .attributes = {}};
  const auto equal = s.suffix.find('=');
  const auto name = s.suffix.substr(0, equal);
  const auto value = s.suffix.substr(equal + 1, s.suffix.find(',') - equal - 1);
  if (same_name(name, "dc"))
    e.add("objectClass", std::vector<std::string>{"organization", "dcObject"})
        .add("o", s.domain)
        .add("dc", value);
  else
    e.add("objectClass", std::string(same_name(name, "o") ? "organization" : "organizationalUnit"))
        .add(name, value);
  return e;
}

/// uid -> uidNumber: kept from `previous`, the next free ones for new people.
std::map<std::string, int> number_people(const Settings& s, const std::vector<Entry>& previous) {
  std::map<std::string, int> numbers;
  int next = kFirstUidNumber;
  for (auto& entry : previous) {
    int number = 0;
    const auto text = entry.first("uidNumber");
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) continue;
    numbers[std::string(entry.first("uid"))] = number;
    next = std::max(next, number + 1);
  }
  for (auto& [uid, person] : s.users)
    if (!numbers.contains(uid)) numbers[uid] = next++;
  return numbers;
}

/// The rules for everybody's password, where slapd's ppolicy overlay looks for them.
Entry default_policy(const Settings& s) {
  auto seconds = [](std::chrono::seconds d) { return std::to_string(d.count()); };
  const auto& rules = s.passwords;
  Entry e{.dn = default_policy_dn(s), .attributes = {}};
  e.add("objectClass", std::vector<std::string>{"device", "pwdPolicy"}).add("cn", std::string("default"));
  e.add("pwdAttribute", std::string("userPassword"));
  // Without it an administrator's lock would not count either; wrong passwords lock only from pwdMaxFailure
  // on.
  e.add("pwdLockout", std::string("TRUE"));
  e.add("pwdMaxFailure", std::to_string(rules.lock_after)).add("pwdLockoutDuration", seconds(rules.lock_for));
  e.add("pwdMinLength", std::to_string(rules.least_length));
  // 1: checked where the server sees the clear text, as it does when people change their own.
  e.add("pwdCheckQuality", std::string(rules.least_length > 0 ? "1" : "0"));
  e.add("pwdMaxAge", seconds(rules.expire_after))
      .add("pwdMustChange", std::string(rules.must_change ? "TRUE" : "FALSE"));
  return e;
}

}  // namespace

std::string person_dn(const Settings& s, std::string_view uid) {
  return "uid=" + escape_dn(uid) + ",ou=people," + s.suffix;
}
std::string group_dn(const Settings& s, std::string_view name) {
  return "cn=" + escape_dn(name) + ",ou=groups," + s.suffix;
}
std::string alias_dn(const Settings& s, std::string_view name) {
  return "cn=" + escape_dn(name) + ",ou=aliases," + s.suffix;
}
std::string default_policy_dn(const Settings& s) { return "cn=default,ou=policies," + s.suffix; }
std::string placeholder_dn(const Settings& s) { return "cn=nobody," + s.suffix; }

Entry person_entry(const Settings& s, const std::string& uid, const Person& p, int number,
                   const std::string& stored) {
  Entry e{.dn = person_dn(s, uid), .attributes = {}};
  e.add("objectClass", std::vector<std::string>{"inetOrgPerson", "posixAccount", "labMailUser"});
  e.add("uid", uid).add("cn", p.name).add("displayName", p.name);
  // inetOrgPerson must have a surname (RFC 2798 via RFC 4519 3.12): the last word, or the only one.
  const auto blank = p.name.rfind(' ');
  e.add("sn", blank == std::string::npos || blank + 1 == p.name.size() ? p.name : p.name.substr(blank + 1));
  if (blank != std::string::npos && blank != 0) e.add("givenName", p.name.substr(0, blank));
  e.add("mail", p.mail);
  if (p.quota) e.add("labMailQuota", std::to_string(p.quota->count));
  e.add("uidNumber", std::to_string(number)).add("gidNumber", std::string(kGidNumber));
  e.add("homeDirectory", "/home/" + uid).add("loginShell", std::string("/bin/bash"));
  e.add("userPassword", stored);
  for (auto& group : p.groups) e.add("memberOf", group_dn(s, group));
  return e;
}

std::vector<Entry> build_tree(const Settings& s, const StoredPasswords& passwords,
                              const std::vector<Entry>& previous) {
  auto stored = [&](const std::string& dn) {
    auto found = passwords.find(dn);
    return found == passwords.end() ? std::string() : found->second;
  };
  std::vector<Entry> tree;
  tree.push_back(root(s));
  tree.push_back(unit(s, "people", "Everybody who can log in"));
  tree.push_back(unit(s, "groups", "Who belongs together"));
  tree.push_back(unit(s, "aliases", "Mail addresses that stand for others"));
  tree.push_back(unit(s, "services", "Accounts of programs"));
  tree.push_back(unit(s, "policies", "What passwords must be like"));
  tree.push_back(default_policy(s));
  for (auto* account : {&s.service, &s.replication}) {
    if (!*account) continue;
    Entry e{.dn = (*account)->dn, .attributes = {}};
    e.add("objectClass", std::vector<std::string>{"applicationProcess", "simpleSecurityObject"});
    e.add("cn", e.dn.substr(3, e.dn.find(',') - 3));
    e.add("userPassword", stored(e.dn));
    if (account == &s.replication) e.add("authzTo", may_speak_for(s));
    tree.push_back(std::move(e));
  }
  const auto numbers = number_people(s, previous);
  for (auto& [uid, person] : s.users)
    tree.push_back(person_entry(s, uid, person, numbers.at(uid), stored(person_dn(s, uid))));
  std::map<std::string, std::vector<std::string>> members;
  for (auto& [uid, person] : s.users)
    for (auto& group : person.groups) members[group].push_back(person_dn(s, uid));
  for (auto& [name, group] : s.groups) {
    Entry e{.dn = group_dn(s, name), .attributes = {}};
    e.add("objectClass", std::string("groupOfNames")).add("cn", name).add("description", group.description);
    e.add("member", members[name].empty() ? std::vector{placeholder_dn(s)} : members[name]);
    tree.push_back(std::move(e));
  }
  for (auto& [name, list] : s.aliases) {
    Entry e{.dn = alias_dn(s, name), .attributes = {}};
    e.add("objectClass", std::string("nisMailAlias")).add("cn", name).add("rfc822MailMember", list);
    tree.push_back(std::move(e));
  }
  return tree;
}

}  // namespace lab::directory
