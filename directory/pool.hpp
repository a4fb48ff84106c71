/// pool -- connections of one kind to the servers of one directory: opened when somebody needs one, kept
/// while they are used and healthy, closed when they idle, replaced when they die. Servers are tried in order
/// of preference. One that fails is left alone for a while that doubles each time; while another answers,
/// nobody waits for it: it is tried again beside the questions, and when it is back, they return to it. All
/// calls belong to one strand.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "directory/client_settings.hpp"
#include "directory/connection.hpp"

namespace lab::directory {

/// The servers of one directory and when each may be tried again; shared by its pools.
class Servers {
 public:
  Servers(std::vector<ServerUrl> urls, ClientLimits limits);
  /// The first one that works as far as is known; if none does, the first that may be tried now; nullptr when
  /// all have just failed.
  const ServerUrl* best(Clock::time_point now) const;
  /// One that has failed and may be tried again now, while another works.
  const ServerUrl* worth_a_check(Clock::time_point now) const;
  /// Whether a question should go to a connection to `url`: it works, and none that is preferred does.
  bool preferred(const ServerUrl& url) const;
  /// When the next one may be tried.
  Clock::time_point next_try() const;
  void failed(const ServerUrl& url, Clock::time_point now);
  void worked(const ServerUrl& url);
  bool only_local() const;

 private:
  struct Server {
    ServerUrl url;
    bool works = true;
    std::chrono::milliseconds backoff{0};
    Clock::time_point not_before{};
  };
  Server& of(const ServerUrl& url);
  bool any_works() const;
  std::vector<Server> servers_;
  ClientLimits limits_;
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  struct Options {
    std::size_t most = 1;          ///< connections
    std::size_t uses_at_once = 1;  ///< questions on the way on one connection
    Identity who;
    tls::Context tls;
    ClientLimits limits;
  };
  Pool(boost::asio::any_io_executor strand, std::shared_ptr<Servers> servers, Options options);

  /// A connection that is alive and has room for one more question, at `deadline` at the latest.
  boost::asio::awaitable<Result<std::shared_ptr<Connection>>> acquire(Clock::time_point deadline);
  /// The question is answered.
  void release(const std::shared_ptr<Connection>& connection);
  /// The question was not answered: closes `connection`, whose server has just failed.
  void discard(const std::shared_ptr<Connection>& connection, Error why);
  /// Closes everything; whoever waits is told.
  void stop();

 private:
  struct Member {
    std::shared_ptr<Connection> connection;
    std::size_t uses = 0;
  };
  struct Waiter {
    boost::asio::steady_timer timer;
    std::shared_ptr<Connection> connection;
  };
  std::shared_ptr<Connection> pick();
  void hand_out();
  void open_more();
  boost::asio::awaitable<void> open_one();
  void forget_dead();
  /// Closes what nobody uses and nobody will, since a better server is back: it would take the place of a
  /// connection to that one.
  void make_room();
  /// While there are connections: closes those that idle, asks those that have been silent whether they live,
  /// and looks after servers that have failed.
  void watch_over();
  boost::asio::awaitable<void> check_health();
  boost::asio::awaitable<void> check(std::shared_ptr<Connection> connection);

  boost::asio::any_io_executor strand_;
  std::shared_ptr<Servers> servers_;
  Options options_;
  std::vector<Member> members_;
  std::deque<std::shared_ptr<Waiter>> waiting_;
  std::size_t opening_ = 0;
  boost::asio::steady_timer watch_;
  bool watching_ = false, stopped_ = false;
  Error last_failure_{"no server has been tried yet", "", ""};
};

}  // namespace lab::directory
