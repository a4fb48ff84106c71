#include "mail/imap/session.hpp"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>

#include <array>

#include "common/log.hpp"
#include "mail/imap/parse.hpp"
#include "mail/on_disk.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::imap {
namespace {

enum State : unsigned { kNotLoggedIn = 1, kLoggedIn = 2, kSelected = 4 };
constexpr unsigned kAny = kNotLoggedIn | kLoggedIn | kSelected, kIn = kLoggedIn | kSelected;

// RFC 3501 3: when each command may be said, in the order of `Request`.
constexpr std::array kStates = {
    kAny,
    kAny,
    kAny,
    unsigned{kNotLoggedIn},  // CAPABILITY NOOP LOGOUT STARTTLS
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},
    kIn,
    kIn,
    kAny,  // CHECK CLOSE UNSELECT IDLE NAMESPACE ID
    unsigned{kNotLoggedIn},
    unsigned{kNotLoggedIn},
    kIn,  // AUTHENTICATE LOGIN ENABLE
    kIn,
    kIn,
    kIn,
    kIn,
    kIn,
    kIn,
    kIn,
    kIn,  // SELECT CREATE DELETE RENAME SUBSCRIBE LIST STATUS APPEND
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},
    unsigned{kSelected},  // EXPUNGE SEARCH SORT THREAD FETCH STORE COPY
    kIn,
    kIn,  // GETQUOTA GETQUOTAROOT
};
static_assert(kStates.size() == std::variant_size_v<Request>);

/// RFC 3501 7.4.1: numbers must not shift under a command that uses them.
bool may_expunge_after(const Command& command) {
  const bool by_number =
      std::holds_alternative<Fetch>(command.request) || std::holds_alternative<SetFlags>(command.request) ||
      std::holds_alternative<Search>(command.request) || std::holds_alternative<Sort>(command.request) ||
      std::holds_alternative<Thread>(command.request);
  return command.uid || !by_number;
}

}  // namespace

Session::Session(Stream& stream, ServerContext& context, std::uint64_t number, const Limits& limits)
    : stream_(stream),
      context_(context),
      number_(number),
      limits_(limits),
      wake_(std::make_shared<Wake>(Wake{&stream})) {}

Session::~Session() { wake_->stream = nullptr; }

awaitable<void> Session::run() {
  say(fmt::format("* OK [CAPABILITY {}] {} ready\r\n", capabilities(), context_.hostname));
  while (!over_) {
    const bool asked = co_await read_command();
    if (!asked) break;
    co_await perform();
  }
  deselect();
  co_await stream_.close();
}

/// True when there is a command to perform; false at the end.
awaitable<bool> Session::read_command() {
  reader_.clear();
  for (;;) {
    const bool logged_in = !user_.empty();
    stream_.expires_after(logged_in ? limits_.idle : limits_.before_login);
    auto line = co_await stream_.read_line(logged_in ? limits_.line : limits_.line_before_login);
    if (!line && line.error() == StreamError::Nudged) continue;  // nobody idles any more
    if (!line && line.error() == StreamError::LineTooLong) {
      say("* BAD the line is too long\r\n");
      if (++errors_ >= limits_.errors) end(StreamError::LineTooLong);
      if (over_) co_return false;
      reader_.clear();
      continue;
    }
    if (!line) {
      end(line.error());
      co_return false;
    }
    if (line->text.empty() && reader_.text().empty())
      continue;  // what a client sends after a literal it counted short
    switch (reader_.add_line(line->text, logged_in)) {
      case CommandReader::Next::Complete: co_return true;
      case CommandReader::Next::Literal:
        co_await read_literal();
        if (over_) co_return false;
        break;
      case CommandReader::Next::Drain:
        co_await drain_literal();
        if (over_) co_return false;
        break;
      case CommandReader::Next::TooBig:
        finish(reader_.tag(), no("[TOOBIG] the literal is larger than this server takes"));
        if (++errors_ >= limits_.errors) end(StreamError::LineTooLong);
        if (over_) co_return false;
        reader_.clear();
        break;
      case CommandReader::Next::Hopeless:
        say("* BYE the literal is larger than this server will wait for\r\n");
        co_return false;
    }
  }
}

awaitable<void> Session::read_literal() {
  if (reader_.wants_go_ahead()) say("+ go ahead\r\n");
  char* space = reader_.literal_space();
  for (std::size_t left = reader_.literal_size(); left > 0;) {
    const auto piece = std::min(left, limits_.block);
    stream_.expires_after(user_.empty() ? limits_.before_login : limits_.transfer);
    if (auto read = co_await stream_.read_exactly({space, piece}); !read) {
      end(read.error());
      co_return;
    }
    space += piece;
    left -= piece;
  }
}

awaitable<void> Session::drain_literal() {
  for (std::size_t left = reader_.literal_size(); left > 0;) {
    if (stream_.buffered().empty()) {
      stream_.expires_after(limits_.transfer);
      if (auto more = co_await stream_.fill(); !more) {
        end(more.error());
        co_return;
      }
    }
    const auto piece = std::min(left, stream_.buffered().size());
    stream_.consume(piece);
    left -= piece;
  }
}

awaitable<void> Session::perform() {
  auto command = parse_command(reader_.text(), limits_);
  if (!command) {
    if (events::listening()) emit(events::Direction::In, command.error().tag + " (not understood)");
    const auto& why = command.error().why;
    const auto code = why.find('[');  // a response code goes first
    finish(command.error().tag, code == std::string::npos ? bad(why) : no(why.substr(code)));
    if (++errors_ >= limits_.errors) {
      say("* BYE too many commands that are none\r\n");
      over_ = true;
    }
    co_return;
  }
  if (events::listening()) {
    // Passwords never leave this process; a message's text has its own events.
    if (std::holds_alternative<LogIn>(command->request)) {
      emit(events::Direction::In,
           fmt::format("{} LOGIN {} ***", command->tag, std::get<LogIn>(command->request).user));
    } else if (std::holds_alternative<Authenticate>(command->request)) {
      emit(events::Direction::In, fmt::format("{} AUTHENTICATE {}", command->tag,
                                              std::get<Authenticate>(command->request).mechanism));
    } else {
      const std::string_view text = reader_.text();
      emit(events::Direction::In, text.substr(0, text.find('\r')));
    }
  }
  errors_ = 0;
  tag_ = command->tag;
  uid_command_ = command->uid;
  try {
    const auto result = co_await dispatch(*command);
    if (result.said) co_return;
    tell_changes(may_expunge_after(*command));
    finish(command->tag, result);
  } catch (const SQLite::Exception& e) {
    // A snapshot that cannot be read. What was said may end in the middle of an answer: only the end can
    // follow.
    log::error("imap: {}: {}", stream_.peer(), e.what());
    say("* BYE the mail store failed; the log says why\r\n");
    over_ = true;
  }
}

awaitable<Session::Result> Session::dispatch(Command& command) {
  const unsigned state = user_.empty() ? kNotLoggedIn : selected_ ? kSelected : kLoggedIn;
  const unsigned allowed = kStates[command.request.index()];
  if ((state & allowed) == 0) {
    if (user_.empty()) co_return bad("log in first");
    co_return bad(allowed == kSelected ? "select a mailbox first" : "you are logged in already");
  }
  // Visited in two steps: a coroutine's frame for each kind of command, not one with room for all.
  auto run = std::visit([this](auto& request) { return on(request); }, command.request);
  co_return co_await std::move(run);
}

void Session::end(StreamError error) {
  over_ = true;
  switch (error) {
    case StreamError::Interrupted:
      say("* BYE " + context_.hostname + " is shutting down; try again in a moment\r\n");
      break;
    case StreamError::TimedOut: say("* BYE waited too long; goodbye\r\n"); break;
    case StreamError::LineTooLong: say("* BYE too many commands that are none\r\n"); break;
    case StreamError::Broken: log::debug("imap: {}: {}", stream_.peer(), stream_.failure()); break;
    case StreamError::Closed:
    case StreamError::Nudged: break;
  }
}

void Session::finish(std::string_view tag, const Result& result) {
  say(fmt::format("{} {} {}\r\n", tag, result.status, result.text));
}

void Session::tell_changes(bool may_expunge) {
  if (!selected_) return;
  const bool changed = selected_->changed();
  if (!changed && (selected_->gone().empty() || !may_expunge)) return;
  std::string out;
  selected_->sync(*context_.store.read(), out, enabled_, may_expunge);
  say(out);
}

void Session::say(std::string_view text) {
  if (text.empty()) return;
  stream_.send(text);
  if (!events::listening()) return;
  for (auto rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find("\r\n"));
    emit(events::Direction::Out, line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  }
}

/// For long answers: sends and empties `text`. The dialogue is over when the client is gone.
awaitable<void> Session::say_much(std::string& text) {
  stream_.expires_after(limits_.transfer);
  if (events::listening()) emit(events::Direction::Out, std::string_view(text).substr(0, text.find("\r\n")));
  auto sent = co_await stream_.write(text);
  text.clear();
  if (!sent) end(sent.error());
}

void Session::note(std::string_view text) {
  if (events::listening()) emit(events::Direction::Note, text);
}

void Session::emit(events::Direction direction, std::string_view text) {
  events::emit({.protocol = "imap",
                .session = number_,
                .direction = direction,
                .peer = stream_.peer(),
                .text = text,
                .message_id = {}});
}

awaitable<Session::Result> Session::written(std::shared_ptr<const std::function<void(Writer&)>> work) {
  auto done = co_await on_disk([&](mail::Store::Done when_done) {
    context_.store.change([work](Writer& writer) { (*work)(writer); }, std::move(when_done));
  });
  co_return done ? ok({}) : broken(done.error());
}

Session::Result Session::refused(Refusal why) {
  switch (why) {
    case Refusal::NoSuchMailbox: return no("[NONEXISTENT] there is no such mailbox");
    case Refusal::AlreadyExists: return no("[ALREADYEXISTS] there is such a mailbox already");
    case Refusal::InUse: return no("[CANNOT] this mailbox cannot go there, or away");
    case Refusal::OverQuota: return no("[OVERQUOTA] the mailboxes are full");
    case Refusal::TooManyKeywords: return no("[LIMIT] the mailbox knows as many keywords as it can");
  }
  return no("refused");
}

Session::Result Session::broken(const Error& error) {
  log::error("imap: {}", error.text());
  return no("[SERVERBUG] the mail store failed; the log says why");
}

awaitable<void> serve(Stream& stream, ServerContext& context, std::uint64_t session) {
  Session dialogue(stream, context, session);
  co_await dialogue.run();
}

}  // namespace lab::mail::imap
