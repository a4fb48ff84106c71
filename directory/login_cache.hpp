/// login_cache -- who has logged in a moment ago, so that the tenth look at the mail of a minute costs no
/// question. A password is kept as a digest under a key that exists in this process only. What the directory
/// says has changed is forgotten at once; while it cannot say so, nothing is remembered and nothing is
/// answered.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "directory/client_settings.hpp"
#include "directory/user.hpp"

namespace lab::directory {

/// Safe from any thread.
class LoginCache {
 public:
  using Clock = std::chrono::steady_clock;
  /// A moment in the history of changes: what was learnt before a change is not remembered after it.
  using Epoch = std::uint64_t;

  explicit LoginCache(LoginCacheLimits limits = {});

  /// The outcome that is remembered for this name and password.
  std::optional<Authentication> find(const std::string& name, std::string_view password,
                                     Clock::time_point now);

  /// To be taken before the server is asked, and given back with what it said.
  Epoch epoch() const;
  /// Only Ok and WrongPassword are remembered; nothing is if something has changed since `asked`. `dn`: of
  /// the person's entry.
  void remember(const std::string& name, std::string_view password, const Authentication& answer,
                const std::string& dn, Epoch asked, Clock::time_point now);

  /// From here on the directory tells of changes; what was remembered before is forgotten.
  void open();
  /// It no longer does.
  void close();
  /// The entry has changed: `dn` as the server writes it.
  void forget(std::string_view dn);
  /// Something has changed that may concern anybody.
  void forget_all();

  std::size_t size() const;

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct Known {
    Digest digest{};
    Authentication answer;
    unsigned refusals = 0;
    Clock::time_point until;
    std::string dn;  ///< lower case
  };
  Digest digest_of(const std::string& name, std::string_view password) const;

  LoginCacheLimits limits_;
  Digest key_;
  mutable std::mutex mutex_;
  bool open_ = false;
  Epoch epoch_ = 0;
  std::unordered_map<std::string, Known> right_, wrong_;
};

}  // namespace lab::directory
