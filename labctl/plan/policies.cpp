// The course's group policies: for people, as the directory's configuration says them; for machines, applied
// here.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "labctl/plan/build.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/topology/tables.hpp"

namespace lab::plan {

using topology::Policy;

namespace {

/// The policies that concern a member of these groups, the nearest first: the groups in the order of the file,
/// the groups those belong to, the domain.
std::vector<const Policy*> policies_of(const topology::Domain& domain, std::set<std::string> level) {
  std::vector<const Policy*> out;
  std::set<std::string> met;
  while (!level.empty()) {
    std::set<std::string> above;
    for (const auto& group : domain.groups) {
      if (!level.contains(group.name) || !met.insert(group.name).second) continue;
      out.push_back(&group->policy);
      for (const auto& parent : group->groups) above.insert(*parent);
    }
    level = std::move(above);
  }
  out.push_back(&domain.policy);
  return out;
}

std::set<std::string> names_of(const std::vector<topology::Located<std::string>>& groups) {
  std::set<std::string> names;
  for (const auto& group : groups) names.insert(*group);
  return names;
}

std::string duration(std::chrono::seconds time) { return fmt::format("{}s", time.count()); }

std::string passwords_yaml(const topology::PasswordRules& rules) {
  std::vector<std::string> parts;
  const auto number = [&](const char* key, const std::optional<unsigned>& value) {
    if (value) parts.push_back(fmt::format("{}: {}", key, *value));
  };
  number("least_length", rules.least_length);
  number("history", rules.history);
  number("lock_after", rules.lock_after);
  if (rules.lock_for) parts.push_back("lock_for: " + duration(*rules.lock_for));
  if (rules.expire_after) parts.push_back("expire_after: " + duration(*rules.expire_after));
  if (rules.must_change) parts.push_back(fmt::format("must_change: {}", *rules.must_change));
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace

MachinePolicy machine_policy(const topology::Topology& topology, const topology::NodeEntry& node) {
  MachinePolicy out;
  bool suffix_known = false, trust_known = false;
  const auto* domain = topology.domains.find(topology::domain_of(topology, node));
  if (!domain) return out;
  for (const auto* policy : policies_of(**domain, names_of(node->groups))) {
    if (policy->dns_suffix && !std::exchange(suffix_known, true))
      for (const auto& suffix : *policy->dns_suffix) out.dns_suffix.push_back(*suffix);
    if (policy->trust_ca && !std::exchange(trust_known, true)) out.trust_ca = *policy->trust_ca;
    out.run.insert(out.run.begin(), policy->run.begin(), policy->run.end());
  }
  return out;
}

PersonPolicy person_policy(const topology::Topology& topology, const std::string& domain,
                           const std::string& user) {
  PersonPolicy out;
  const auto* written = topology.domains.find(domain);
  const auto* person = written ? (*written)->users.find(user) : nullptr;
  if (!person) return out;
  auto policies = policies_of(**written, names_of((*person)->groups));
  policies.insert(policies.begin(), &(*person)->policy);
  bool outside_known = false, protocols_known = false;
  for (const auto* policy : policies) {
    if (policy->send_outside && !std::exchange(outside_known, true)) out.send_outside = *policy->send_outside;
    if (!policy->protocols || std::exchange(protocols_known, true)) continue;
    const auto may = [&](topology::MailProtocol protocol) {
      return std::ranges::find(*policy->protocols, protocol) != policy->protocols->end();
    };
    out.imap = may(topology::MailProtocol::Imap);
    out.pop3 = may(topology::MailProtocol::Pop3);
    out.smtp = may(topology::MailProtocol::Smtp);
  }
  return out;
}

std::string policy_yaml(const Policy& policy) {
  std::vector<std::string> parts;
  if (policy.quota) parts.push_back(fmt::format("quota: {}", policy.quota->count));
  if (policy.max_message) parts.push_back(fmt::format("max_message: {}", policy.max_message->count));
  if (policy.send_outside) parts.push_back(fmt::format("send_outside: {}", *policy.send_outside));
  if (policy.protocols) {
    std::vector<std::string> names;
    for (const auto protocol : *policy.protocols)
      names.push_back(config::Reader<topology::MailProtocol>::print(protocol));
    parts.push_back("protocols: " + yaml_list(names));
  }
  if (policy.passwords) parts.push_back("passwords: " + passwords_yaml(*policy.passwords));
  return parts.empty() ? std::string() : fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace lab::plan
