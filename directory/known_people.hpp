/// known_people -- people found a moment ago, by the name that was asked for: who logs in over IMAP, POP and
/// SMTP at once is looked up once. Holds no passwords; whether one is right is asked of the server each time.
#pragma once
#include <chrono>
#include <string>
#include <unordered_map>

#include "directory/user.hpp"

namespace lab::directory {

struct KnownPeopleLimits {
  std::chrono::seconds fresh{5};  ///< how long a change of groups or addresses may go unnoticed
  std::size_t most = 1024;        ///< a class and its teachers; about 1 KiB each
};

class KnownPeople {
 public:
  using Clock = std::chrono::steady_clock;
  explicit KnownPeople(KnownPeopleLimits limits = {}) : limits_(limits) {}

  /// The person, or nullptr when not known or no longer fresh. Valid until the next call.
  const User* find(const std::string& name, Clock::time_point now) {
    auto found = people_.find(name);
    if (found == people_.end()) return nullptr;
    if (now < found->second.until) return &found->second.user;
    people_.erase(found);
    return nullptr;
  }
  void remember(const std::string& name, const User& user, Clock::time_point now) {
    // Full: starting anew is as good as choosing, and happens once in a thousand people.
    if (people_.size() >= limits_.most) people_.clear();
    people_.insert_or_assign(name, Known{user, now + limits_.fresh});
  }
  void forget(const std::string& name) { people_.erase(name); }
  void forget_all() { people_.clear(); }
  std::size_t size() const { return people_.size(); }

 private:
  struct Known {
    User user;
    Clock::time_point until;
  };
  KnownPeopleLimits limits_;
  std::unordered_map<std::string, Known> people_;
};

}  // namespace lab::directory
