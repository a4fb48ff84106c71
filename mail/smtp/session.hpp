/// session -- one SMTP dialogue as a server (RFC 5321): moves bytes between the stream and the machine, asks
/// the directory what the machine wants to know, and puts a message on disk before it says so.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/events.hpp"
#include "mail/server_context.hpp"
#include "mail/smtp/machine.hpp"
#include "mail/smtp/reception.hpp"
#include "mail/stream.hpp"

namespace lab::mail::smtp {

/// What the SMTP dialogues of one server share beyond the context.
struct Shared {
  MemoryBudget budget;
  std::function<void()> queue_filled = [] {};  ///< something was put into the queue
};

class Session {
 public:
  /// The stream and the context outlive the session. `number` groups its events.
  Session(Stream& stream, ServerContext& context, std::shared_ptr<Shared> shared, Settings settings,
          std::uint64_t number);
  boost::asio::awaitable<void> run();

 private:
  awaitable<Step> next_command();
  /// Does what the machine asks for; the machine's next word.
  awaitable<Step> answer(Ask ask);
  awaitable<Step> start_tls();
  awaitable<Step> log_in(Credentials credentials);
  awaitable<Step> check_recipient(Address address);
  awaitable<Step> read_message();
  awaitable<Step> read_chunk(ReadChunk chunk);
  awaitable<Step> finish_message();
  awaitable<Taken> store();

  std::string full_mailbox(const Destination& destination, std::uint64_t size);
  void begin_message();
  Step too_large() const;
  void complete_header();
  void say(const Reply& reply);
  void note(std::string_view text);
  void emit(events::Direction direction, std::string_view text);
  /// The stream failed: what is still said to the client, and the end.
  Step end(StreamError error);

  Stream& stream_;
  ServerContext& context_;
  std::shared_ptr<Shared> shared_;  // a session cut off at the end may outlive the service
  Limits limits_;
  Machine machine_;
  std::uint64_t number_;
  std::optional<Reception> reception_;
  std::string id_, message_id_;
};

}  // namespace lab::mail::smtp
