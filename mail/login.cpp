#include "mail/login.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/log.hpp"
#include "mail/on_disk.hpp"
#include "mail/store/store.hpp"

namespace lab::mail {
namespace asio = boost::asio;

namespace {

/// "ali@helper.bac may not use pop3 (policy of group students); allowed: imap, smtp"
std::string protocol_refused(const Account& account, std::string_view protocol) {
  auto& names = *account.rules.protocols;
  std::string allowed;
  for (auto& name : names) allowed += (allowed.empty() ? "" : ", ") + name;
  return account.user + " may not use " + std::string(protocol) + " (policy of " +
         account.rules.protocols_from + "); allowed: " + (allowed.empty() ? "nothing" : allowed);
}

}  // namespace

Login::Login(Accounts& accounts, Store& store, LoginLimits limits)
    : accounts_(accounts), store_(store), limits_(limits) {}

asio::awaitable<Account> Login::attempt(Credentials credentials, std::string protocol, std::string peer) {
  Account account;
  if (credentials.principal.empty())
    account = co_await accounts_.authenticate(credentials.name, std::move(credentials.password));
  else
    account = co_await accounts_.admit(credentials.principal);
  // Nobody acts for somebody else here: an authorization identity must be one's own (RFC 4616 2).
  if (account && !credentials.act_as.empty() && lower(credentials.act_as) != account.user &&
      lower(credentials.act_as) != lower(credentials.name)) {
    account.outcome = Account::Outcome::Denied;
    account.why = "may not act for '" + credentials.act_as + "'";
  }
  if (account && !account.rules.allows(protocol)) {
    account.outcome = Account::Outcome::Refused;
    account.why = protocol_refused(account, protocol);
  }
  switch (account.outcome) {
    case Account::Outcome::Ok: break;
    case Account::Outcome::Denied:
    case Account::Outcome::Refused: {
      log::warning("{}: log-in of '{}' from {} refused: {}", protocol, credentials.name, peer, account.why);
      asio::steady_timer timer(co_await asio::this_coro::executor, limits_.wrong_password_delay);
      co_await timer.async_wait(asio::use_awaitable);
      co_return account;
    }
    case Account::Outcome::Unavailable:
      log::warning("{}: log-in of '{}' from {} not possible now: {}", protocol, credentials.name, peer,
                   account.why);
      co_return account;
  }
  auto welcome = accounts_.welcome(account);
  auto user = account.user;
  auto quota = account.quota;
  auto made = co_await on_disk(
      [&](Store::Done done) { store_.first_login(user, quota, std::move(welcome), std::move(done)); });
  if (!made) {
    log::error("{}: no mailbox for '{}': {}", protocol, account.user, made.error().text());
    account.outcome = Account::Outcome::Unavailable;
    account.why = made.error().text();
    co_return account;
  }
  log::info("{}: {} logged in from {}", protocol, account.user, peer);
  co_return account;
}

}  // namespace lab::mail
