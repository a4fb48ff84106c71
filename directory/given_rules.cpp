#include "directory/given_rules.hpp"

#include <algorithm>

#include "directory/dn.hpp"
#include "directory/flavour.hpp"

namespace lab::directory {
namespace {

void put(Entry& entry, const Entry& rules) {
  for (auto& [name, values] : rules.attributes) {
    // What is given counts over what may be there already.
    std::erase_if(entry.attributes, [&](auto& a) { return same_name(a.first, name); });
    entry.add(name, values);
  }
}

}  // namespace

EffectivePolicy resolve_given(const GivenRules& rules, const std::string& base, const User& user,
                              Entry person, std::vector<Entry> groups) {
  std::erase_if(person.attributes, [](auto& a) { return same_name(a.first, "uid"); });
  person.add("uid", user.uid);
  if (const auto own = rules.users.find(user.uid); own != rules.users.end()) put(person, own->second);
  for (auto& dn : person.values("memberOf"))
    if (std::none_of(groups.begin(), groups.end(), [&](auto& g) { return same_name(g.dn, dn); }))
      groups.push_back(Entry{.dn = dn, .attributes = {{"cn", {leaf_of_dn(dn)}}}});
  for (auto& group : groups)
    for (const auto* name : {"cn", "sAMAccountName"})
      if (const auto known = rules.groups.find(lower(group.first(name))); known != rules.groups.end()) {
        put(group, known->second);
        break;
      }
  auto everybody = rules.everybody;
  everybody.dn = "cn=default,ou=policies," + base;
  groups.push_back(std::move(everybody));
  return resolve_policy(person, groups);
}

}  // namespace lab::directory
