/// accounts -- what the mail server asks about people: may this one log in, and where does this address lead?
/// Answered by a directory or by the configuration itself (post_office.hpp); tests answer from memory.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address.hpp"

namespace lab::mail {

/// What the policies of a domain, a group or a person let her do. Each `…_from` says whose rule it is:
/// "group students".
struct MailRules {
  std::uint64_t max_message = 0;  ///< bytes of a message she sends; 0: what the server takes
  std::string max_message_from;
  bool send_outside = true;  ///< to other servers
  std::string send_outside_from;
  std::optional<std::vector<std::string>> protocols;  ///< of imap, pop3, smtp; absent: all
  std::string protocols_from;

  bool allows(std::string_view protocol) const {
    return !protocols || std::find(protocols->begin(), protocols->end(), protocol) != protocols->end();
  }
};

/// The answer to a name and a password.
struct Account {
  enum class Outcome {
    Ok,
    Denied,       ///< wrong password or unknown: the person is not told which
    Refused,      ///< right or not, this account may not log in now: locked, expired, password to be changed;
                  ///< `why` says it
    Unavailable,  ///< the directory does not answer: try again later
  };
  Outcome outcome = Outcome::Unavailable;
  std::string user;          ///< whose mailbox: the store's key, "ali@helper.bac"
  std::string display_name;  ///< "Ali Traoré"
  std::uint64_t quota = 0;   ///< bytes; 0: none
  std::string why;           ///< for the log; for the person where Refused
  MailRules rules = {};

  explicit operator bool() const { return outcome == Outcome::Ok; }
};

/// Where an address leads, aliases followed to their ends.
struct Destination {
  enum class Outcome {
    Known,
    Unknown,      ///< the domain is ours and nobody has this address
    NotOurs,      ///< another server's domain
    Unavailable,  ///< the directory does not answer: try again later
  };
  Outcome outcome = Outcome::Unavailable;
  std::vector<std::string> users;  ///< mailboxes here, each once
  std::vector<Address> elsewhere;  ///< members of an alias that live on other servers
  std::uint64_t max_message = 0;   ///< bytes these mailboxes take at once; 0: no limit of their own
  std::string why;                 ///< for the log
  std::map<std::string, std::uint64_t> quotas = {};  ///< bytes, by user, as far as they are known here
};

class Accounts {
 public:
  virtual ~Accounts() = default;
  /// Whether mail for `domain` (lower case) ends here.
  virtual bool serves(std::string_view domain) const = 0;
  /// `name`: "ali" or "ali@helper.bac", as typed.
  virtual boost::asio::awaitable<Account> authenticate(std::string name, std::string password) = 0;
  /// Who Kerberos has vouched for: "ali@HELPER.BAC".
  virtual boost::asio::awaitable<Account> admit(std::string principal) = 0;
  virtual boost::asio::awaitable<Destination> find(Address address) = 0;
  /// The text a new mailbox greets its owner with, a whole message; empty for none.
  virtual std::string welcome(const Account& account) const = 0;
};

}  // namespace lab::mail
