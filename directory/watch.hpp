/// watch -- has the directory tell of every change as it happens (RFC 4533, refreshAndPersist), so that what
/// the client remembers is never older than a moment. One connection of its own, made again whenever it
/// breaks. All calls belong to one strand.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "directory/pool.hpp"

namespace lab::directory {

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  struct Events {
    std::function<void()> up_to_date;  ///< from now on each change is told
    std::function<void(const Entry& changed)>
        change;                  ///< the entry with its objectClass; without, when it is gone
    std::function<void()> lost;  ///< changes may be missed from now on
  };
  struct Options {
    std::string base;
    Identity who;
    tls::Context tls;
    ClientLimits limits;
  };
  Watch(boost::asio::any_io_executor strand, std::shared_ptr<Servers> servers, Options options,
        Events events);

  /// Begins, the first time it is called.
  void start();
  void stop();

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Error> watch_once(const ServerUrl& url, bool& supported);

  boost::asio::any_io_executor strand_;
  std::shared_ptr<Servers> servers_;
  Options options_;
  Events events_;
  boost::asio::steady_timer pause_;
  std::shared_ptr<Connection> connection_;
  bool started_ = false, stopped_ = false;
};

}  // namespace lab::directory
