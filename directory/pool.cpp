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

const ServerUrl* Servers::best(Clock::time_point now) const {
  for (auto& server : servers_)
    if (server.not_before <= now) return &server.url;
  return nullptr;
}

Clock::time_point Servers::next_try() const {
  return std::min_element(servers_.begin(), servers_.end(),
                          [](auto& a, auto& b) { return a.not_before < b.not_before; })
      ->not_before;
}

void Servers::failed(const ServerUrl& url, Clock::time_point now) {
  auto& server = of(url);
  if (server.not_before > now) return;  // several connections that break together are one failure
  server.backoff = std::clamp(server.backoff * 2, limits_.backoff_first, limits_.backoff_last);
  server.not_before = now + server.backoff;
}

void Servers::worked(const ServerUrl& url) {
  auto& server = of(url);
  if (server.backoff.count() != 0) log::info("directory: {} answers again", url.text());
  server.backoff = {};
  server.not_before = {};
}

bool Servers::only_local() const {
  return std::all_of(servers_.begin(), servers_.end(), [](auto& s) { return s.url.is_local(); });
}

Pool::Pool(asio::any_io_executor strand, std::shared_ptr<Servers> servers, Options options)
    : strand_(strand), servers_(std::move(servers)), options_(std::move(options)), idle_(strand) {}

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
  auto least =
      std::min_element(members_.begin(), members_.end(), [](auto& a, auto& b) { return a.uses < b.uses; });
  if (least == members_.end() || least->uses >= options_.uses_at_once) return nullptr;
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
    }
  } while (!waiting_.empty() && !stopped_);
  --opening_;
  if (stopped_)
    for (auto& member : members_) member.connection->close(last_failure_);
  hand_out();
  open_more();
  watch_idle();
}

void Pool::release(const std::shared_ptr<Connection>& connection) {
  for (auto& member : members_)
    if (member.connection == connection) --member.uses;
  hand_out();
}

void Pool::discard(const std::shared_ptr<Connection>& connection, Error why) {
  if (connection->alive()) {
    log::warning("directory: {}", why.text());
    servers_->failed(connection->url(), Clock::now());
  }
  last_failure_ = why;
  connection->close(std::move(why));
  open_more();
}

void Pool::forget_dead() {
  std::erase_if(members_, [](auto& m) { return !m.connection->alive(); });
}

void Pool::watch_idle() {
  if (watching_idle_ || stopped_ || members_.empty()) return;
  watching_idle_ = true;
  idle_.expires_after(options_.limits.idle);
  idle_.async_wait([weak = weak_from_this()](auto error) {
    auto self = weak.lock();
    if (!self || error) return;
    self->watching_idle_ = false;
    const auto before = Clock::now() - self->options_.limits.idle;
    for (auto& m : self->members_)
      if (m.uses == 0 && m.connection->last_used() < before) m.connection->close({"idle", "", ""});
    self->forget_dead();
    self->watch_idle();
  });
}

void Pool::stop() {
  stopped_ = true;
  last_failure_ = {"the client is being closed", "", ""};
  idle_.cancel();
  for (auto& member : members_) member.connection->close(last_failure_);
  for (auto& waiter : waiting_) waiter->timer.cancel();
}

}  // namespace lab::directory
