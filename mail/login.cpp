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

Login::Login(Accounts& accounts, Store& store, LoginLimits limits)
    : accounts_(accounts), store_(store), limits_(limits) {}

asio::awaitable<Account> Login::attempt(Credentials credentials, std::string protocol, std::string peer) {
  auto account = co_await accounts_.authenticate(credentials.name, std::move(credentials.password));
  // Nobody acts for somebody else here: an authorization identity must be one's own (RFC 4616 2).
  if (account && !credentials.act_as.empty() && lower(credentials.act_as) != account.user &&
      lower(credentials.act_as) != lower(credentials.name)) {
    account.outcome = Account::Outcome::Denied;
    account.why = "may not act for '" + credentials.act_as + "'";
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
