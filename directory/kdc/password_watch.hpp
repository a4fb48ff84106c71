/// password_watch -- reads over slapd's shoulder (slapd-sock(5), as an overlay) which passwords change in the
/// directory, so that the Kerberos keys follow: a person has one password, wherever it was changed. slapd tells
/// of each request before it carries it out and of its result afterwards; only what succeeded counts. Text in,
/// text and changes out; no socket here.
#pragma once
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lab::directory::kdc {

struct KeyChange {
  enum class Kind {
    SetPassword,
    Forget,  ///< the password is another one now, and nobody told which: the old key must not work
    Lock,
    Unlock,
    Remove
  };
  Kind kind = Kind::SetPassword;
  std::string uid, password;
  friend bool operator==(const KeyChange&, const KeyChange&) = default;
};

struct WatchLimits {
  static constexpr std::size_t kMessage = std::size_t{1} << 20;  ///< a photo fits
  static constexpr std::size_t kPending = 1000;  ///< requests without a result; slapd has fewer under way
};

class PasswordWatch {
 public:
  /// `suffix`: people are below ou=people of it. `known`: the clear password behind a hash that is written to
  /// somebody's entry, where it is the topology's.
  using Known = std::function<std::optional<std::string>(const std::string& uid, const std::string& stored)>;
  PasswordWatch(std::string suffix, Known known);

  struct Answer {
    std::string text;  ///< for slapd: go on, or a refusal; empty where it waits for none
    std::vector<KeyChange> changes;
  };
  /// One message, as slapd wrote it.
  Answer on_message(std::string_view message);

  /// The login name of a person's DN, in lower case; none for anybody else's.
  std::optional<std::string> uid_of(std::string_view dn) const;

 private:
  struct Pending {
    std::string key;  // connection and message
    std::vector<KeyChange> changes;
  };
  std::vector<KeyChange>& pending(const std::string& key);

  std::string people_;  // ",ou=people,dc=helper,dc=bac" in lower case without blanks
  Known known_;
  std::list<Pending> pending_;
};

/// RFC 3062 2: what a password change asks for.
struct PasswordRequest {
  std::string who;   ///< DN; empty: whoever is bound
  std::string fresh;  ///< empty: the server shall make one up
};
std::optional<PasswordRequest> parse_password_request(std::string_view ber);

}  // namespace lab::directory::kdc
