#include "mail/smtp/session.hpp"

#include <fmt/format.h>

#include <set>

#include "common/log.hpp"
#include "mail/login.hpp"
#include "mail/message/header_scan.hpp"
#include "mail/message/trace.hpp"
#include "mail/on_disk.hpp"
#include "mail/queue/rows.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::smtp {
Session::Session(Stream& stream, ServerContext& context, std::shared_ptr<Shared> shared, Settings settings,
                 std::uint64_t number)
    : stream_(stream),
      context_(context),
      shared_(std::move(shared)),
      limits_(settings.limits),
      machine_(std::move(settings)),
      number_(number) {
  if (stream_.secure()) machine_.on_tls();
}

awaitable<void> Session::run() {
  say(machine_.greeting());
  for (;;) {
    auto step = co_await next_command();
    for (;;) {
      if (step.reply) say(*step.reply);
      if (std::holds_alternative<Nothing>(step.ask)) break;
      if (std::holds_alternative<Close>(step.ask)) {
        co_await stream_.close();
        co_return;
      }
      step = co_await answer(std::move(step.ask));
    }
  }
}

awaitable<Step> Session::next_command() {
  stream_.expires_after(limits_.command);
  auto line = co_await stream_.read_line(limits_.command_line);
  if (!line && line.error() == StreamError::LineTooLong) co_return machine_.on_line_too_long();
  if (!line) co_return end(line.error());
  if (events::listening()) emit(events::Direction::In, machine_.shown(line->text));
  co_return machine_.on_line(line->text, line->crlf);
}

Step Session::end(StreamError error) {
  switch (error) {
    // RFC 5321 3.8: the one reply a server may send unasked.
    case StreamError::Interrupted:
      return {Reply{421, "4.3.2", context_.hostname + " is shutting down; try again in a moment"}, Close{}};
    case StreamError::TimedOut:
      return {Reply{421, "4.4.2", context_.hostname + " waited too long; goodbye"}, Close{}};
    case StreamError::Closed:
    case StreamError::LineTooLong:
    case StreamError::Nudged: break;  // nobody nudges an SMTP dialogue
    case StreamError::Broken: log::debug("smtp: {}: {}", stream_.peer(), stream_.failure()); break;
  }
  return {std::nullopt, Close{}};
}

awaitable<Step> Session::answer(Ask ask) {
  if (std::holds_alternative<StartTls>(ask)) co_return co_await start_tls();
  if (std::holds_alternative<ReadMessage>(ask)) co_return co_await read_message();
  if (auto* login = std::get_if<CheckLogin>(&ask)) co_return co_await log_in(std::move(login->credentials));
  if (auto* recipient = std::get_if<CheckRecipient>(&ask))
    co_return co_await check_recipient(std::move(recipient->address));
  if (auto* chunk = std::get_if<ReadChunk>(&ask)) co_return co_await read_chunk(*chunk);
  if (auto* sender = std::get_if<CheckSender>(&ask)) {
    auto destination = co_await context_.accounts.find(std::move(sender->address));
    co_return machine_.on_sender(destination);
  }
  co_return Step{};
}

awaitable<Step> Session::start_tls() {
  stream_.expires_after(limits_.handshake);
  auto done = co_await stream_.accept_tls(context_.tls);
  if (!done) {
    log::info("smtp: {}: no TLS: {}", stream_.peer(),
              done.error() == StreamError::Broken ? stream_.failure() : describe(done.error()));
    co_return Step{std::nullopt, Close{}};
  }
  machine_.on_tls();
  note(stream_.tls_version() + " " + stream_.tls_cipher());
  co_return Step{};
}

awaitable<Step> Session::log_in(Credentials credentials) {
  auto account = co_await context_.login.attempt(std::move(credentials), "smtp", stream_.peer());
  if (account) note("logged in as " + account.user);
  co_return machine_.on_login(account);
}

awaitable<Step> Session::check_recipient(Address address) {
  auto destination = co_await context_.accounts.find(address);
  if (destination.outcome == Destination::Outcome::Unavailable)
    log::warning("smtp: cannot look up {}: {}", address.text(), destination.why);
  const bool full = !full_mailbox(destination, machine_.declared_size()).empty();
  if (destination.users.size() > 1 ||
      (destination.users.size() == 1 && destination.users[0] != address.key()))
    note(fmt::format("{} leads to {}", address.text(), fmt::join(destination.users, ", ")));
  co_return machine_.on_recipient(std::move(destination), full);
}

/// The mailbox behind `destination` that has no room for `size` bytes; empty when all have.
std::string Session::full_mailbox(const Destination& destination, std::uint64_t size) {
  for (auto& user : destination.users) {
    auto quota = context_.store.quota(user);
    // The store knows the limit of the last log-in; the directory today's, and that of who has yet to log in.
    if (auto known = destination.quotas.find(user); known != destination.quotas.end())
      quota.limit = known->second;
    if (!quota.room_for(size)) return user;
  }
  return {};
}

void Session::begin_message() {
  id_ = message::short_id(context_.random());
  message_id_.clear();
  auto& envelope = machine_.envelope();
  auto tls = stream_.secure() ? stream_.tls_version() + " " + stream_.tls_cipher() : std::string();
  auto only = envelope.recipients.size() == 1 ? envelope.recipients[0].address.text() : std::string();
  auto protocol = machine_.protocol();
  auto trace = message::received_line({.helo = machine_.helo(),
                                       .peer = stream_.peer(),
                                       .by = context_.hostname,
                                       .protocol = protocol,
                                       .id = id_,
                                       .tls = tls,
                                       .only_recipient = only,
                                       .when = std::time(nullptr)});
  reception_.emplace(shared_->budget, std::move(trace), machine_.message_limit(), machine_.declared_size());
}

/// Beyond any size that is read to the end and refused politely.
Step Session::too_large() const { return {Reply{552, "5.3.4", machine_.too_large()}, Close{}}; }

awaitable<Step> Session::read_message() {
  begin_message();
  stream_.expires_after(limits_.block);
  while (!reception_->data_done()) {
    if (stream_.buffered().empty()) {
      auto more = co_await stream_.fill();
      if (!more) co_return end(more.error());
      stream_.expires_after(limits_.block);
    }
    stream_.consume(reception_->feed_data(stream_.buffered()));
    if (reception_->dropped() > limits_.drained)
      co_return too_large();
  }
  co_return co_await finish_message();
}

awaitable<Step> Session::read_chunk(ReadChunk chunk) {
  if (!chunk.discard && !reception_) begin_message();
  stream_.expires_after(limits_.block);
  for (auto left = chunk.size; left > 0;) {
    if (stream_.buffered().empty()) {
      auto more = co_await stream_.fill();
      if (!more) co_return end(more.error());
      stream_.expires_after(limits_.block);
    }
    auto part = stream_.buffered().substr(0, left);
    left -= part.size();
    if (!chunk.discard) reception_->feed_chunk(part);
    stream_.consume(part.size());
  }
  if (reception_ && reception_->dropped() > limits_.drained)
    co_return too_large();
  if (chunk.discard || !chunk.last) co_return machine_.on_chunk(chunk.size, chunk.discard);
  co_return co_await finish_message();
}

awaitable<Step> Session::finish_message() {
  auto taken = reception_->verdict(limits_.received_headers);
  if (taken == Taken::Stored) taken = co_await store();
  reception_.reset();
  co_return machine_.on_message(taken, id_);
}

// RFC 6409 8: a message whose author's program left them out gets its Date and Message-ID from the submission
// server.
void Session::complete_header() {
  auto scan = message::scan_header(reception_->original());
  message_id_ = scan.id;
  if (machine_.user().empty()) return;
  auto now = std::time(nullptr);
  std::string lines;
  if (!scan.date) lines += "Date: " + message::date_text(now) + "\r\n";
  if (scan.id.empty()) {
    message_id_ = message::make_message_id(now, id_, context_.hostname);
    lines += "Message-ID: " + message_id_ + "\r\n";
  }
  if (!lines.empty()) reception_->insert_below_trace(lines);
}

awaitable<Taken> Session::store() {
  complete_header();
  auto& envelope = machine_.envelope();
  for (auto& recipient : envelope.recipients)
    if (auto full = full_mailbox(recipient.destination, reception_->message()->size()); !full.empty()) {
      log::info("smtp: {}: <{}> → {}: no room for {} bytes", id_, envelope.return_path(), full,
                reception_->message()->size());
      machine_.set_full(std::move(full));
      co_return Taken::MailboxFull;
    }
  Delivery delivery;
  std::set<std::string> seen;
  std::vector<std::pair<std::string, std::string>> elsewhere;
  for (auto& recipient : envelope.recipients) {
    for (auto& user : recipient.destination.users)
      if (seen.insert(user).second) delivery.recipients.push_back(user);
    for (auto& address : recipient.destination.elsewhere)
      if (seen.insert(address.text()).second) elsewhere.emplace_back(address.text(), address.domain());
  }
  delivery.return_path = envelope.return_path();
  delivery.message = reception_->message();
  delivery.received = std::time(nullptr);
  if (!elsewhere.empty()) {
    queue::Waiting waiting{.id = id_,
                           .return_path = envelope.return_path(),
                           .smtputf8 = envelope.smtputf8,
                           .body_8bit = envelope.body_8bit,
                           .accepted = delivery.received};
    delivery.also = [waiting = std::move(waiting), elsewhere,
                     body = delivery.message](SQLite::Database& database) {
      queue::insert(database, waiting, elsewhere, *body, waiting.accepted);
    };
  }
  auto local = delivery.recipients.size();
  auto size = delivery.message->size();
  auto saved = co_await on_disk([&](Store::Done done) {
    // Local mailboxes and queue rows are one transaction: a message is taken whole or not at all.
    if (delivery.recipients.empty())
      context_.store.submit(std::move(delivery.also), std::move(done));
    else
      context_.store.deliver(std::move(delivery), std::move(done));
  });
  if (!saved) {
    log::error("smtp: message {} from <{}> could not be stored: {}", id_, envelope.return_path(),
               saved.error().text());
    co_return Taken::NotStored;
  }
  log::info("smtp: {}: <{}> → {} local, {} elsewhere, {} bytes, {}", id_, envelope.return_path(), local,
            elsewhere.size(), size, message_id_.empty() ? "no Message-ID" : message_id_);
  note(fmt::format("message {} is on disk: {} mailboxes here, {} recipients elsewhere", id_, local,
                   elsewhere.size()));
  if (!elsewhere.empty()) shared_->queue_filled();
  co_return Taken::Stored;
}

void Session::say(const Reply& reply) {
  stream_.send(reply.wire());
  if (events::listening()) emit(events::Direction::Out, reply.line());
}

void Session::note(std::string_view text) {
  if (events::listening()) emit(events::Direction::Note, text);
}

void Session::emit(events::Direction direction, std::string_view text) {
  events::emit({.protocol = "smtp",
                .session = number_,
                .direction = direction,
                .peer = stream_.peer(),
                .text = text,
                .message_id = message_id_});
}

}  // namespace lab::mail::smtp
