/// administrator -- what a teacher does to a running directory beside the topology: people and groups come,
/// go, are locked, get new passwords. Speaks over the server's Unix socket as its administrator; what it does
/// stays across restarts and changed topologies, which touch only what the file itself changed.
#pragma once
#include <optional>
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
  Result<void> remove_user(const std::string& uid);
  /// Also ends a lock that wrong passwords have brought.
  Result<void> set_password(const std::string& uid, const std::string& password);
  /// A locked user logs in nowhere until unlocked.
  Result<void> set_locked(const std::string& uid, bool locked);

  Result<void> add_group(const std::string& name, const std::string& description);
  Result<void> remove_group(const std::string& name);
  Result<void> join(const std::string& group, const std::vector<std::string>& uids);
  Result<void> leave(const std::string& group, const std::vector<std::string>& uids);

  /// Entries of ou=people and ou=groups, by name; with what slapd keeps about them (memberOf, locks).
  Result<std::vector<Entry>> people();
  Result<std::vector<Entry>> groups();

 private:
  Administrator(const Settings& settings, LocalSession session)
      : settings_(settings), session_(std::move(session)) {}
  Result<void> check_name(const std::string& kind, const std::string& name) const;
  Result<void> outcome(const Result<Reply>& reply, const std::string& kind, const std::string& name) const;
  Result<std::vector<Entry>> list(const std::string& unit, const std::string& filter);

  Settings settings_;
  LocalSession session_;
  std::optional<int> next_number_;
};

}  // namespace lab::directory
