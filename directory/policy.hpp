/// policy -- what a person may do with mail, and how much of it: the course's group policies, read from the
/// tree. Each rule is looked for by itself, and the nearest word counts: the person's own entry, then her
/// groups in the order of the file, then the groups those belong to, and last the domain's own rules. With
/// each rule goes who said it, so that `labctl users --effective` and a refusal can name it. Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "directory/ldif.hpp"

namespace lab::directory {

/// A rule and whose it is: "user ali", "group students", "group staff (through teachers)", "domain
/// helper.bac".
template <class T>
struct Ruled {
  T value{};
  std::string from;
  friend bool operator==(const Ruled&, const Ruled&) = default;
};

/// Absent: nobody has said anything, the service's own default holds.
struct EffectivePolicy {
  std::optional<Ruled<std::uint64_t>> quota;                 ///< bytes of the mailbox
  std::optional<Ruled<std::uint64_t>> max_message;           ///< bytes of the largest message she may send
  std::optional<Ruled<bool>> send_outside;                   ///< to other servers' domains
  std::optional<Ruled<std::vector<std::string>>> protocols;  ///< of imap, pop3, smtp; others log her in not
  std::optional<Ruled<std::string>> passwords;               ///< DN of the entry whose pwdPolicy rules hers

  bool allows(std::string_view protocol) const;
  friend bool operator==(const EffectivePolicy&, const EffectivePolicy&) = default;
};

/// The search that finds what `resolve_policy` needs besides the person: every entry with rules.
inline constexpr const char* kPolicyFilter = "(objectClass=labPolicy)";
/// The attributes asked for then, and of the person.
const std::vector<std::string>& policy_attributes();

/// `policies`: the groups' entries, and the domain's, cn=default,ou=policies.
EffectivePolicy resolve_policy(const Entry& person, const std::vector<Entry>& policies);

/// No protocol at all is a rule too, and LDAP has no empty list.
inline constexpr const char* kNoProtocol = "none";

}  // namespace lab::directory
