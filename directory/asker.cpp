#include "directory/asker.hpp"

#include <ldap.h>

#include <boost/asio/use_awaitable.hpp>

#include "common/log.hpp"

namespace lab::directory {
namespace {

namespace asio = boost::asio;

/// "busy", "unavailable" and the like (RFC 4511 appendix A.2): another connection or another moment may do.
bool worth_a_retry(int code) {
  return code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_SERVER_DOWN;
}

Error why_of(const Result<Reply>& reply, const Connection& connection) {
  return reply ? Error{reply->text(), connection.url().text(), ""} : reply.error();
}

/// Adds what another answer has brought.
void append(Reply& all, Reply more) {
  all.entries.insert(all.entries.end(), std::make_move_iterator(more.entries.begin()),
                     std::make_move_iterator(more.entries.end()));
  all.references.insert(all.references.end(), std::make_move_iterator(more.references.begin()),
                        std::make_move_iterator(more.references.end()));
}

}  // namespace

Result<std::vector<ServerUrl>> parse_urls(const std::vector<std::string>& texts) {
  std::vector<ServerUrl> urls;
  for (auto& text : texts) {
    auto url = ServerUrl::parse(text);
    if (!url) return std::unexpected(url.error());
    urls.push_back(std::move(*url));
  }
  if (urls.empty()) return fail("a directory needs at least one url");
  return urls;
}

Asker::Asker(asio::any_io_executor strand, const ClientSettings& settings)
    : strand_(strand),
      limits_(settings.limits),
      referrals_(settings.referrals),
      account_{Identity::Kind::Account, settings.bind_dn, settings.password} {
  auto urls = parse_urls(settings.urls);
  if (!urls) throw std::invalid_argument(urls.error().text());
  if (!settings.ca_file.empty()) {
    auto made = tls::client_context(settings.ca_file);
    if (!made) throw std::invalid_argument(made.error().text());
    tls_ = std::move(*made);
  }
  if (settings.bind_dn.empty()) account_.kind = Identity::Kind::External;
  servers_ = std::make_shared<Servers>(std::move(*urls), limits_);
  lookups_ = std::make_shared<Pool>(strand_, servers_,
                                    Pool::Options{.most = limits_.lookup_connections,
                                                  .uses_at_once = limits_.lookups_at_once,
                                                  .who = account_,
                                                  .tls = tls_,
                                                  .limits = limits_});
  binds_ = std::make_shared<Pool>(
      strand_, servers_,
      Pool::Options{
          .most = limits_.bind_connections, .uses_at_once = 1, .who = {}, .tls = tls_, .limits = limits_});
}

void Asker::stop() {
  lookups_->stop();
  binds_->stop();
}

Clock::time_point Asker::attempt(Clock::time_point deadline) const {
  // A Unix socket cannot be half dead: there, a slow server is given all the time there is.
  return servers_->only_local() ? deadline : std::min(deadline, Clock::now() + limits_.answer);
}

asio::awaitable<Result<Reply>> Asker::ask_one(Search what, Clock::time_point deadline) {
  while (true) {
    auto connection = co_await lookups_->acquire(deadline);
    if (!connection) co_return std::unexpected(connection.error());
    auto reply = co_await (*connection)->ask((*connection)->wire().search(what), attempt(deadline));
    if (reply && !worth_a_retry(reply->code)) {
      lookups_->release(*connection);
      co_return reply;
    }
    auto why = why_of(reply, **connection);
    lookups_->discard(*connection, why);
    if (Clock::now() >= deadline) co_return std::unexpected(why);
    // The mark of a page is good for the connection it came on: a new one begins at the first.
    if (!what.page_cookie.empty()) co_return std::unexpected(why);
  }
}

asio::awaitable<Result<Reply>> Asker::search(Search what, Clock::time_point deadline,
                                             std::optional<ServerUrl>* where) {
  Reply all;
  for (auto page = what;;) {
    auto reply = co_await ask_one(page, deadline);
    if (!reply && !page.page_cookie.empty() && Clock::now() < deadline) {
      all = {};
      page = what;
      continue;
    }
    if (!reply) co_return reply;
    page.page_cookie = std::exchange(reply->page_cookie, {});
    auto so_far = std::move(all);
    all = *reply;
    all.entries = std::move(so_far.entries);
    all.references = std::move(so_far.references);
    append(all, std::move(*reply));
    if (page.page_cookie.empty() || !all.ok()) break;
  }
  if (referrals_ == Referrals::Refuse) co_return all;
  Journey journey{.what = std::move(what), .deadline = deadline, .where = where};
  co_return co_await followed(std::move(all), std::move(journey));
}

asio::awaitable<Result<Reply>> Asker::followed(Reply reply, Journey journey) {
  ++journey.hops;
  if (reply.code == LDAP_REFERRAL) {
    // RFC 4511 4.1.10: each of them would do.
    Result<Reply> there = reply;
    for (auto& url : reply.referrals) {
      there = co_await go_on(url, journey);
      if (there && there->code != LDAP_REFERRAL) co_return there;
    }
    co_return there;
  }
  // Active Directory names its other parts with every search: they are asked where this one knows nobody.
  if (!reply.ok() || !reply.entries.empty()) co_return reply;
  for (auto& url : reply.references) {
    auto there = co_await go_on(url, journey);
    if (there && there->ok() && !there->entries.empty()) co_return there;
  }
  co_return reply;
}

asio::awaitable<Result<Reply>> Asker::go_on(std::string url, Journey journey) {
  const auto referral = parse_referral(url);
  if (!referral) co_return fail("a referral that leads nowhere", url);
  if (journey.hops > limits_.referral_hops) co_return fail("sent on too often", url);
  if (account_.kind != Identity::Kind::Account || !tls_)
    co_return fail("without an account and a CA no other server is asked", url);
  auto opened = co_await Connection::open(strand_, referral->server, tls_, account_,
                                          std::min(journey.deadline, Clock::now() + limits_.connect));
  if (!opened) {
    log::warning("directory: referred to {}: {}", url, opened.error().text());
    co_return std::unexpected(opened.error());
  }
  journey.what = at_referral(std::move(journey.what), *referral);
  auto reply = co_await (*opened)->ask((*opened)->wire().search(journey.what),
                                       std::min(journey.deadline, Clock::now() + limits_.answer));
  (*opened)->close({"asked", "", ""});
  if (!reply) co_return reply;
  if (journey.where != nullptr && !reply->entries.empty()) *journey.where = referral->server;
  co_return co_await followed(std::move(*reply), std::move(journey));
}

asio::awaitable<Result<Reply>> Asker::bind(std::string dn, std::string password, Clock::time_point deadline,
                                           std::optional<ServerUrl> where) {
  if (where) {
    const Identity nobody;
    auto opened = co_await Connection::open(strand_, *where, tls_, nobody,
                                            std::min(deadline, Clock::now() + limits_.connect));
    if (!opened) co_return std::unexpected(opened.error());
    auto reply = co_await (*opened)->ask((*opened)->wire().bind(dn, password), deadline);
    (*opened)->close({"asked", "", ""});
    co_return reply;
  }
  while (true) {
    auto connection = co_await binds_->acquire(deadline);
    if (!connection) co_return std::unexpected(connection.error());
    auto reply = co_await (*connection)->ask((*connection)->wire().bind(dn, password), attempt(deadline));
    if (reply && !worth_a_retry(reply->code)) {
      binds_->release(*connection);
      co_return reply;
    }
    auto why = why_of(reply, **connection);
    binds_->discard(*connection, why);
    if (Clock::now() >= deadline) co_return std::unexpected(why);
  }
}

asio::awaitable<Result<Asker::Changed>> Asker::change_own(std::string dn, std::string old, std::string fresh,
                                                          Clock::time_point deadline) {
  while (true) {
    auto connection = co_await binds_->acquire(deadline);
    if (!connection) co_return std::unexpected(connection.error());
    auto bound = co_await (*connection)->ask((*connection)->wire().bind(dn, old), attempt(deadline));
    if (!bound || worth_a_retry(bound->code)) {
      auto why = why_of(bound, **connection);
      binds_->discard(*connection, why);
      if (Clock::now() >= deadline) co_return std::unexpected(why);
      continue;
    }
    Changed outcome{.bind = std::move(*bound), .change = {}};
    if (!outcome.bind.ok()) {
      binds_->release(*connection);
      co_return outcome;
    }
    auto change =
        co_await (*connection)->ask((*connection)->wire().change_password(dn, fresh, old), deadline);
    if (!change) {
      binds_->discard(*connection, change.error());
      co_return std::unexpected(change.error());
    }
    binds_->release(*connection);
    outcome.change = std::move(*change);
    co_return outcome;
  }
}

asio::awaitable<Result<Reply>> Asker::modify(std::string dn, std::vector<Modification> changes,
                                             Clock::time_point deadline) {
  auto connection = co_await lookups_->acquire(deadline);
  if (!connection) co_return std::unexpected(connection.error());
  auto reply = co_await (*connection)->ask((*connection)->wire().modify(dn, changes), deadline);
  if (reply)
    lookups_->release(*connection);
  else
    lookups_->discard(*connection, reply.error());
  co_return reply;
}

}  // namespace lab::directory
