#include "directory/watch.hpp"

#include <ldap.h>

#include <boost/asio/use_awaitable.hpp>

#include "common/log.hpp"
#include "common/spawn.hpp"

namespace lab::directory {
namespace {

namespace asio = boost::asio;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// A server that does not tell of changes may be another one, or another version, an hour later.
constexpr std::chrono::minutes kAskAgain{10};

}  // namespace

Watch::Watch(asio::any_io_executor strand, std::shared_ptr<Servers> servers, Options options, Events events)
    : strand_(strand),
      servers_(std::move(servers)),
      options_(std::move(options)),
      events_(std::move(events)),
      pause_(strand) {}

void Watch::start() {
  if (started_ || stopped_) return;
  started_ = true;
  lab::spawn(strand_, "directory watch", run());
}

void Watch::stop() {
  stopped_ = true;
  pause_.cancel();
  if (connection_) connection_->close({"the client is being closed", "", ""});
}

asio::awaitable<Error> Watch::watch_once(const ServerUrl& url, bool& supported) {
  auto opened = co_await Connection::open(strand_, url, options_.tls, options_.who,
                                          Clock::now() + options_.limits.connect);
  if (!opened) co_return opened.error();
  connection_ = *opened;
  // RFC 4533 has the client begin with everything there is; from the mark the server stands at now, nothing
  // comes but what changes.
  Search mark;
  mark.base = options_.base;
  mark.scope = Scope::Base;
  mark.attributes = {"contextCSN"};
  auto found =
      co_await connection_->ask(connection_->wire().search(mark), Clock::now() + options_.limits.answer);
  if (!found) co_return found.error();
  if (!found->ok() || found->entries.empty() || found->entries.front().first("contextCSN").empty()) {
    supported = false;
    co_return Error{"it tells of no changes, so every login is asked about", url.text(), ""};
  }
  Search changes;
  changes.base = options_.base;
  changes.attributes = {"objectClass"};
  std::string csns;
  for (auto& csn : found->entries.front().values("contextCSN")) csns += (csns.empty() ? "" : ";") + csn;
  changes.follow_from = "rid=000,csn=" + csns;
  bool told = false;
  auto why = co_await connection_->follow(changes, [this, &told](Reply part) {
    if (part.part == Reply::Part::UpToDate && !std::exchange(told, true)) events_.up_to_date();
    if (part.part == Reply::Part::Change)
      for (auto& entry : part.entries) events_.change(entry);
  });
  events_.lost();
  if (!told && why.what.starts_with("it follows no changes")) supported = false;
  co_return why;
}

asio::awaitable<void> Watch::run() {
  auto self = shared_from_this();
  auto pause = options_.limits.backoff_first;
  while (!stopped_) {
    const auto* url = servers_->best(Clock::now());
    bool supported = true;
    const auto began = Clock::now();
    if (url != nullptr) {
      const auto chosen = *url;
      auto why = co_await watch_once(chosen, supported);
      if (connection_) connection_->close(why);
      connection_.reset();
      if (!stopped_) log::info("directory: changes are not followed: {}", why.text());
    }
    if (stopped_) co_return;
    // It worked for a while: try again at once.
    if (Clock::now() - began > options_.limits.backoff_last) pause = options_.limits.backoff_first;
    pause_.expires_after(supported ? pause
                                   : std::chrono::duration_cast<std::chrono::milliseconds>(kAskAgain));
    co_await pause_.async_wait(kTuple);
    pause = std::min(2 * pause, options_.limits.backoff_last);
  }
}

}  // namespace lab::directory
