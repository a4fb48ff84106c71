/// connection -- one connection to a directory server over Asio: name, TCP or Unix socket, TLS, first bind,
/// then questions and answers in any order (RFC 4511 4.1.1.1). Everything has a deadline; whatever goes wrong
/// closes it, and everybody who waits on it is told why. All calls and callbacks belong to the strand it was
/// opened on.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/error.hpp"
#include "common/tls.hpp"
#include "directory/server_url.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

using Clock = std::chrono::steady_clock;

/// Whom a connection speaks for once it is open.
struct Identity {
  enum class Kind {
    Nobody,    ///< for binds as users
    External,  ///< this process, on a Unix socket
    Account    ///< `dn` with `password`
  };
  Kind kind = Kind::Nobody;
  std::string dn, password;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Ready for questions, bound as `who`; or why not, at `deadline` at the latest.
  static boost::asio::awaitable<Result<std::shared_ptr<Connection>>> open(boost::asio::any_io_executor strand,
                                                                          ServerUrl url, tls::Context tls,
                                                                          Identity who,
                                                                          Clock::time_point deadline);
  /// Use open(); public for make_shared.
  Connection(boost::asio::any_io_executor strand, ServerUrl url);

  /// Sends the request just written to `wire()` and waits for its answer: `co_await
  /// c->ask(c->wire().search(s), …)`.
  boost::asio::awaitable<Result<Reply>> ask(Result<int> id, Clock::time_point deadline);
  Wire& wire() { return wire_; }
  /// Sends a search that is followed (Search::follow_from): `on_part` gets what comes, until the connection
  /// closes; nothing else can be asked here from then on. Why it has ended is returned.
  boost::asio::awaitable<Error> follow(const Search& search, std::function<void(Reply)> on_part);

  bool alive() const { return !error_; }
  /// Closed because a question was not answered in time: what is wrong is the server, not this connection.
  bool unresponsive() const { return unresponsive_; }
  Clock::time_point last_used() const { return last_used_; }
  Clock::time_point last_heard() const { return last_heard_; }
  /// A question that nobody but the pool has asked does not count as use.
  void count_as_used(Clock::time_point when) { last_used_ = when; }
  const ServerUrl& url() const { return url_; }
  /// Says good-bye where possible; whoever waits gets `why`. Safe to call again.
  void close(Error why);

 private:
  struct Waiter {
    boost::asio::steady_timer timer;
    std::optional<Reply> reply;
  };
  using Socket = boost::asio::generic::stream_protocol::socket;

  boost::asio::awaitable<Result<void>> connect(Clock::time_point deadline);
  boost::asio::awaitable<Result<void>> start_tls(tls::Context context, Clock::time_point deadline);
  boost::asio::awaitable<Result<void>> say_who(const Identity& who, Clock::time_point deadline);
  boost::asio::awaitable<void> read_answers();
  void hand_out_answers();
  void flush();
  void arm_watchdog(Clock::time_point deadline, std::string doing);
  Error failure(std::string what) const;

  boost::asio::any_io_executor strand_;
  ServerUrl url_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  boost::asio::steady_timer watchdog_;
  Wire wire_;
  std::map<int, std::shared_ptr<Waiter>> waiting_;
  std::string sending_;
  std::optional<Error> error_;
  bool unresponsive_ = false;
  Clock::time_point last_used_ = Clock::now(), last_heard_ = last_used_;
  std::function<void(Reply)> on_part_;
  std::uint64_t session_;
};

}  // namespace lab::directory
