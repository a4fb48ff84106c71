#include "directory/policy_config.hpp"

#include "directory/policy.hpp"

namespace lab::directory {
namespace {

constexpr std::int64_t kYear = 31'536'000;

const config::Table<PasswordChanges>& password_changes_table() {
  static const auto table =
      config::Table<PasswordChanges>("password rules of some")
          .row("least_length", &PasswordChanges::least_length, "characters a new password must have",
               {.max = 128})
          .row("history", &PasswordChanges::history, "old passwords that may not come back", {.max = 100})
          .row("lock_after", &PasswordChanges::lock_after, "wrong passwords in a row that lock the account",
               {.max = 1000})
          .row("lock_for", &PasswordChanges::lock_for, "how long it stays locked", {.max = kYear})
          .row("expire_after", &PasswordChanges::expire_after, "age at which a password no longer counts",
               {.max = 10 * kYear})
          .row("must_change", &PasswordChanges::must_change,
               "a password set by an administrator must be changed before it lets anybody in");
  return table;
}

}  // namespace

inline const auto& table_of(const PasswordChanges*) { return password_changes_table(); }

const config::Table<PasswordRules>& password_rules_table() {
  static const auto table =
      config::Table<PasswordRules>("password rules")
          .row("least_length", &PasswordRules::least_length, "characters a new password must have",
               {.max = 128})
          .row("history", &PasswordRules::history, "old passwords that may not come back; 0 = any may",
               {.max = 100})
          .row("lock_after", &PasswordRules::lock_after,
               "wrong passwords in a row that lock the account; 0 = any number", {.max = 1000})
          .row("lock_for", &PasswordRules::lock_for, "how long it stays locked; 0 = until it is unlocked",
               {.max = kYear})
          .row("expire_after", &PasswordRules::expire_after,
               "age at which a password no longer counts; 0 = never", {.max = 10 * kYear})
          .row("must_change", &PasswordRules::must_change,
               "a password set by an administrator must be changed before it lets anybody in");
  return table;
}

const config::Table<PolicyConfig>& policy_table() {
  static const auto table =
      config::Table<PolicyConfig>("policy")
          .row("quota", &PolicyConfig::quota, "size of the mailbox", {.min = 1 << 16})
          .row("max_message", &PolicyConfig::max_message, "the largest message they may send", {.min = 1024})
          .row("send_outside", &PolicyConfig::send_outside, "whether they may send to other servers")
          .row("protocols", &PolicyConfig::protocols, "by which they may log in; all when left out")
          .row("passwords", &PolicyConfig::passwords, "what their passwords must be like");
  return table;
}

PasswordRules changed(PasswordRules rules, const PasswordChanges& changes) {
  rules.least_length = changes.least_length.value_or(rules.least_length);
  rules.history = changes.history.value_or(rules.history);
  rules.lock_after = changes.lock_after.value_or(rules.lock_after);
  rules.lock_for = changes.lock_for.value_or(rules.lock_for);
  rules.expire_after = changes.expire_after.value_or(rules.expire_after);
  rules.must_change = changes.must_change.value_or(rules.must_change);
  return rules;
}

void write_policy(Entry& e, const PolicyConfig& policy) {
  if (policy.quota) e.add("labMailQuota", std::to_string(policy.quota->count));
  if (policy.max_message) e.add("labMaxMessage", std::to_string(policy.max_message->count));
  if (policy.send_outside) e.add("labSendOutside", std::string(*policy.send_outside ? "TRUE" : "FALSE"));
  if (policy.protocols) {
    for (auto protocol : *policy.protocols)
      e.add("labProtocol", config::Reader<MailProtocol>::print(protocol));
    if (policy.protocols->empty()) e.add("labProtocol", std::string(kNoProtocol));
  }
}

void write_password_rules(Entry& e, const PasswordRules& rules) {
  auto seconds = [](std::chrono::seconds d) { return std::to_string(d.count()); };
  e.add("objectClass", std::string("pwdPolicy")).add("pwdAttribute", std::string("userPassword"));
  // Without it an administrator's lock would not count either; wrong passwords lock only from pwdMaxFailure
  // on.
  e.add("pwdLockout", std::string("TRUE"));
  e.add("pwdMaxFailure", std::to_string(rules.lock_after)).add("pwdLockoutDuration", seconds(rules.lock_for));
  e.add("pwdMinLength", std::to_string(rules.least_length));
  if (rules.history > 0) e.add("pwdInHistory", std::to_string(rules.history));
  // 1: checked where the server sees the clear text, as it does when people change their own.
  e.add("pwdCheckQuality", std::string(rules.least_length > 0 ? "1" : "0"));
  e.add("pwdMaxAge", seconds(rules.expire_after))
      .add("pwdMustChange", std::string(rules.must_change ? "TRUE" : "FALSE"));
}

}  // namespace lab::directory
