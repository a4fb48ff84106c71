#include "directory/policy.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <set>
#include <tuple>

#include "directory/dn.hpp"
#include "directory/flavour.hpp"

namespace lab::directory {
namespace {

/// An entry that may hold rules, and how people call it.
struct Source {
  const Entry* entry;
  std::string name;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Place of a group in the file; those made by hand come after all of them, by name.
auto rank(const Entry* group) {
  return std::tuple(number(group->first("labRank")).value_or(ULLONG_MAX), group->first("cn"));
}

/// The groups of `names` (DNs) that have not been met before, in their order.
std::vector<const Entry*> groups_of(const std::vector<std::string>& names, const std::vector<Entry>& policies,
                                    std::set<std::string_view>& met) {
  std::vector<const Entry*> found;
  for (const auto& name : names)
    for (const auto& entry : policies)
      if (same_name(entry.dn, name) && met.insert(entry.dn).second) found.push_back(&entry);
  std::sort(found.begin(), found.end(), [](auto* a, auto* b) { return rank(a) < rank(b); });
  return found;
}

/// Who is asked, the nearest first.
std::vector<Source> sources(const Entry& person, const std::vector<Entry>& policies) {
  std::vector<Source> out{{&person, "user " + std::string(person.first("uid"))}};
  std::set<std::string_view> met;
  struct Step {
    const Entry* group;
    std::string through;
  };
  std::vector<Step> level;
  for (auto* group : groups_of(person.values("memberOf"), policies, met)) level.push_back({group, {}});
  while (!level.empty()) {
    std::vector<Step> above;
    for (auto& [group, through] : level) {
      const std::string name(group->first("cn"));
      out.push_back({group, "group " + name + (through.empty() ? "" : " (through " + through + ")")});
      for (auto* parent : groups_of(group->values("memberOf"), policies, met)) above.push_back({parent, name});
    }
    level = std::move(above);
  }
  for (auto& entry : policies)
    if (entry.dn.starts_with("cn=default,ou=policies,"))
      out.push_back({&entry, "domain " + domain_of_dn(entry.dn)});
  return out;
}

template <class T, class Read>
std::optional<Ruled<T>> first_word(const std::vector<Source>& all, Read read) {
  for (auto& source : all)
    if (std::optional<T> value = read(*source.entry)) return Ruled<T>{std::move(*value), source.name};
  return std::nullopt;
}

}  // namespace

bool EffectivePolicy::allows(std::string_view protocol) const {
  return !protocols ||
         std::find(protocols->value.begin(), protocols->value.end(), protocol) != protocols->value.end();
}

const std::vector<std::string>& policy_attributes() {
  static const std::vector<std::string> names{"uid",          "cn",            "memberOf",       "labRank",
                                              "labMailQuota", "labMaxMessage", "labSendOutside", "labProtocol",
                                              "pwdAttribute"};
  return names;
}

EffectivePolicy resolve_policy(const Entry& person, const std::vector<Entry>& policies) {
  const auto all = sources(person, policies);
  EffectivePolicy policy;
  policy.quota =
      first_word<std::uint64_t>(all, [](const Entry& e) { return number(e.first("labMailQuota")); });
  policy.max_message =
      first_word<std::uint64_t>(all, [](const Entry& e) { return number(e.first("labMaxMessage")); });
  policy.send_outside = first_word<bool>(all, [](const Entry& e) -> std::optional<bool> {
    const auto text = e.first("labSendOutside");
    return text.empty() ? std::optional<bool>() : text == "TRUE";
  });
  policy.protocols = first_word<std::vector<std::string>>(
      all, [](const Entry& e) -> std::optional<std::vector<std::string>> {
        auto names = e.values("labProtocol");
        if (names.empty()) return std::nullopt;
        std::erase(names, kNoProtocol);
        std::sort(names.begin(), names.end());
        return names;
      });
  policy.passwords = first_word<std::string>(all, [](const Entry& e) -> std::optional<std::string> {
    return e.first("pwdAttribute").empty() ? std::optional<std::string>() : e.dn;
  });
  return policy;
}

}  // namespace lab::directory
