/// mirror -- keeps the realm's keys like the directory's passwords, in a thread of its own. The directory is
/// the truth: a key is set when the hash that is stored there proves the password that was told before
/// (password_watch.hpp), is forgotten when nobody has told the password behind it, and a lock there is a lock
/// here, for as long.
#pragma once
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "directory/kdc/config.hpp"
#include "directory/kdc/principals.hpp"
#include "directory/ldif.hpp"
#include "directory/local_session.hpp"

namespace lab::directory::kdc {

struct MirrorLimits {
  std::chrono::milliseconds answer{2000};  ///< of the directory
  /// Between looks while a change is under way, of which no result may have come; and at a directory that is
  /// down.
  std::chrono::milliseconds again{200};
  /// A change that has not been carried out after this long will not be: its password is forgotten.
  std::chrono::seconds patience{60};
};

class Mirror {
 public:
  Mirror(const Settings& settings, Principals principals, MirrorLimits limits = {});
  ~Mirror();  ///< waits for what is being looked at

  /// Somebody new in the topology gets a key before the directory is up, which starts after the realm.
  Result<void> bring_people();
  Result<void> write_keytabs();
  /// From here on the directory is looked at.
  void start();

  /// `password` may become that of `uid` in a moment: it is kept, as keys on disk too, until that is certain.
  Result<void> expect(const std::string& uid, const std::string& password);
  /// Something may have changed.
  void look_at(const std::string& uid);

 private:
  using Clock = std::chrono::steady_clock;
  struct Expected {
    std::string password;
    Clock::time_point until;
    /// The directory has it. That may be from before: whoever sets the password they have gets another hash of
    /// it only now. So it counts until the end of its time.
    bool seen;
  };

  void run();
  std::string next();  ///< whom to look at; empty when it is time to stop
  bool connect();
  Result<void> find_everybody();
  Result<void> look(const std::string& uid);
  Result<void> follow(const std::string& uid, const Entry& entry);
  Result<void> follow_password(const std::string& uid, const std::string& stored);
  Result<void> follow_lock(const std::string& uid, const Entry& entry);
  Result<std::chrono::seconds> lock_duration(const Entry& entry);
  std::vector<std::string> expected(const std::string& uid);
  /// Whether what was prepared for `uid` may still become the password.
  bool undecided(const std::string& uid);
  bool inherited(const std::string& uid);
  /// With queue_. Never later than was planned already.
  void look_later(const std::string& uid, Clock::time_point when);

  const Settings& settings_;
  const MirrorLimits limits_;
  std::unique_ptr<LocalSession> session_;  // of the thread

  std::mutex realm_;  // guards:
  Principals principals_;

  std::mutex queue_;  // guards:
  std::set<std::string> due_;
  std::map<std::string, Clock::time_point> later_;  // locks that end, changes under way
  std::map<std::string, std::vector<Expected>> expected_;
  /// Whose passwords were told to this program before it was ended, and until when the directory may still
  /// carry that out: it may take longer than this program takes to come back.
  std::map<std::string, Clock::time_point> inherited_;
  bool everybody_ = true, stopped_ = false;
  std::condition_variable news_;

  std::thread thread_;
};

}  // namespace lab::directory::kdc
