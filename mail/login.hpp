/// login -- what happens when somebody logs in, whichever protocol they speak: the password is checked, a
/// mailbox made with its welcome at the first time, guessing slowed down, and the log told.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "mail/accounts.hpp"
#include "mail/sasl.hpp"

namespace lab::mail {

class Store;

struct LoginLimits {
  /// A wrong password is answered this late: guessing is slowed, a typing error hardly. Other dialogues are
  /// not held up.
  std::chrono::milliseconds wrong_password_delay{1000};
};

class Login {
 public:
  Login(Accounts& accounts, Store& store, LoginLimits limits = {});
  /// `protocol` ("imap") and `peer` are for the log. Ok only when the mailbox is there.
  boost::asio::awaitable<Account> attempt(Credentials credentials, std::string protocol, std::string peer);

 private:
  Accounts& accounts_;
  Store& store_;
  LoginLimits limits_;
};

}  // namespace lab::mail
