#include "mail/smtp/client.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "common/events.hpp"
#include "common/log.hpp"
#include "mail/address.hpp"
#include "mail/message/header.hpp"
#include "mail/smtp/data_decoder.hpp"
#include "mail/smtp/path.hpp"

namespace lab::mail::smtp {

using queue::Verdict;

namespace {

std::uint64_t next_session() {
  static std::uint64_t number = 0;  // all clients live on the one io thread
  return ++number;
}

bool is_8bit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

Verdict refused(std::string status, std::string text, std::string remote) {
  return {Verdict::Outcome::Never, std::move(status), std::move(text), std::move(remote)};
}

}  // namespace

Client::Client(Stream& stream, std::string hostname, std::string remote, ClientLimits limits)
    : stream_(stream),
      hostname_(std::move(hostname)),
      remote_(std::move(remote)),
      limits_(limits),
      session_(next_session()) {}

void Client::say(std::string_view line) {
  stream_.send(line);
  stream_.send("\r\n");
  if (events::listening())
    events::emit({.protocol = "smtp-out",
                  .session = session_,
                  .direction = events::Direction::Out,
                  .peer = stream_.peer(),
                  .text = line});
}

awaitable<Client::Answer> Client::read_reply(std::chrono::seconds time) {
  ReplyReader reader;
  stream_.expires_after(time);
  for (;;) {
    auto line = co_await stream_.read_line(limits_.reply_line);
    if (!line) {
      alive_ = false;
      co_return std::unexpected(line.error());
    }
    if (events::listening())
      events::emit({.protocol = "smtp-out",
                    .session = session_,
                    .direction = events::Direction::In,
                    .peer = stream_.peer(),
                    .text = line->text});
    switch (reader.feed(line->text)) {
      case ReplyReader::Outcome::More: break;
      case ReplyReader::Outcome::Complete: {
        auto reply = reader.take();
        if (reply.code == 421) alive_ = false;  // RFC 5321 3.8: it hangs up
        co_return reply;
      }
      case ReplyReader::Outcome::Malformed: alive_ = false; co_return std::unexpected(StreamError::Broken);
    }
  }
}

awaitable<Client::Answer> Client::command(std::string line, std::chrono::seconds time) {
  say(line);
  co_return co_await read_reply(time);
}

Verdict Client::verdict_of(const Answer& answer) const {
  Verdict verdict;
  verdict.remote = remote_;
  if (!answer) {
    verdict.status = "4.4.2";
    verdict.text = answer.error() == StreamError::Broken && !stream_.failure().empty()
                       ? stream_.failure()
                       : describe(answer.error());
    return verdict;
  }
  verdict.text = answer->line();
  verdict.outcome = answer->positive()    ? Verdict::Outcome::Delivered
                    : answer->temporary() ? Verdict::Outcome::Later
                                          : Verdict::Outcome::Never;
  verdict.status = !answer->enhanced.empty() ? answer->enhanced : fmt::format("{}.0.0", answer->code / 100);
  return verdict;
}

bool Client::offers(std::string_view keyword) const {
  return std::any_of(extensions_.begin(), extensions_.end(), [&](const std::string& line) {
    return equals_ignoring_case(std::string_view(line).substr(0, line.find(' ')), keyword);
  });
}

awaitable<Client::Answer> Client::greet() {
  auto answer = co_await command("EHLO " + hostname_, limits_.command);
  extensions_.clear();
  if (answer && answer->permanent() && alive_)  // RFC 5321 3.2: an old server
    co_return co_await command("HELO " + hostname_, limits_.command);
  if (!answer || !answer->positive()) co_return answer;
  std::string_view text = answer->text;
  auto first = text.find('\n');
  while (first != std::string_view::npos) {
    text.remove_prefix(first + 1);
    first = text.find('\n');
    extensions_.emplace_back(text.substr(0, first));
  }
  co_return answer;
}

awaitable<Verdict> Client::hello(tls::Context tls) {
  auto greeting = co_await read_reply(limits_.greeting);
  auto verdict = verdict_of(greeting);
  if (verdict.outcome != Verdict::Outcome::Delivered) co_return verdict;
  auto welcome = co_await greet();
  verdict = verdict_of(welcome);
  if (verdict.outcome != Verdict::Outcome::Delivered || !tls || !offers("STARTTLS")) co_return verdict;
  auto ready = co_await command("STARTTLS", limits_.command);
  if (!ready || !ready->positive()) {
    tls_failed_ = true;
    co_return verdict_of(ready);
  }
  stream_.expires_after(limits_.connect);
  // A name of its own: g++ 12 destroys a conditional temporary inside a co_await twice.
  const std::string name = remote_.starts_with('[') ? "" : remote_;
  auto done = co_await stream_.connect_tls(tls, name);
  if (!done) {
    tls_failed_ = true;
    alive_ = false;
    log::info("smtp: {}: TLS failed ({}); once more in clear", remote_, stream_.failure());
    co_return verdict_of(std::unexpected(done.error()));
  }
  auto inside = co_await greet();
  co_return verdict_of(inside);
}

awaitable<Client::Answer> Client::send_text(std::string_view message) {
  auto text = dot_stuffed(message);
  constexpr std::size_t kBlock = std::size_t{256} * 1024;
  for (std::string_view rest = text; !rest.empty();) {
    auto block = rest.substr(0, kBlock);
    rest.remove_prefix(block.size());
    stream_.expires_after(limits_.data_block);
    stream_.send(block);
    auto sent = co_await stream_.flush();
    if (!sent) {
      alive_ = false;
      co_return std::unexpected(sent.error());
    }
  }
  co_return co_await read_reply(limits_.data_end);
}

std::expected<std::string, Verdict> Client::mail_command(const queue::Parcel& parcel,
                                                         std::string_view message) const {
  bool utf8_address = is_8bit(parcel.message.return_path);
  for (auto& r : parcel.recipients) utf8_address = utf8_address || is_8bit(r.address);
  // iOS asks for SMTPUTF8 with every message; what counts is whether this one needs it.
  bool utf8_header = parcel.message.smtputf8 && is_8bit(message.substr(0, message::header_size(message)));
  bool utf8 = utf8_address || utf8_header;
  if (utf8 && !offers("SMTPUTF8"))
    return std::unexpected(
        refused("5.6.7", "this server takes no addresses beyond ASCII (SMTPUTF8)", remote_));
  std::string mail = "MAIL FROM:<" + parcel.message.return_path + ">";
  for (auto& line : extensions_) {
    Cursor cursor(line);
    if (!cursor.take("SIZE")) continue;
    cursor.skip_spaces();
    auto limit = parse_number(cursor.rest()).value_or(0);
    if (limit != 0 && message.size() > limit)
      return std::unexpected(refused(
          "5.3.4", fmt::format("the message has {} bytes; this server takes {}", message.size(), limit),
          remote_));
    mail += fmt::format(" SIZE={}", message.size());
  }
  if (offers("8BITMIME") && (parcel.message.body_8bit || is_8bit(message))) mail += " BODY=8BITMIME";
  if (utf8) mail += " SMTPUTF8";
  return mail;
}

// Replies are awaited into names, never inside another expression: g++ 12 destroys such temporaries twice.
awaitable<Client::Answer> Client::envelope(const queue::Parcel& parcel, std::string mail,
                                           std::vector<Verdict>& verdicts) {
  bool pipelining = offers("PIPELINING");
  say(mail);
  if (pipelining) {
    for (auto& recipient : parcel.recipients) say("RCPT TO:<" + recipient.address + ">");
    say("DATA");
  }
  auto sender = co_await read_reply(limits_.command);
  bool refused = sender && !sender->positive();
  if (!alive_ || (refused && !pipelining)) {
    verdicts.assign(parcel.recipients.size(), verdict_of(sender));
    co_return sender;
  }
  bool any = false;
  for (auto& recipient : parcel.recipients) {
    if (!pipelining) say("RCPT TO:<" + recipient.address + ">");
    auto answer = co_await read_reply(limits_.command);
    verdicts.push_back(verdict_of(answer));
    any = any || verdicts.back().outcome == Verdict::Outcome::Delivered;
    if (!alive_) break;
  }
  if (!alive_ || (!any && !pipelining)) co_return std::unexpected(StreamError::Closed);
  if (!pipelining) say("DATA");
  auto go = co_await read_reply(limits_.data_start);
  if (refused) verdicts.assign(parcel.recipients.size(), verdict_of(sender));
  co_return go;
}

awaitable<std::vector<Verdict>> Client::send(const queue::Parcel& parcel, std::string_view message) {
  std::vector<Verdict> verdicts;
  auto mail = mail_command(parcel, message);
  if (!mail) {
    verdicts.assign(parcel.recipients.size(), mail.error());
    co_return verdicts;
  }
  if (used_) {
    auto reset = co_await command("RSET", limits_.command);
    if (!reset) {
      verdicts.assign(parcel.recipients.size(), verdict_of(reset));
      co_return verdicts;
    }
  }
  used_ = true;
  auto settle = [&](const Answer& answer) {
    for (auto& v : verdicts)
      if (v.outcome == Verdict::Outcome::Delivered) v = verdict_of(answer);
    verdicts.resize(parcel.recipients.size(), verdict_of(std::unexpected(StreamError::Closed)));
  };
  auto go = co_await envelope(parcel, std::move(*mail), verdicts);
  if (!go || go->code != 354) {
    settle(go);
    co_return verdicts;
  }
  bool any = std::any_of(verdicts.begin(), verdicts.end(),
                         [](auto& v) { return v.outcome == Verdict::Outcome::Delivered; });
  // RFC 2920 3.1: a server may say 354 though it took no recipient; an empty message gets us out of there.
  auto end = co_await send_text(any ? message : std::string_view());
  settle(end);
  co_return verdicts;
}

awaitable<void> Client::quit() {
  if (alive_) {
    auto goodbye = co_await command("QUIT", limits_.quit);
    (void)goodbye;  // whatever it says, we leave
  }
  co_await stream_.close();
}

}  // namespace lab::mail::smtp
