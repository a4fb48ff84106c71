/// tree -- what a domain of the topology looks like as a directory: ou=people, ou=groups, ou=computers,
/// ou=aliases, ou=services under the suffix, as entries in the order a server takes them (parents first). A pure
/// function: the same settings and the same stored passwords give the same entries.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "directory/config.hpp"
#include "directory/ldif.hpp"

namespace lab::directory {

/// DN -> userPassword value as it is stored, never the clear text.
using StoredPasswords = std::map<std::string, std::string>;

std::string person_dn(const Settings& settings, std::string_view uid);
std::string group_dn(const Settings& settings, std::string_view name);
std::string computer_dn(const Settings& settings, std::string_view name);
std::string alias_dn(const Settings& settings, std::string_view name);

/// The rules that hold for everybody, for mail and for passwords.
std::string default_policy_dn(const Settings& settings);

/// The member of a group that has none: groupOfNames must have one (RFC 4519 3.5). It is nobody's DN.
std::string placeholder_dn(const Settings& settings);

/// The class of every entry the topology has named, and of none added by hand: a copy that becomes an
/// original knows by it who came from the file.
inline constexpr const char* kOfTopology = "labOfTopology";

/// One person as an entry, without that class. `stored`: the userPassword value; empty for nobody can log in.
Entry person_entry(const Settings& settings, const std::string& uid, const Person& person, int uid_number,
                   const std::string& stored);

/// The entry with the rules for this person's password, for pwdPolicySubentry: her own, a group's; empty where
/// the domain's hold. `policies`: as resolve_policy takes them.
std::string password_rules_of(const Settings& settings, const Entry& person,
                              const std::vector<Entry>& policies);

/// `previous`: the entries of the last time, from which people keep their uidNumber; may be empty.
std::vector<Entry> build_tree(const Settings& settings, const StoredPasswords& passwords,
                              const std::vector<Entry>& previous = {});

}  // namespace lab::directory
