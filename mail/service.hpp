/// service -- the mail server as a whole: listeners for each protocol, certificate, mailboxes, people and
/// queue put together; reload without dropping anybody, and an end within a second that lets messages on
/// their way arrive.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "common/error.hpp"
#include "mail/config.hpp"

namespace lab::mail {

struct ServiceLimits {
  /// Dialogues at once, of all protocols; each costs tens of kilobytes. More are told to come back (421,
  /// -ERR, BYE).
  std::size_t dialogues = 4000;
  /// Of one peer address: half of a class behind one NAT with several programs each.
  std::size_t dialogues_per_peer = 500;
  /// Implicit TLS must be there by then.
  std::chrono::seconds handshake{30};
  /// After an error of accept(2) (too many open files): others get time to end.
  std::chrono::milliseconds accept_pause{100};
  /// A drain lets dialogues that are in the middle of something go on this long.
  std::chrono::milliseconds drain{800};
};

class Service {
 public:
  Service(boost::asio::io_context& io, Config config);
  ~Service();

  /// Opens mailboxes and binds sockets. After it the process may drop its privileges.
  Result<void> start();
  /// The certificate is read again; dialogues under way keep theirs.
  void reload();
  /// Stops accepting, ends dialogues, calls `done` when the last one has ended or the time is over.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::mail
