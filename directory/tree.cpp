#include "directory/tree.hpp"

#include <set>

#include "directory/dn.hpp"
#include "directory/policy.hpp"
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

/// The rules for everybody, where slapd's ppolicy overlay and `resolve_policy` look for them.
Entry default_policy(const Settings& s) {
  Entry e{.dn = default_policy_dn(s), .attributes = {}};
  e.add("objectClass", std::vector<std::string>{"device", "labPolicy"}).add("cn", std::string("default"));
  write_policy(e, s.policy);
  write_password_rules(e, s.passwords);
  return e;
}

/// A machine (device of RFC 4519, ieee802Device and ipHost of RFC 2307).
Entry computer_entry(const Settings& s, const std::string& name, const Computer& computer) {
  Entry e{.dn = computer_dn(s, name), .attributes = {}};
  e.add("objectClass", std::string("device")).add("cn", name).add("description", computer.description);
  if (!computer.macs.empty()) {
    e.add("objectClass", std::string("ieee802Device")).add("macAddress", computer.macs);
  }
  if (!computer.addresses.empty()) {
    e.add("objectClass", std::string("ipHost"));
    for (auto& address : computer.addresses) e.add("ipHostNumber", address.text());
  }
  for (auto& group : computer.groups) e.add("memberOf", group_dn(s, group));
  return e;
}

Entry group_entry(const Settings& s, const std::string& name, const Group& group) {
  Entry e{.dn = group_dn(s, name), .attributes = {}};
  e.add("objectClass", std::vector<std::string>{"groupOfNames", "labPolicy"}).add("cn", name);
  e.add("description", group.description).add("labRank", std::to_string(group.order));
  write_policy(e, group.policy);
  if (group.policy.passwords) write_password_rules(e, changed(s.passwords, *group.policy.passwords));
  for (auto& parent : group.groups) e.add("memberOf", group_dn(s, parent));
  return e;
}

/// Groups with their members, those that are members of others first: memberOf is kept by the server only
/// for entries that are there when the group is added.
std::vector<Entry> group_entries(const Settings& s) {
  std::map<std::string, std::vector<std::string>> members;
  for (auto& [uid, person] : s.users)
    for (auto& group : person.groups) members[group].push_back(person_dn(s, uid));
  for (auto& [name, computer] : s.computers)
    for (auto& group : computer.groups) members[group].push_back(computer_dn(s, name));
  for (auto& [name, group] : s.groups)
    for (auto& parent : group.groups) members[parent].push_back(group_dn(s, name));
  std::vector<Entry> entries;
  std::set<std::string> left;
  for (auto& [name, group] : s.groups) left.insert(name);
  while (!left.empty()) {
    // Whoever has no member group left to be placed; config made sure that there are no circles.
    const auto next = std::find_if(left.begin(), left.end(), [&](auto& name) {
      return std::none_of(left.begin(), left.end(), [&](auto& other) {
        const auto& of = s.groups.at(other).groups;
        return std::find(of.begin(), of.end(), name) != of.end();
      });
    });
    auto entry = group_entry(s, *next, s.groups.at(*next));
    entry.add("member", members[*next].empty() ? std::vector{placeholder_dn(s)} : members[*next]);
    entries.push_back(std::move(entry));
    left.erase(next);
  }
  return entries;
}

}  // namespace

std::string person_dn(const Settings& s, std::string_view uid) {
  return "uid=" + escape_dn(uid) + ",ou=people," + s.suffix;
}
std::string group_dn(const Settings& s, std::string_view name) {
  return "cn=" + escape_dn(name) + ",ou=groups," + s.suffix;
}
std::string computer_dn(const Settings& s, std::string_view name) {
  return "cn=" + escape_dn(name) + ",ou=computers," + s.suffix;
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
  auto own = p.policy;
  if (p.quota) own.quota = p.quota;
  write_policy(e, own);
  if (own.passwords) write_password_rules(e, changed(s.passwords, *own.passwords));
  e.add("uidNumber", std::to_string(number)).add("gidNumber", std::string(kGidNumber));
  e.add("homeDirectory", "/home/" + uid).add("loginShell", std::string("/bin/bash"));
  e.add("userPassword", stored);
  for (auto& group : p.groups) e.add("memberOf", group_dn(s, group));
  return e;
}

std::string password_rules_of(const Settings& s, const Entry& person, const std::vector<Entry>& policies) {
  const auto rules = resolve_policy(person, policies).passwords;
  return rules && rules->value != default_policy_dn(s) ? rules->value : std::string();
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
  tree.push_back(unit(s, "computers", "Machines of the domain"));
  tree.push_back(unit(s, "aliases", "Mail addresses that stand for others"));
  tree.push_back(unit(s, "services", "Accounts of programs"));
  tree.push_back(unit(s, "policies", "What people may do, and what passwords must be like"));
  tree.push_back(default_policy(s));
  const auto frame = tree.size();  // these are in every tree
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
  auto groups = group_entries(s);
  auto policies = groups;
  policies.push_back(default_policy(s));
  for (auto& [uid, person] : s.users) {
    auto entry = person_entry(s, uid, person, numbers.at(uid), stored(person_dn(s, uid)));
    entry.add("pwdPolicySubentry", password_rules_of(s, entry, policies));
    tree.push_back(std::move(entry));
  }
  for (auto& [name, computer] : s.computers) tree.push_back(computer_entry(s, name, computer));
  tree.insert(tree.end(), std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end()));
  for (auto& [name, list] : s.aliases) {
    Entry e{.dn = alias_dn(s, name), .attributes = {}};
    e.add("objectClass", std::string("nisMailAlias")).add("cn", name).add("rfc822MailMember", list);
    tree.push_back(std::move(e));
  }
  for (auto at = frame; at < tree.size(); ++at) tree[at].add("objectClass", std::string(kOfTopology));
  return tree;
}

}  // namespace lab::directory
