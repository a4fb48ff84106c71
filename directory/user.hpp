/// user -- what the rest of the lab needs to know of a person in the directory, and the answers to the two
/// questions asked of it: "is this password right?" and "whose address is this?". Plain values, no LDAP in
/// sight.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "directory/policy.hpp"

namespace lab::directory {

struct User {
  std::string uid;                     ///< login name in lower case: "ali" (AD: sAMAccountName)
  std::string dn;                      ///< "uid=ali,ou=people,dc=helper,dc=bac"
  std::string display_name;            ///< "Ali Traoré"; the uid when the directory has none
  std::vector<std::string> addresses;  ///< every mail address that is hers, the main one first
  std::vector<std::string> groups;     ///< names (cn) of the groups she belongs to, sorted
  std::optional<std::uint64_t> quota;  ///< bytes; absent = the mail domain's default
  EffectivePolicy policy;              ///< her rules and who made them; `quota` is one of them
  bool locked = false;                 ///< by an administrator; a bind says it too
};

/// The answer to `Client::authenticate`.
struct Authentication {
  enum class Outcome {
    Ok,             ///< `user` is filled
    WrongPassword,  ///< also an empty password or one with a NUL byte: those never reach the directory
    UnknownUser,
    Locked,              ///< after too many wrong passwords, or outside of the hours allowed
    Disabled,            ///< switched off by an administrator
    Expired,             ///< account or password past its end: she can log in nowhere until it is renewed
    MustChangePassword,  ///< right, but to be changed before anything else
    Unavailable          ///< no server answered in time; `why` says what happened
  };
  Outcome outcome = Outcome::Unavailable;
  User user;        ///< filled for Ok; elsewhere empty
  std::string why;  ///< for the log, never for the person who logs in; no secrets in it

  explicit operator bool() const { return outcome == Outcome::Ok; }
};

/// The answer to `Client::change_password`.
struct PasswordChange {
  enum class Outcome {
    Ok,
    WrongPassword,  ///< the old one
    UnknownUser,
    Denied,      ///< locked, disabled or expired: an administrator must help
    Refused,     ///< the new password breaks a rule; `why` says which as far as the server does
    Unavailable  ///< no answer in time: it may or may not have been changed
  };
  Outcome outcome = Outcome::Unavailable;
  std::string why;  ///< the server's words; no secrets in it

  explicit operator bool() const { return outcome == Outcome::Ok; }
};

/// The answer to `Client::find_recipient`.
struct Recipient {
  enum class Outcome {
    User,        ///< the address is a person's: `user` is filled
    Alias,       ///< the address stands for `members`
    Unknown,     ///< the directory is sure that it knows no such address
    Unavailable  ///< no server answered in time; try again later; `why` says what happened
  };
  Outcome outcome = Outcome::Unavailable;
  User user;
  std::vector<std::string>
      members;  ///< full addresses; they may be aliases themselves (RFC 2142's are: postmaster)
  std::string why;
};

}  // namespace lab::directory
