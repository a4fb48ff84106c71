/// password_watch -- reads over slapd's shoulder (slapd-sock(5), as an overlay) which password is about to
/// become whose, so that the Kerberos keys can follow: a person has one password, wherever it was changed.
/// slapd tells of each request before it carries it out; whether it did is not said here: the searches its
/// overlays make for the same request have results too, and those of success. So a result only says when to
/// look (mirror.hpp). Text in, text out; no socket here.
#pragma once
#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace lab::directory::kdc {

struct WatchLimits {
  static constexpr std::size_t kMessage = std::size_t{1} << 20;  ///< a photo fits
  static constexpr std::size_t kPending = 1000;  ///< requests that are remembered; slapd has fewer under way
};

class PasswordWatch {
 public:
  /// `suffix`: people are below ou=people of it.
  explicit PasswordWatch(std::string suffix);

  struct Answer {
    std::string text;      ///< for slapd: go on, or a refusal; empty where it waits for none
    std::string uid;       ///< whose password, lock or entry may be another one now; empty: nobody's
    std::string password;  ///< the one they would get, in the clear; empty: none, or nobody has told
  };
  /// One message, as slapd wrote it.
  Answer on_message(std::string_view message);

  /// The login name of a person's DN, in lower case; none for anybody else's.
  std::optional<std::string> uid_of(std::string_view dn) const;

 private:
  struct Request {
    std::string key;  // connection and message
    std::string uid, password;
  };
  Request& request(const std::string& key);

  std::string people_;  // ",ou=people,dc=helper,dc=bac" in lower case without blanks
  std::list<Request> requests_;
};

/// RFC 3062 2: what a password change asks for.
struct PasswordRequest {
  std::string who;    ///< DN; empty: whoever is bound
  std::string fresh;  ///< empty: the server shall make one up
};
std::optional<PasswordRequest> parse_password_request(std::string_view ber);

}  // namespace lab::directory::kdc
