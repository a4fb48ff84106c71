/// administrator -- what a teacher does to a running directory beside the topology: people and groups come,
/// go, are locked, get new passwords. Speaks over the server's Unix socket as its administrator; what it does
/// stays across restarts and changed topologies, which touch only what the file itself changed.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "directory/config.hpp"
#include "directory/local_session.hpp"

namespace lab::directory {

class Administrator {
 public:
  /// Connects to the running server of these settings.
  static Result<Administrator> open(const Settings& settings);

  /// `person.mail` empty: uid@domain. Groups must exist.
  Result<void> add_user(const std::string& uid, Person person);
  /// Many at once, without groups: hashed on all cores, added in one go. The first one that failed is told.
  struct Added {
    std::set<std::string> uids;         ///< who is in
    std::optional<std::size_t> failed;  ///< index of the first who is not
    Error error;                        ///< and why
  };
  Added add_users(const std::vector<std::pair<std::string, Person>>& people);
  Result<void> remove_user(const std::string& uid);
  /// Also ends a lock that wrong passwords have brought.
  Result<void> set_password(const std::string& uid, const std::string& password);
  /// Rules of a person or a group: each `Modification` replaces one of the attributes of class labPolicy.
  Result<void> set_rules(const std::string& kind, const std::string& name, std::vector<Modification> rules);
  /// A locked user logs in nowhere until unlocked.
  Result<void> set_locked(const std::string& uid, bool locked);

  /// The certificate mail is encrypted to, as DER; an empty one takes it away.
  Result<void> publish_certificate(const std::string& uid, const std::string& der);

  Result<void> add_group(const std::string& name, const std::string& description);
  Result<void> remove_group(const std::string& name);
  Result<void> join(const std::string& group, const std::vector<std::string>& uids);
  Result<void> leave(const std::string& group, const std::vector<std::string>& uids);

  /// Entries of ou=people and ou=groups, by name; with what slapd keeps about them (memberOf, locks).
  Result<std::vector<Entry>> people();
  Result<std::vector<Entry>> groups();
  /// Every entry with rules for others, as resolve_policy takes them.
  Result<std::vector<Entry>> policies();
  /// The entry of one person.
  Result<Entry> person(const std::string& uid);
  /// What an entry with password rules says.
  Result<Entry> entry(const std::string& dn);

  /// Whose password rules may be others now: after groups were joined or left.
  Result<void> refresh_password_rules(const std::vector<std::string>& uids);

 private:
  Administrator(const Settings& settings, LocalSession session)
      : settings_(settings), session_(std::move(session)) {}
  Result<int> next_number();
  bool is_sent_clear(const std::string& password) const;
  /// A new person's password, where adding them has not told it.
  Result<void> tell_realm(const std::string& uid, const Person& person);
  Result<Entry> entry_of(const std::string& uid, Person person, int number) const;
  Result<void> check_name(const std::string& kind, const std::string& name) const;
  Result<void> outcome(const Result<Reply>& reply, const std::string& kind, const std::string& name) const;
  Result<std::vector<Entry>> list(const std::string& unit, const std::string& filter);

  Settings settings_;
  LocalSession session_;
  std::optional<int> next_number_;
};

}  // namespace lab::directory
