#include "directory/client.hpp"

#include <ldap.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/events.hpp"
#include "common/log.hpp"
#include "directory/flavour.hpp"
#include "directory/known_people.hpp"
#include "directory/password_limit.hpp"
#include "directory/pool.hpp"

namespace lab::directory {
namespace {

namespace asio = boost::asio;
constexpr std::size_t kMaxName = 320;  // 64 + '@' + 255: the longest address (RFC 5321 4.5.3.1)

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

/// "busy", "unavailable" and the like (RFC 4511 appendix A.2): another connection or another moment may do.
bool worth_a_retry(int code) {
  return code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_SERVER_DOWN;
}

void tell(events::Direction direction, std::string_view text) {
  events::emit({.protocol = "ldap", .session = 0, .direction = direction, .peer = {}, .text = text});
}

const char* name_of(Authentication::Outcome outcome) {
  switch (outcome) {
    case Authentication::Outcome::Ok: return "right";
    case Authentication::Outcome::WrongPassword: return "wrong password";
    case Authentication::Outcome::UnknownUser: return "unknown user";
    case Authentication::Outcome::Locked: return "account locked";
    case Authentication::Outcome::Expired: return "expired";
    case Authentication::Outcome::MustChangePassword: return "right, but must be changed";
    case Authentication::Outcome::Unavailable: return "the directory does not answer";
  }
  return "";
}

}  // namespace

/// Everything in it runs on the strand; coroutines hold it alive while a question is open.
struct Client::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor io, ClientSettings s)
      : executor(io), strand(asio::make_strand(io)), settings(std::move(s)) {}

  asio::any_io_executor executor;
  asio::any_io_executor strand;
  ClientSettings settings;
  std::shared_ptr<Servers> servers;
  std::shared_ptr<Pool> lookups, binds;

  KnownPeople known;
  std::vector<Entry> policies;  // the groups' and the domain's rules, fresh until then
  Clock::time_point policies_until{};

  void start();
  void stop();
  asio::awaitable<Result<std::optional<Entry>>> look_up(std::string user, Clock::time_point deadline);
  asio::awaitable<Result<Reply>> search(Search what, Clock::time_point deadline);
  asio::awaitable<Result<Reply>> bind(std::string dn, std::string password, Clock::time_point deadline);
  asio::awaitable<Result<User>> user_with_rules(Entry entry, Clock::time_point deadline);
  Clock::time_point attempt(Clock::time_point deadline) const;
  static asio::awaitable<Authentication> authenticate(std::shared_ptr<Impl> self, std::string user,
                                                      std::string password);
  static asio::awaitable<Recipient> find_user(std::shared_ptr<Impl> self, std::string login);
  static asio::awaitable<Recipient> find_recipient(std::shared_ptr<Impl> self, std::string address);

  /// Runs `question` on the strand and gives its answer to `done` on the executor.
  template <class Answer>
  void run(asio::awaitable<Answer> question, std::function<void(Answer)> done) {
    asio::co_spawn(strand, std::move(question),
                   [io = executor, done = std::move(done)](std::exception_ptr e, Answer answer) mutable {
                     if (e) answer.why = "no memory";  // nothing else is thrown
                     asio::post(io, [done = std::move(done), answer = std::move(answer)]() mutable {
                       done(std::move(answer));
                     });
                   });
  }
};

void Client::Impl::start() {
  auto urls = parse_urls(settings.urls);
  if (!urls) throw std::invalid_argument(urls.error().text());
  tls::Context context;
  if (!settings.ca_file.empty()) {
    auto made = tls::client_context(settings.ca_file);
    if (!made) throw std::invalid_argument(made.error().text());
    context = std::move(*made);
  }
  Identity who{Identity::Kind::Account, settings.bind_dn, settings.password};
  if (settings.bind_dn.empty()) who.kind = Identity::Kind::External;
  servers = std::make_shared<Servers>(std::move(*urls), settings.limits);
  lookups = std::make_shared<Pool>(strand, servers,
                                   Pool::Options{.most = settings.limits.lookup_connections,
                                                 .uses_at_once = settings.limits.lookups_at_once,
                                                 .who = std::move(who),
                                                 .tls = context,
                                                 .limits = settings.limits});
  binds = std::make_shared<Pool>(strand, servers,
                                 Pool::Options{.most = settings.limits.bind_connections,
                                               .uses_at_once = 1,
                                               .who = {},
                                               .tls = context,
                                               .limits = settings.limits});
}

void Client::Impl::stop() {
  lookups->stop();
  binds->stop();
}

Clock::time_point Client::Impl::attempt(Clock::time_point deadline) const {
  // A Unix socket cannot be half dead: there, a slow server is given all the time there is.
  return servers->only_local() ? deadline : std::min(deadline, Clock::now() + settings.limits.answer);
}

asio::awaitable<Result<Reply>> Client::Impl::search(Search what, Clock::time_point deadline) {
  while (true) {
    auto connection = co_await lookups->acquire(deadline);
    if (!connection) co_return std::unexpected(connection.error());
    auto reply = co_await (*connection)->ask((*connection)->wire().search(what), attempt(deadline));
    if (reply && !worth_a_retry(reply->code)) {
      lookups->release(*connection);
      co_return reply;
    }
    Error why = reply ? Error{reply->text(), (*connection)->url().text(), ""} : reply.error();
    lookups->discard(*connection, why);
    if (Clock::now() >= deadline) co_return std::unexpected(why);
  }
}

asio::awaitable<Result<Reply>> Client::Impl::bind(std::string dn, std::string password,
                                                  Clock::time_point deadline) {
  while (true) {
    auto connection = co_await binds->acquire(deadline);
    if (!connection) co_return std::unexpected(connection.error());
    auto reply = co_await (*connection)->ask((*connection)->wire().bind(dn, password), attempt(deadline));
    if (reply && !worth_a_retry(reply->code)) {
      binds->release(*connection);
      co_return reply;
    }
    Error why = reply ? Error{reply->text(), (*connection)->url().text(), ""} : reply.error();
    binds->discard(*connection, why);
    if (Clock::now() >= deadline) co_return std::unexpected(why);
  }
}

asio::awaitable<Result<std::optional<Entry>>> Client::Impl::look_up(std::string user,
                                                                    Clock::time_point deadline) {
  auto found = co_await search(search_login(settings.flavour, settings.base, user), deadline);
  if (!found) co_return std::unexpected(found.error());
  if (!found->ok()) co_return fail("looking up the user: " + found->text());
  const auto* entry = best_match(settings.flavour, found->entries, user);
  co_return entry == nullptr ? std::optional<Entry>() : std::optional<Entry>(*entry);
}

/// The person with the rules that hold for her. Groups change while a lab runs, so they are read again as
/// often as people are.
asio::awaitable<Result<User>> Client::Impl::user_with_rules(Entry entry, Clock::time_point deadline) {
  auto user = user_of(settings.flavour, entry);
  if (settings.flavour == Flavour::ActiveDirectory) co_return user;  // its schema has no such rules
  if (Clock::now() >= policies_until) {
    auto found = co_await search(search_policies(settings.base), deadline);
    if (!found) co_return std::unexpected(found.error());
    if (!found->ok()) co_return fail("reading the policies: " + found->text());
    policies = std::move(found->entries);
    policies_until = Clock::now() + KnownPeopleLimits{}.fresh;
  }
  user.policy = resolve_policy(entry, policies);
  if (user.policy.quota) user.quota = user.policy.quota->value;
  co_return user;
}

asio::awaitable<Authentication> Client::Impl::authenticate(std::shared_ptr<Impl> self, std::string user,
                                                           std::string password) {
  using Outcome = Authentication::Outcome;
  auto answer = [&](Outcome outcome, std::string why) {
    if (events::listening())
      tell(events::Direction::Note, fmt::format("password of '{}': {}", user, name_of(outcome)));
    return Authentication{.outcome = outcome, .user = {}, .why = std::move(why)};
  };
  if (user.empty() || user.size() > kMaxName || user.contains('\0'))
    co_return answer(Outcome::UnknownUser, "not a user's name");
  if (password.empty()) co_return answer(Outcome::WrongPassword, "an empty password");
  if (password.contains('\0')) co_return answer(Outcome::WrongPassword, "a password with a NUL byte");
  if (password.size() > kMaxPassword)
    co_return answer(Outcome::WrongPassword, "a password beyond any length");

  const auto deadline = Clock::now() + self->settings.limits.request;
  const auto flavour = self->settings.flavour;
  Entry entry;
  const auto* known = self->known.find(user, Clock::now());
  const bool was_known = known != nullptr;
  if (was_known) {
    entry = *known;
  } else {
    auto found = co_await self->look_up(user, deadline);
    if (!found) co_return answer(Outcome::Unavailable, found.error().text());
    if (!*found) co_return answer(Outcome::UnknownUser, "nobody of this name");
    entry = std::move(**found);
  }
  auto bound = co_await self->bind(entry.dn, password, deadline);
  if (bound && !bound->ok() && was_known) {
    // Who was known may have been moved or deleted since: the refusal counts when she is still where she was.
    self->known.forget(user);
    auto found = co_await self->look_up(user, deadline);
    if (!found) co_return answer(Outcome::Unavailable, found.error().text());
    if (!*found) co_return answer(Outcome::UnknownUser, "nobody of this name");
    const bool moved = (*found)->dn != entry.dn;
    entry = std::move(**found);
    if (moved) bound = co_await self->bind(entry.dn, password, deadline);
  }
  if (!bound) co_return answer(Outcome::Unavailable, bound.error().text());
  auto verdict = judge_bind(flavour, *bound);
  if (verdict.outcome != Outcome::Ok) co_return answer(verdict.outcome, verdict.why);
  self->known.remember(user, entry, Clock::now());
  auto user_found = co_await self->user_with_rules(std::move(entry), deadline);
  if (!user_found) co_return answer(Outcome::Unavailable, user_found.error().text());
  auto right = answer(Outcome::Ok, {});
  right.user = std::move(*user_found);
  co_return right;
}

asio::awaitable<Recipient> Client::Impl::find_recipient(std::shared_ptr<Impl> self, std::string address) {
  using Outcome = Recipient::Outcome;
  auto answer = [](Outcome outcome, std::string why) {
    return Recipient{.outcome = outcome, .user = {}, .members = {}, .why = std::move(why)};
  };
  if (address.size() > kMaxName || address.contains('\0') || !address.contains('@'))
    co_return answer(Outcome::Unknown, "not an address");
  const auto deadline = Clock::now() + self->settings.limits.request;
  const auto flavour = self->settings.flavour;
  auto found = co_await self->search(search_address(flavour, self->settings.base, address), deadline);
  if (!found) co_return answer(Outcome::Unavailable, found.error().text());
  if (!found->ok()) co_return answer(Outcome::Unavailable, "looking up the address: " + found->text());
  const auto* entry = best_match(flavour, found->entries, address);
  if (entry == nullptr) co_return answer(Outcome::Unknown, "nobody has this address");
  auto recipient = answer(is_alias(*entry) ? Outcome::Alias : Outcome::User, {});
  if (is_alias(*entry)) {
    recipient.members = entry->values("rfc822MailMember");
    co_return recipient;
  }
  auto user = co_await self->user_with_rules(*entry, deadline);
  if (!user) co_return answer(Outcome::Unavailable, user.error().text());
  recipient.user = std::move(*user);
  co_return recipient;
}

asio::awaitable<Recipient> Client::Impl::find_user(std::shared_ptr<Impl> self, std::string login) {
  Recipient answer;
  answer.outcome = Recipient::Outcome::Unknown;
  if (login.empty() || login.size() > kMaxName || login.contains('@') || login.contains('\0')) co_return answer;
  const auto deadline = Clock::now() + self->settings.limits.request;
  auto found = co_await self->look_up(login, deadline);
  if (!found) {
    answer.outcome = Recipient::Outcome::Unavailable;
    answer.why = found.error().text();
    co_return answer;
  }
  if (!*found) co_return answer;
  auto user = co_await self->user_with_rules(**found, deadline);
  if (!user) {
    answer.outcome = Recipient::Outcome::Unavailable;
    answer.why = user.error().text();
  } else if (same_name(user->uid, login)) {
    answer.outcome = Recipient::Outcome::User;
    answer.user = std::move(*user);
  }
  co_return answer;
}

Client::Client(asio::any_io_executor executor, ClientSettings settings)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(settings))) {
  impl_->start();
}

Client::~Client() {
  asio::dispatch(impl_->strand, [impl = impl_] { impl->stop(); });
}

Result<void> Client::check(const ClientSettings& settings) {
  auto urls = parse_urls(settings.urls);
  if (!urls) return std::unexpected(urls.error());
  for (auto& url : *urls) {
    if (!url.is_local() && settings.ca_file.empty())
      return fail("TLS needs the CA that vouches for the server", url.text(), "give 'ca'");
    if (!url.is_local() && settings.bind_dn.empty())
      return fail("without a bind dn only a Unix socket can be asked", url.text(), "give 'bind_dn'");
  }
  if (!settings.bind_dn.empty() && settings.password.empty())
    return fail("the account " + settings.bind_dn + " needs a password");
  if (settings.base.empty()) return fail("a directory needs a base, such as dc=helper,dc=bac");
  return {};
}

void Client::authenticate(std::string user, std::string password, std::function<void(Authentication)> done) {
  impl_->run<Authentication>(Impl::authenticate(impl_, std::move(user), std::move(password)),
                             std::move(done));
}

void Client::find_recipient(std::string address, std::function<void(Recipient)> done) {
  impl_->run<Recipient>(Impl::find_recipient(impl_, std::move(address)), std::move(done));
}

asio::awaitable<Authentication> Client::authenticate(std::string user, std::string password) {
  return asio::co_spawn(impl_->strand, Impl::authenticate(impl_, std::move(user), std::move(password)),
                        asio::use_awaitable);
}

asio::awaitable<Recipient> Client::find_user(std::string login) {
  return asio::co_spawn(impl_->strand, Impl::find_user(impl_, std::move(login)), asio::use_awaitable);
}

asio::awaitable<Recipient> Client::find_recipient(std::string address) {
  return asio::co_spawn(impl_->strand, Impl::find_recipient(impl_, std::move(address)), asio::use_awaitable);
}

}  // namespace lab::directory
