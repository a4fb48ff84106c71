/// policy_config -- rules as directory.yaml writes them: for the whole domain, a group, or one person.
#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "common/config.hpp"
#include "directory/ldif.hpp"

namespace lab::directory {

enum class MailProtocol { Imap, Pop3, Smtp };

/// What the directory asks of passwords (draft-behera-ldap-password-policy). Zero: no such rule.
struct PasswordRules {
  unsigned least_length = 0;  ///< characters of a new password
  unsigned history = 0;       ///< that many old passwords may not come back
  unsigned lock_after = 0;    ///< wrong passwords in a row
  std::chrono::seconds lock_for{
      600};  ///< then nobody logs in for this long; 0: until an administrator unlocks
  std::chrono::seconds expire_after{0};  ///< age of a password
  bool must_change = false;  ///< one that an administrator has set lets in nowhere until it is changed
};

/// Those of a group or a person: what is left out is as in the whole domain.
struct PasswordChanges {
  std::optional<unsigned> least_length, history, lock_after;
  std::optional<std::chrono::seconds> lock_for, expire_after;
  std::optional<bool> must_change;
};
PasswordRules changed(PasswordRules rules, const PasswordChanges& changes);

struct PolicyConfig {
  std::optional<config::Bytes> quota, max_message;
  std::optional<bool> send_outside;
  std::optional<std::vector<MailProtocol>> protocols;
  std::optional<PasswordChanges> passwords;
};

const config::Table<PasswordRules>& password_rules_table();
const config::Table<PolicyConfig>& policy_table();
inline const auto& table_of(const PasswordRules*) { return password_rules_table(); }
inline const auto& table_of(const PolicyConfig*) { return policy_table(); }

/// Writes the rules for mail into an entry of class labPolicy or labMailUser.
void write_policy(Entry& entry, const PolicyConfig& policy);
/// Writes the rules for passwords, as slapd's ppolicy overlay reads them, and their class pwdPolicy.
void write_password_rules(Entry& entry, const PasswordRules& rules);

}  // namespace lab::directory

namespace lab::config {
template <>
struct EnumNames<directory::MailProtocol> {
  static constexpr std::pair<const char*, directory::MailProtocol> names[] = {
      {"imap", directory::MailProtocol::Imap},
      {"pop3", directory::MailProtocol::Pop3},
      {"smtp", directory::MailProtocol::Smtp}};
};
}  // namespace lab::config
