#include "directory/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <map>
#include <set>

#include "common/events.hpp"
#include "common/log.hpp"
#include "directory/asker.hpp"
#include "directory/flavour.hpp"
#include "directory/given_rules.hpp"
#include "directory/known_people.hpp"
#include "directory/login_cache.hpp"
#include "directory/password_limit.hpp"
#include "directory/watch.hpp"

namespace lab::directory {
namespace {

namespace asio = boost::asio;
constexpr std::size_t kMaxName = 320;  // 64 + '@' + 255: the longest address (RFC 5321 4.5.3.1)

void tell(events::Direction direction, std::string_view text) {
  events::emit({.protocol = "ldap", .session = 0, .direction = direction, .peer = {}, .text = text});
}

const char* name_of(Authentication::Outcome outcome) {
  switch (outcome) {
    case Authentication::Outcome::Ok: return "right";
    case Authentication::Outcome::WrongPassword: return "wrong password";
    case Authentication::Outcome::UnknownUser: return "unknown user";
    case Authentication::Outcome::Locked: return "account locked";
    case Authentication::Outcome::Disabled: return "account switched off";
    case Authentication::Outcome::Expired: return "expired";
    case Authentication::Outcome::MustChangePassword: return "right, but must be changed";
    case Authentication::Outcome::Unavailable: return "the directory does not answer";
  }
  return "";
}

/// Why this can be nobody's password; nullptr when it could. RFC 4513 5.1.2: an empty one would be an
/// anonymous bind, which succeeds.
const char* wrong_password(const std::string& password) {
  if (password.empty()) return "an empty password";
  if (password.contains('\0')) return "a password with a NUL byte";
  return password.size() > kMaxPassword ? "a password beyond any length" : nullptr;
}

}  // namespace

/// Everything in it but the cache runs on the strand; coroutines hold it alive while a question is open.
struct Client::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor io, ClientSettings s)
      : executor(io),
        strand(asio::make_strand(io)),
        settings(std::move(s)),
        asker(strand, settings),
        cache(settings.cache) {}

  asio::any_io_executor executor;
  asio::any_io_executor strand;
  ClientSettings settings;
  Asker asker;
  LoginCache cache;
  KnownPeople known;
  std::shared_ptr<Watch> watch;
  std::optional<std::string> netbios_name;
  std::vector<Entry> policies;  // the groups' and the domain's rules, fresh until then
  Clock::time_point policies_until{};
  struct Groups {
    std::vector<Entry> groups;
    Clock::time_point until;
  };
  std::map<std::string, Groups> primary_groups;  // by SID: nearly everybody's is the same one

  void start();
  void stop();
  void on_change(const Entry& changed);

  struct Found {
    Entry entry;
    User user;
    std::optional<ServerUrl> where;  ///< the server that knows her, if it is none of ours
  };
  asio::awaitable<Result<std::optional<Found>>> look_up(std::string user, Clock::time_point deadline);
  /// The name without the domain before its backslash; nullopt when that is another domain.
  asio::awaitable<Result<std::optional<std::string>>> own_name(std::string typed, Clock::time_point deadline);
  asio::awaitable<Result<User>> user_with_rules(Entry entry, Clock::time_point deadline);
  asio::awaitable<Result<std::vector<Entry>>> groups_found(Search what, Clock::time_point deadline);
  /// The group with this SID, and those above it; none where there is no such group.
  asio::awaitable<Result<std::vector<Entry>>> primary_group(std::string sid, Clock::time_point deadline);
  /// The groups she is in, those through others included; her primary one comes into her memberOf.
  asio::awaitable<Result<std::vector<Entry>>> nested_groups(Entry& person, Clock::time_point deadline);
  static asio::awaitable<Authentication> authenticate(std::shared_ptr<Impl> self, std::string user,
                                                      std::string password);
  static asio::awaitable<Authentication> authenticate_cached(std::shared_ptr<Impl> self, std::string user,
                                                             std::string password);
  static asio::awaitable<Recipient> find_user(std::shared_ptr<Impl> self, std::string login);
  static asio::awaitable<Recipient> find_recipient(std::shared_ptr<Impl> self, std::string address);
  static asio::awaitable<PasswordChange> change_password(std::shared_ptr<Impl> self, std::string user,
                                                         std::string old, std::string fresh);

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
  const auto weak = weak_from_this();
  auto with = [weak](auto what) {
    return [weak, what](const auto&... argument) {
      if (auto self = weak.lock()) what(*self, argument...);
    };
  };
  watch = std::make_shared<Watch>(
      strand, asker.servers(),
      Watch::Options{
          .base = settings.base, .who = asker.account(), .tls = asker.tls(), .limits = settings.limits},
      Watch::Events{.up_to_date = with([](Impl& self) { self.cache.open(); }),
                    .change = with([](Impl& self, const Entry& changed) { self.on_change(changed); }),
                    .lost = with([](Impl& self) { self.cache.close(); })});
}

void Client::Impl::stop() {
  watch->stop();
  asker.stop();
}

void Client::Impl::on_change(const Entry& changed) {
  known.forget_all();
  policies_until = {};
  const auto& classes = changed.values("objectClass");
  const bool person =
      std::any_of(classes.begin(), classes.end(), [](auto& c) { return same_name(c, "inetOrgPerson"); });
  // Who is gone has no classes; a group or a policy concerns whoever is in it.
  if (person || (classes.empty() && same_name(std::string_view(changed.dn).substr(0, 4), "uid=")))
    cache.forget(changed.dn);
  else
    cache.forget_all();
}

asio::awaitable<Result<std::optional<std::string>>> Client::Impl::own_name(std::string typed,
                                                                           Clock::time_point deadline) {
  using Name = std::optional<std::string>;
  auto name = split_login(typed);
  if (!typed.contains('\\') || names_domain(name.domain, settings.base)) co_return Name(name.user);
  if (settings.flavour != Flavour::ActiveDirectory) co_return Name();
  if (!netbios_name) {
    // The short name of a domain need not be the beginning of the long one.
    Search root;
    root.scope = Scope::Base;
    root.attributes = {"configurationNamingContext"};
    auto there = co_await asker.search(root, deadline);
    if (!there) co_return std::unexpected(there.error());
    const auto context = there->entries.empty()
                             ? std::string()
                             : std::string(there->entries.front().first("configurationNamingContext"));
    auto found = co_await asker.search(search_netbios_name(settings.base, context), deadline);
    if (!found) co_return std::unexpected(found.error());
    netbios_name = found->entries.empty() ? "" : std::string(found->entries.front().first("nETBIOSName"));
  }
  co_return !netbios_name->empty() && same_name(*netbios_name, name.domain) ? Name(name.user) : Name();
}

asio::awaitable<Result<std::vector<Entry>>> Client::Impl::groups_found(Search what,
                                                                       Clock::time_point deadline) {
  what.page = settings.limits.page;
  auto groups = co_await asker.search(std::move(what), deadline);
  if (!groups) co_return std::unexpected(groups.error());
  if (!groups->ok()) co_return fail("looking up the user's groups: " + groups->text());
  co_return std::move(groups->entries);
}

asio::awaitable<Result<std::vector<Entry>>> Client::Impl::primary_group(std::string sid,
                                                                        Clock::time_point deadline) {
  if (const auto found = primary_groups.find(sid);
      found != primary_groups.end() && Clock::now() < found->second.until)
    co_return found->second.groups;
  auto groups = co_await groups_found(search_group(settings.base, sid), deadline);
  if (!groups) co_return groups;
  if (!groups->empty() && !groups->front().values("memberOf").empty()) {
    const auto above = co_await groups_found(search_groups(settings.base, groups->front().dn), deadline);
    if (!above) co_return above;
    groups->insert(groups->end(), above->begin(), above->end());
  }
  primary_groups[sid] = {*groups, Clock::now() + KnownPeopleLimits{}.fresh};
  co_return groups;
}

asio::awaitable<Result<std::vector<Entry>>> Client::Impl::nested_groups(Entry& person,
                                                                        Clock::time_point deadline) {
  auto groups = co_await groups_found(search_groups(settings.base, person.dn), deadline);
  const auto sid = primary_group_sid(person);
  if (!groups || sid.empty()) co_return groups;
  const auto primary = co_await primary_group(sid, deadline);
  if (!primary) co_return primary;
  if (!primary->empty()) person.add("memberOf", primary->front().dn);
  for (auto& group : *primary)
    if (std::none_of(groups->begin(), groups->end(), [&](auto& g) { return g.dn == group.dn; }))
      groups->push_back(group);
  co_return groups;
}

asio::awaitable<Result<std::optional<Client::Impl::Found>>> Client::Impl::look_up(
    std::string typed, Clock::time_point deadline) {
  using Nobody = std::optional<Found>;
  auto name = co_await own_name(std::move(typed), deadline);
  if (!name) co_return std::unexpected(name.error());
  if (!*name || (*name)->empty()) co_return Nobody();
  std::optional<ServerUrl> where;
  auto found = co_await asker.search(search_login(settings.flavour, settings.base, **name), deadline, &where);
  if (!found) co_return std::unexpected(found.error());
  if (!found->ok()) co_return fail("looking up the user: " + found->text());
  const auto* entry = best_match(settings.flavour, found->entries, **name);
  if (entry == nullptr) co_return Nobody();
  auto user = co_await user_with_rules(*entry, deadline);
  if (!user) co_return std::unexpected(user.error());
  co_return Nobody(Found{.entry = *entry, .user = std::move(*user), .where = std::move(where)});
}

/// The person with the rules that hold for her. Groups change while a lab runs, so they are read again as
/// often as people are.
asio::awaitable<Result<User>> Client::Impl::user_with_rules(Entry entry, Clock::time_point deadline) {
  if (settings.flavour == Flavour::ActiveDirectory) {
    auto groups = co_await nested_groups(entry, deadline);
    if (!groups) co_return std::unexpected(groups.error());
    auto user = user_of(settings.flavour, entry);
    for (auto& group : *groups) user.groups.push_back(leaf_of_dn(group.dn));
    std::sort(user.groups.begin(), user.groups.end());
    user.groups.erase(std::unique(user.groups.begin(), user.groups.end()), user.groups.end());
    user.policy = resolve_given(settings.rules, settings.base, user, std::move(entry), std::move(*groups));
    if (user.policy.quota) user.quota = user.policy.quota->value;
    co_return user;
  }
  auto user = user_of(settings.flavour, entry);
  if (Clock::now() >= policies_until) {
    auto found = co_await asker.search(search_policies(settings.base), deadline);
    if (!found) co_return std::unexpected(found.error());
    if (!found->ok()) co_return fail("reading the policies: " + found->text());
    policies = std::move(found->entries);
    policies_until = Clock::now() + KnownPeopleLimits{}.fresh;
  }
  user.policy = settings.rules.empty() ? resolve_policy(entry, policies)
                                       : resolve_given(settings.rules, settings.base, user, entry, policies);
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
  if (auto wrong = wrong_password(password)) co_return answer(Outcome::WrongPassword, wrong);

  self->watch->start();
  const auto asked = self->cache.epoch();
  const auto deadline = Clock::now() + self->settings.limits.request;
  Found person;
  const auto* known = self->known.find(user, Clock::now());
  const bool was_known = known != nullptr;
  if (was_known) {
    person.user = *known;
  } else {
    auto found = co_await self->look_up(user, deadline);
    if (!found) co_return answer(Outcome::Unavailable, found.error().text());
    if (!*found) co_return answer(Outcome::UnknownUser, "nobody of this name");
    person = std::move(**found);
  }
  auto bound = co_await self->asker.bind(person.user.dn, password, deadline, person.where);
  if (bound && !bound->ok() && was_known) {
    // Who was known may have been moved or deleted since: the refusal counts when she is still where she was.
    self->known.forget(user);
    auto found = co_await self->look_up(user, deadline);
    if (!found) co_return answer(Outcome::Unavailable, found.error().text());
    if (!*found) co_return answer(Outcome::UnknownUser, "nobody of this name");
    const bool moved = (*found)->user.dn != person.user.dn;
    person = std::move(**found);
    if (moved) bound = co_await self->asker.bind(person.user.dn, password, deadline, person.where);
  }
  if (!bound) co_return answer(Outcome::Unavailable, bound.error().text());
  auto verdict = judge_bind(self->settings.flavour, *bound, person.entry, std::time(nullptr));
  verdict = answer(verdict.outcome, verdict.why);
  if (verdict) {
    if (!person.where) self->known.remember(user, person.user, Clock::now());
    verdict.user = person.user;
  }
  // Of changes elsewhere nothing is told.
  if (!person.where) self->cache.remember(user, password, verdict, person.user.dn, asked, Clock::now());
  co_return verdict;
}

asio::awaitable<Authentication> Client::Impl::authenticate_cached(std::shared_ptr<Impl> self,
                                                                  std::string user, std::string password) {
  if (auto remembered = self->cache.find(user, password, Clock::now())) co_return std::move(*remembered);
  co_return co_await asio::co_spawn(self->strand, authenticate(self, std::move(user), std::move(password)),
                                    asio::use_awaitable);
}

asio::awaitable<PasswordChange> Client::Impl::change_password(std::shared_ptr<Impl> self, std::string user,
                                                              std::string old, std::string fresh) {
  using Outcome = PasswordChange::Outcome;
  auto answer = [](Outcome outcome, std::string why) { return PasswordChange{outcome, std::move(why)}; };
  if (user.empty() || user.size() > kMaxName || user.contains('\0'))
    co_return answer(Outcome::UnknownUser, "not a user's name");
  if (auto wrong = wrong_password(old)) co_return answer(Outcome::WrongPassword, wrong);
  if (auto wrong = wrong_password(fresh)) co_return answer(Outcome::Refused, wrong);
  const auto deadline = Clock::now() + self->settings.limits.request;
  auto found = co_await self->look_up(user, deadline);
  if (!found) co_return answer(Outcome::Unavailable, found.error().text());
  if (!*found) co_return answer(Outcome::UnknownUser, "nobody of this name");
  if ((*found)->where)
    co_return answer(Outcome::Unavailable, "is known at " + (*found)->where->text() + ": ask there");
  const auto dn = (*found)->user.dn;
  const auto flavour = self->settings.flavour;
  Result<Reply> reply = Reply{};
  if (flavour == Flavour::ActiveDirectory) {
    // Who must change the password cannot bind there: the account asks, and the old password in it is the
    // proof.
    auto change = unicode_password_change(old, fresh);
    if (!change) co_return answer(Outcome::Refused, "a password that is not UTF-8");
    reply = co_await self->asker.modify(dn, std::move(*change), deadline);
  } else {
    auto changed = co_await self->asker.change_own(dn, old, fresh, deadline);
    if (!changed) co_return answer(Outcome::Unavailable, changed.error().text());
    if (!changed->change) {
      auto judged = judge_bind(flavour, changed->bind, (*found)->entry, std::time(nullptr));
      using Bind = Authentication::Outcome;
      co_return answer(judged.outcome == Bind::WrongPassword ? Outcome::WrongPassword
                       : judged.outcome == Bind::UnknownUser ? Outcome::UnknownUser
                       : judged.outcome == Bind::Unavailable ? Outcome::Unavailable
                                                             : Outcome::Denied,
                       judged.why);
    }
    reply = std::move(*changed->change);
  }
  if (!reply) co_return answer(Outcome::Unavailable, reply.error().text());
  self->known.forget_all();
  self->cache.forget(dn);
  co_return judge_change(flavour, *reply);
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
  auto found = co_await self->asker.search(search_address(flavour, self->settings.base, address), deadline);
  if (!found) co_return answer(Outcome::Unavailable, found.error().text());
  if (!found->ok()) co_return answer(Outcome::Unavailable, "looking up the address: " + found->text());
  const auto* entry = best_match(flavour, found->entries, address);
  if (entry == nullptr) co_return answer(Outcome::Unknown, "nobody has this address");
  auto recipient = answer(is_alias(*entry) || is_group(*entry) ? Outcome::Alias : Outcome::User, {});
  if (is_alias(*entry)) {
    recipient.members = entry->values("rfc822MailMember");
  } else if (is_group(*entry)) {
    // Groups in groups, each once: a circle of them must end, and who is in two of them gets one letter.
    std::vector<Entry> groups{*entry};
    std::set<std::string> seen{entry->dn};
    for (std::size_t next = 0; next < groups.size(); ++next) {
      auto what = search_members(self->settings.base, groups[next]);
      what.page = self->settings.limits.page;
      auto members = co_await self->asker.search(what, deadline);
      if (!members) co_return answer(Outcome::Unavailable, members.error().text());
      if (!members->ok())
        co_return answer(Outcome::Unavailable, "looking up the members: " + members->text());
      for (auto& member : members->entries) {
        if (!seen.insert(member.dn).second) continue;
        if (is_group(member)) {
          groups.push_back(member);
        } else if (auto user = user_of(flavour, member); !user.addresses.empty()) {
          recipient.members.push_back(user.addresses.front());
        }
      }
    }
  } else {
    auto user = co_await self->user_with_rules(*entry, deadline);
    if (!user) co_return answer(Outcome::Unavailable, user.error().text());
    recipient.user = std::move(*user);
  }
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
  if (same_name((*found)->user.uid, login)) {
    answer.outcome = Recipient::Outcome::User;
    answer.user = std::move((*found)->user);
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
  if (auto remembered = impl_->cache.find(user, password, Clock::now())) {
    asio::post(impl_->executor, [done = std::move(done), answer = std::move(*remembered)]() mutable {
      done(std::move(answer));
    });
    return;
  }
  impl_->run<Authentication>(Impl::authenticate(impl_, std::move(user), std::move(password)),
                             std::move(done));
}

void Client::find_recipient(std::string address, std::function<void(Recipient)> done) {
  impl_->run<Recipient>(Impl::find_recipient(impl_, std::move(address)), std::move(done));
}

void Client::change_password(std::string user, std::string old, std::string fresh,
                             std::function<void(PasswordChange)> done) {
  impl_->run<PasswordChange>(Impl::change_password(impl_, std::move(user), std::move(old), std::move(fresh)),
                             std::move(done));
}

asio::awaitable<Authentication> Client::authenticate(std::string user, std::string password) {
  return Impl::authenticate_cached(impl_, std::move(user), std::move(password));
}

asio::awaitable<Recipient> Client::find_user(std::string login) {
  return asio::co_spawn(impl_->strand, Impl::find_user(impl_, std::move(login)), asio::use_awaitable);
}

asio::awaitable<Recipient> Client::find_recipient(std::string address) {
  return asio::co_spawn(impl_->strand, Impl::find_recipient(impl_, std::move(address)), asio::use_awaitable);
}

asio::awaitable<PasswordChange> Client::change_password(std::string user, std::string old,
                                                        std::string fresh) {
  return asio::co_spawn(impl_->strand,
                        Impl::change_password(impl_, std::move(user), std::move(old), std::move(fresh)),
                        asio::use_awaitable);
}

}  // namespace lab::directory
