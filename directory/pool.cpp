#include "directory/pool.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "common/log.hpp"
#include "common/spawn.hpp"

namespace lab::directory {
namespace {
namespace asio = boost::asio;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
}  // namespace

Servers::Servers(std::vector<ServerUrl> urls, ClientLimits limits) : limits_(limits) {
  for (auto& url : urls) servers_.push_back({.url = std::move(url)});
}

Servers::Server& Servers::of(const ServerUrl& url) {
  return *std::find_if(servers_.begin(), servers_.end(), [&](auto& s) { return s.url == url; });
}

bool Servers::any_works() const {
  return std::any_of(servers_.begin(), servers_.end(), [](auto& s) { return s.works; });
}

const ServerUrl* Servers::best(Clock::time_point now) const {
  for (auto& server : servers_)
    if (server.works) return &server.url;
  for (auto& server : servers_)
    if (server.not_before <= now) return &server.url;
  return nullptr;
}

const ServerUrl* Servers::worth_a_check(Clock::time_point now) const {
  if (!any_works()) return nullptr;
  for (auto& server : servers_)
    if (!server.works && server.not_before <= now) return &server.url;
  return nullptr;
}

bool Servers::preferred(const ServerUrl& url) const {
  for (auto& server : servers_)
    if (server.works || server.url == url) return server.url == url && (server.works || !any_works());
  return false;
}

Clock::time_point Servers::next_try() const {
  return std::min_element(servers_.begin(), servers_.end(),
                          [](auto& a, auto& b) { return a.not_before < b.not_before; })
      ->not_before;
}

void Servers::failed(const ServerUrl& url, Clock::time_point now) {
  auto& server = of(url);
  server.works = false;
  if (server.not_before > now) return;  // several connections that break together are one failure
  server.backoff = std::clamp(server.backoff * 2, limits_.backoff_first, limits_.backoff_last);
  server.not_before = now + server.backoff;
}

void Servers::worked(const ServerUrl& url) {
  auto& server = of(url);
  if (server.backoff.count() != 0) log::info("directory: {} answers again", url.text());
  server.works = true;
  server.backoff = {};
  server.not_before = {};
}

bool Servers::only_local() const {
  return std::all_of(servers_.begin(), servers_.end(), [](auto& s) { return s.url.is_local(); });
}

Pool::Pool(asio::any_io_executor strand, std::shared_ptr<Servers> servers, Options options)
    : strand_(strand), servers_(std::move(servers)), options_(std::move(options)), watch_(strand) {}

asio::awaitable<Result<std::shared_ptr<Connection>>> Pool::acquire(Clock::time_point deadline) {
  if (stopped_) co_return fail("the client is being closed");
  if (auto ready = pick()) co_return ready;
  if (waiting_.size() >= options_.limits.waiting) co_return fail("too many questions wait for the directory");
  auto self = shared_from_this();
  auto waiter = std::make_shared<Waiter>(Waiter{asio::steady_timer(strand_, deadline), nullptr});
  waiting_.push_back(waiter);
  open_more();
  co_await waiter->timer.async_wait(kTuple);
  if (waiter->connection) co_return waiter->connection;
  std::erase(waiting_, waiter);
  co_return std::unexpected(last_failure_);
}

std::shared_ptr<Connection> Pool::pick() {
  forget_dead();
  // The first of the least used: the last ones fall idle and are closed when the load is gone.
  Member* least = nullptr;
  for (auto& member : members_)
    if (member.uses < options_.uses_at_once && servers_->preferred(member.connection->url()) &&
        (least == nullptr || member.uses < least->uses))
      least = &member;
  if (least == nullptr) return nullptr;
  ++least->uses;
  return least->connection;
}

void Pool::hand_out() {
  while (!waiting_.empty()) {
    auto connection = pick();
    if (!connection) return;
    waiting_.front()->connection = std::move(connection);
    waiting_.front()->timer.cancel();
    waiting_.pop_front();
  }
}

void Pool::open_more() {
  if (!waiting_.empty()) make_room();
  forget_dead();
  const auto wanted = (waiting_.size() + options_.uses_at_once - 1) / options_.uses_at_once;
  while (!stopped_ && opening_ < wanted && members_.size() + opening_ < options_.most) {
    ++opening_;
    lab::spawn(strand_, "directory pool", open_one());
  }
}

asio::awaitable<void> Pool::open_one() {
  auto self = shared_from_this();
  do {
    const auto* url = servers_->best(Clock::now());
    if (url == nullptr) {
      asio::steady_timer pause(strand_, servers_->next_try());
      co_await pause.async_wait(kTuple);
      continue;
    }
    const auto chosen = *url;
    auto opened = co_await Connection::open(strand_, chosen, options_.tls, options_.who,
                                            Clock::now() + options_.limits.connect);
    if (opened && !stopped_) {
      servers_->worked(chosen);
      members_.push_back({.connection = *opened});
      break;
    }
    if (!opened) {
      last_failure_ = opened.error();
      log::warning("directory: {}", last_failure_.text());
      servers_->failed(chosen, Clock::now());
      hand_out();  // another server's connections will do now
    }
  } while (!waiting_.empty() && !stopped_);
  --opening_;
  if (stopped_)
    for (auto& member : members_) member.connection->close(last_failure_);
  hand_out();
  open_more();
  watch_over();
}

void Pool::release(const std::shared_ptr<Connection>& connection) {
  for (auto& member : members_) {
    if (member.connection != connection) continue;
    // Left over from the time when a better server was away.
    if (--member.uses == 0 && !servers_->preferred(connection->url()))
      connection->close({"another server is preferred", "", ""});
  }
  hand_out();
  if (!waiting_.empty()) open_more();
}

void Pool::discard(const std::shared_ptr<Connection>& connection, Error why) {
  last_failure_ = why;
  if (connection->alive() || connection->unresponsive()) {
    log::warning("directory: {}", why.text());
    servers_->failed(connection->url(), Clock::now());
    // Its neighbours that nobody uses lead to the same server.
    for (auto& member : members_)
      if (member.uses == 0 && member.connection->url() == connection->url()) member.connection->close(why);
  }
  connection->close(std::move(why));
  hand_out();
  open_more();
}

void Pool::forget_dead() {
  std::erase_if(members_, [](auto& m) { return !m.connection->alive(); });
}

void Pool::make_room() {
  for (auto& member : members_)
    if (member.uses == 0 && !servers_->preferred(member.connection->url()))
      member.connection->close({"another server is preferred", "", ""});
}

void Pool::watch_over() {
  if (watching_ || stopped_ || members_.empty()) return;
  watching_ = true;
  lab::spawn(strand_, "directory health", check_health());
}

asio::awaitable<void> Pool::check_health() {
  const std::weak_ptr<Pool> weak = weak_from_this();
  while (true) {
    auto self = weak.lock();
    if (!self || self->stopped_) co_return;
    self->forget_dead();
    if (self->members_.empty()) {
      self->watching_ = false;
      co_return;
    }
    auto next = Clock::now() + options_.limits.health;
    if (servers_->worth_a_check(Clock::time_point::max()) != nullptr)
      next = std::min(next, std::max(servers_->next_try(), Clock::now() + options_.limits.backoff_first));
    watch_.expires_at(next);
    self.reset();  // a pool that nobody wants any more need not wait for its next look
    co_await watch_.async_wait(kTuple);
    self = weak.lock();
    if (!self || stopped_) co_return;
    if (const auto* url = servers_->worth_a_check(Clock::now())) {
      const auto chosen = *url;
      auto opened = co_await Connection::open(strand_, chosen, options_.tls, options_.who,
                                              Clock::now() + options_.limits.connect);
      if (opened) {
        servers_->worked(chosen);
        (*opened)->close({"found well", "", ""});
      } else {
        servers_->failed(chosen, Clock::now());
      }
    }
    const auto now = Clock::now();
    std::vector<std::shared_ptr<Connection>> silent;
    for (auto& member : members_) {
      if (member.uses != 0) continue;
      if (member.connection->last_used() < now - options_.limits.idle ||
          !servers_->preferred(member.connection->url()))
        member.connection->close({"idle", "", ""});
      else if (member.connection->last_heard() <= now - options_.limits.health)
        silent.push_back(member.connection);
    }
    for (auto& connection : silent) lab::spawn(strand_, "directory health", check(connection));
  }
}

asio::awaitable<void> Pool::check(std::shared_ptr<Connection> connection) {
  auto self = shared_from_this();
  for (auto& member : members_)
    if (member.connection == connection) ++member.uses;
  // What it is, it tells anybody (RFC 4512 5.1); that it answers at all is what counts.
  Search root;
  root.scope = Scope::Base;
  root.attributes = {"1.1"};
  const auto last_used = connection->last_used();
  auto reply =
      co_await connection->ask(connection->wire().search(root), Clock::now() + options_.limits.answer);
  if (!reply) {
    discard(connection, reply.error());
    co_return;
  }
  connection->count_as_used(last_used);
  release(connection);
}

void Pool::stop() {
  stopped_ = true;
  last_failure_ = {"the client is being closed", "", ""};
  watch_.cancel();
  for (auto& member : members_) member.connection->close(last_failure_);
  for (auto& waiter : waiting_) waiter->timer.cancel();
}

}  // namespace lab::directory
