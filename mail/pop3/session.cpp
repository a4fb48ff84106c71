#include "mail/pop3/session.hpp"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>

#include "common/log.hpp"
#include "mail/login.hpp"
#include "mail/on_disk.hpp"
#include "mail/store/store.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail::pop3 {

Session::Session(Stream& stream, ServerContext& context, std::uint64_t number, const Limits& limits)
    : stream_(stream), context_(context), number_(number), limits_(limits) {}

awaitable<void> Session::run() {
  ok(context_.hostname + " ready");
  while (!over_) {
    stream_.expires_after(maildrop_ ? limits_.idle : limits_.before_login);
    auto line = co_await stream_.read_line(limits_.line);
    if (!line && line.error() == StreamError::LineTooLong) {
      error("the line is too long");
      continue;
    }
    if (!line) {
      end(line.error());
      break;
    }
    auto command = parse_command(line->text);
    if (events::listening()) {
      const bool secret = command && (command->verb == Verb::Pass || command->verb == Verb::Auth);
      emit(events::Direction::In,
           secret ? std::string(line->text.substr(0, 4)) + " ***" : std::string(line->text));
    }
    if (!command) {
      error(command.error());
      continue;
    }
    try {
      if (maildrop_)
        co_await after_login(std::move(*command));
      else
        co_await before_login(std::move(*command));
    } catch (const SQLite::Exception& e) {
      log::error("pop3: {}: {}", stream_.peer(), e.what());
      error("[SYS/TEMP] the mail store failed; the log says why");
      over_ = true;
    }
  }
  co_await stream_.close();
}

awaitable<void> Session::before_login(Command command) {
  switch (command.verb) {
    case Verb::Capa: capabilities(); co_return;
    case Verb::Noop: ok("nothing done"); co_return;
    case Verb::Quit:
      ok("goodbye");
      over_ = true;
      co_return;
    case Verb::Stls: co_await start_tls(); co_return;
    case Verb::Auth: co_await authenticate(std::move(command)); co_return;
    case Verb::User:
      if (!context_.may_log_in(stream_.secure())) {
        error("[AUTH] say STLS first: no password in the clear");
      } else {
        name_ = std::move(command.text);
        ok("and the password?");
      }
      co_return;
    case Verb::Pass: {
      if (name_.empty() || !context_.may_log_in(stream_.secure())) {
        error("say USER first");
        co_return;
      }
      Credentials credentials{
          .name = std::exchange(name_, {}), .password = std::move(command.text), .act_as = {}, .principal = {}};
      co_await log_in(std::move(credentials));
      co_return;
    }
    case Verb::Stat:
    case Verb::List:
    case Verb::Uidl:
    case Verb::Retr:
    case Verb::Top:
    case Verb::Dele:
    case Verb::Rset: error("log in first"); co_return;
  }
}

awaitable<void> Session::after_login(Command command) {
  auto& drop = *maildrop_;
  if (command.message && drop.find(*command.message) == nullptr) {
    no_such(*command.message);
    co_return;
  }
  switch (command.verb) {
    case Verb::Capa: capabilities(); co_return;
    case Verb::Noop: ok("nothing done"); co_return;
    case Verb::Quit: co_await quit(); co_return;
    case Verb::Stat: ok(fmt::format("{} {}", drop.count(), drop.bytes())); co_return;
    case Verb::List:
    case Verb::Uidl: co_await list(std::move(command)); co_return;
    case Verb::Retr: co_await retrieve(*command.message, UINT64_MAX); co_return;
    case Verb::Top: co_await retrieve(*command.message, command.lines); co_return;
    case Verb::Dele:
      drop.mark(*command.message);
      ok("it goes with QUIT");
      co_return;
    case Verb::Rset:
      drop.reset();
      ok("nothing will be deleted");
      co_return;
    case Verb::Stls:
    case Verb::User:
    case Verb::Pass:
    case Verb::Auth: error("you are logged in already"); co_return;
  }
}

// RFC 2449 5; the whole list is the same before and after log-in, but for what is over then.
void Session::capabilities() {
  std::string out =
      "+OK this it can do\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n";
  if (!maildrop_) {
    if (context_.may_log_in(stream_.secure()))
      out += context_.gssapi ? "USER\r\nSASL PLAIN LOGIN GSSAPI\r\n" : "USER\r\nSASL PLAIN LOGIN\r\n";
    if (!stream_.secure() && context_.tls) out += "STLS\r\n";
  }
  out += "IMPLEMENTATION labctl\r\n.\r\n";
  stream_.send(out);
  if (events::listening()) emit(events::Direction::Out, out);
}

awaitable<void> Session::start_tls() {
  if (stream_.secure() || !context_.tls) {
    error(stream_.secure() ? "the connection is encrypted already" : "this server has no certificate");
    co_return;
  }
  ok("begin the handshake now");
  name_.clear();  // RFC 2595 4: what was said before the handshake is forgotten
  stream_.expires_after(limits_.handshake);
  auto done = co_await stream_.accept_tls(context_.tls);
  if (!done) {
    log::info("pop3: {}: no TLS: {}", stream_.peer(),
              done.error() == StreamError::Broken ? stream_.failure() : describe(done.error()));
    over_ = true;
    co_return;
  }
  if (events::listening()) emit(events::Direction::Note, stream_.tls_version() + " " + stream_.tls_cipher());
}

awaitable<void> Session::authenticate(Command command) {
  if (!context_.may_log_in(stream_.secure())) {
    error("[AUTH] say STLS first: no password in the clear");
    co_return;
  }
  if (command.text.empty()) {  // what clients asked before there was CAPA
    stream_.send(context_.gssapi ? "+OK these\r\nPLAIN\r\nLOGIN\r\nGSSAPI\r\n.\r\n"
                                 : "+OK these\r\nPLAIN\r\nLOGIN\r\n.\r\n");
    co_return;
  }
  auto exchange = SaslExchange::start(command.text, context_.kerberos_for("pop"));
  if (!exchange) {
    error(context_.gssapi ? "PLAIN, LOGIN and GSSAPI are spoken here" : "PLAIN and LOGIN are spoken here");
    co_return;
  }
  auto outcome =
      exchange->begin(command.initial ? std::optional<std::string_view>(*command.initial) : std::nullopt);
  while (outcome == SaslExchange::Outcome::Challenge) {
    stream_.send("+ " + exchange->challenge() + "\r\n");
    auto line = co_await stream_.read_line(limits_.line);
    if (!line) {
      end(line.error());
      co_return;
    }
    outcome = exchange->feed(line->text);
  }
  if (outcome == SaslExchange::Outcome::Refused) {
    log::warning("pop3: log-in from {} refused: {}", stream_.peer(), exchange->why());
    error("[AUTH] Kerberos does not vouch for you: " + exchange->why());
    over_ = over_ || ++failed_logins_ >= limits_.failed_logins;
    co_return;
  }
  if (outcome != SaslExchange::Outcome::Done) {
    error(outcome == SaslExchange::Outcome::Cancelled ? "cancelled" : "not what the mechanism says");
    co_return;
  }
  auto credentials = exchange->credentials();
  co_await log_in(std::move(credentials));
}

awaitable<void> Session::log_in(Credentials credentials) {
  const auto account = co_await context_.login.attempt(std::move(credentials), "pop3", stream_.peer());
  switch (account.outcome) {
    case Account::Outcome::Ok: break;
    case Account::Outcome::Unavailable:
      error("[SYS/TEMP] cannot ask the directory now; try again in a moment");
      co_return;
    case Account::Outcome::Denied:
    case Account::Outcome::Refused:
      error(account.outcome == Account::Outcome::Refused ? "[AUTH] " + account.why
                                                         : "[AUTH] wrong name or password");
      over_ = over_ || ++failed_logins_ >= limits_.failed_logins;
      co_return;
  }
  const auto snapshot = context_.store.read();
  const auto inbox = snapshot->mailbox(account.user, "INBOX");
  if (!inbox) {
    error("[SYS/TEMP] there is no mailbox yet; try again in a moment");
    co_return;
  }
  maildrop_.emplace(*snapshot, *inbox);
  errors_ = 0;
  ok(fmt::format("{} has {} messages", account.user, maildrop_->count()));
}

awaitable<void> Session::list(Command command) {
  const auto write = [&](std::string& out, std::uint32_t number) {
    command.verb == Verb::List ? maildrop_->write_size(out, number) : maildrop_->write_uidl(out, number);
  };
  if (command.message) {
    std::string line;
    write(line, *command.message);
    ok(std::string_view(line).substr(0, line.size() - 2));
    co_return;
  }
  ok(fmt::format("{} messages", maildrop_->count()));
  std::string out;
  for (std::uint32_t number = 1; number <= maildrop_->last(); ++number) {
    if (maildrop_->find(number) == nullptr) continue;
    write(out, number);
    if (out.size() < limits_.block) continue;
    stream_.expires_after(limits_.transfer);
    auto sent = co_await stream_.write(out);
    out.clear();
    if (!sent) {
      end(sent.error());
      co_return;
    }
  }
  stream_.send(out + ".\r\n");
}

awaitable<void> Session::retrieve(std::uint32_t number, std::uint64_t lines) {
  const auto uid = maildrop_->find(number)->uid;
  std::int64_t content = 0;
  std::size_t header_size = 0, size = 0;
  std::string bytes;
  {
    const auto snapshot = context_.store.read();
    snapshot->contents(maildrop_->mailbox(), uid, uid, [&](const MessageRow& row) {
      content = row.content(), header_size = row.header_size(), size = row.size();
      return true;
    });
    if (content != 0) bytes = snapshot->text(content, header_size, 0, std::min(size, limits_.block));
  }
  if (content == 0) {
    error("somebody else has deleted it");
    co_return;
  }
  ok(fmt::format("{} octets", size));
  DotStuffer stuffer(lines);
  std::string out;
  for (std::size_t at = 0;;) {
    at += bytes.size();
    const bool more = stuffer.add(bytes, out) && at < size;
    if (!more) stuffer.end(out);
    stream_.expires_after(limits_.transfer);
    auto sent = co_await stream_.write(out);
    if (!sent) {
      end(sent.error());
      co_return;
    }
    if (!more) break;
    out.clear();
    bytes = context_.store.read()->text(content, header_size, at, std::min(size, at + limits_.block));
    if (bytes.empty()) {  // deleted by another session in the middle: an answer cut short must not look whole
      log::info("pop3: {}: message {} was deleted while it was being read", stream_.peer(), number);
      over_ = true;
      co_return;
    }
  }
  if (events::listening())
    emit(events::Direction::Note, fmt::format("message {} sent, {} octets", number, size));
}

/// RFC 1939 6: the marked ones go, in one transaction, and +OK means that they are gone.
awaitable<void> Session::quit() {
  over_ = true;
  const auto marked = maildrop_->marked();
  if (!marked.empty()) {
    auto removed = co_await on_disk([&](Store::Done done) {
      context_.store.change(
          [id = maildrop_->mailbox(), marked](Writer& writer) { writer.expunge(id, marked, false); },
          std::move(done));
    });
    if (!removed) {
      log::error("pop3: {}", removed.error().text());
      error("[SYS/TEMP] nothing was deleted; the log says why");
      co_return;
    }
  }
  ok("goodbye");
}

void Session::ok(std::string_view text) {
  stream_.send(fmt::format("+OK {}\r\n", text));
  if (events::listening()) emit(events::Direction::Out, fmt::format("+OK {}", text));
}

void Session::error(std::string_view text) {
  stream_.send(fmt::format("-ERR {}\r\n", text));
  if (events::listening()) emit(events::Direction::Out, fmt::format("-ERR {}", text));
  if (++errors_ >= limits_.errors) over_ = true;
}

void Session::no_such(std::uint32_t number) { error(fmt::format("there is no message {}", number)); }

void Session::end(StreamError why) {
  over_ = true;  // without QUIT nothing is deleted (RFC 1939 6)
  switch (why) {
    case StreamError::Interrupted:
      stream_.send("-ERR [SYS/TEMP] " + context_.hostname + " is shutting down\r\n");
      break;
    case StreamError::Broken: log::debug("pop3: {}: {}", stream_.peer(), stream_.failure()); break;
    case StreamError::TimedOut:  // RFC 1939 3: closed without a word
    case StreamError::LineTooLong:
    case StreamError::Closed:
    case StreamError::Nudged: break;
  }
}

void Session::emit(events::Direction direction, std::string_view text) {
  events::emit({.protocol = "pop3",
                .session = number_,
                .direction = direction,
                .peer = stream_.peer(),
                .text = text,
                .message_id = {}});
}

awaitable<void> serve(Stream& stream, ServerContext& context, std::uint64_t session) {
  Session dialogue(stream, context, session);
  co_await dialogue.run();
}

}  // namespace lab::mail::pop3
