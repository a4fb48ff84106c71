/// session -- one POP3 dialogue as a server (RFC 1939): log-in, then the mailbox as it was at that moment,
/// then QUIT, which deletes what was marked and says so when it is on disk.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "common/events.hpp"
#include "mail/pop3/command.hpp"
#include "mail/pop3/limits.hpp"
#include "mail/pop3/maildrop.hpp"
#include "mail/sasl.hpp"
#include "mail/server_context.hpp"
#include "mail/stream.hpp"

namespace lab::mail::pop3 {

class Session {
 public:
  /// All but the session itself outlive it. `number` groups its events.
  Session(Stream& stream, ServerContext& context, std::uint64_t number, const Limits& limits = {});
  awaitable<void> run();

 private:
  awaitable<void> before_login(Command command);
  awaitable<void> after_login(Command command);
  awaitable<void> start_tls();
  awaitable<void> authenticate(Command command);
  awaitable<void> log_in(Credentials credentials);
  awaitable<void> list(Command command);
  awaitable<void> retrieve(std::uint32_t number, std::uint64_t lines);
  awaitable<void> quit();
  void capabilities();
  void ok(std::string_view text);
  void error(std::string_view text);
  void no_such(std::uint32_t number);
  void end(StreamError error);
  void emit(events::Direction direction, std::string_view text);

  Stream& stream_;
  ServerContext& context_;
  std::uint64_t number_;
  Limits limits_;
  std::optional<Maildrop> maildrop_;
  std::string name_;  // said with USER
  bool over_ = false;
  int errors_ = 0, failed_logins_ = 0;
};

/// One dialogue, from greeting to goodbye.
awaitable<void> serve(Stream& stream, ServerContext& context, std::uint64_t session);

}  // namespace lab::mail::pop3
