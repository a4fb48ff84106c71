#include "mail/pop3/command.hpp"

#include <array>
#include <charconv>

#include "mail/cursor.hpp"

namespace lab::mail::pop3 {
namespace {

enum class Takes { Nothing, Text, Password, Mechanism, MaybeMessage, Message, MessageAndLines };

struct Row {
  std::string_view word;
  Verb verb;
  Takes takes;
};

constexpr std::array kCommands = {
    Row{"CAPA", Verb::Capa, Takes::Nothing},      Row{"STLS", Verb::Stls, Takes::Nothing},
    Row{"USER", Verb::User, Takes::Text},         Row{"PASS", Verb::Pass, Takes::Password},
    Row{"AUTH", Verb::Auth, Takes::Mechanism},    Row{"QUIT", Verb::Quit, Takes::Nothing},
    Row{"NOOP", Verb::Noop, Takes::Nothing},      Row{"STAT", Verb::Stat, Takes::Nothing},
    Row{"LIST", Verb::List, Takes::MaybeMessage}, Row{"UIDL", Verb::Uidl, Takes::MaybeMessage},
    Row{"RETR", Verb::Retr, Takes::Message},      Row{"TOP", Verb::Top, Takes::MessageAndLines},
    Row{"DELE", Verb::Dele, Takes::Message},      Row{"RSET", Verb::Rset, Takes::Nothing},
};

template <class T>
std::optional<T> number(Cursor& at) {
  const auto digits = at.take_while(is_digit);
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::expected<Command, std::string> parse_command(std::string_view line) {
  Cursor at(line);
  const auto word = at.take_while([](char c) { return c != ' '; });
  const Row* row = nullptr;
  for (const auto& each : kCommands)
    if (equals_ignoring_case(word, each.word)) row = &each;
  if (row == nullptr) return std::unexpected("unknown command");
  Command command;
  command.verb = row->verb;
  if (row->takes == Takes::Password) {  // RFC 1939 7: all behind the one blank, blanks too
    at.take(' ');
    command.text = at.rest();
    return command;
  }
  at.skip_spaces();
  const auto bad = [&](const char* what) { return std::unexpected(std::string(row->word) + " " + what); };
  switch (row->takes) {
    case Takes::Nothing: break;
    case Takes::Password: break;
    case Takes::Text:
      command.text = at.take_while([](char c) { return c != ' '; });
      if (command.text.empty()) return bad("needs a name");
      break;
    case Takes::Mechanism:  // alone it asks which there are
      command.text = at.take_while([](char c) { return c != ' '; });
      at.skip_spaces();
      if (!at.at_end()) command.initial = std::string(at.take_while([](char c) { return c != ' '; }));
      break;
    case Takes::MaybeMessage:
    case Takes::Message:
    case Takes::MessageAndLines:
      if (at.at_end() && row->takes == Takes::MaybeMessage) break;
      command.message = number<std::uint32_t>(at);
      if (!command.message) return bad("needs a message number");
      if (row->takes == Takes::MessageAndLines) {
        at.skip_spaces();
        const auto lines = number<std::uint64_t>(at);
        if (!lines) return bad("needs a number of lines");
        command.lines = *lines;
      }
      break;
  }
  at.skip_spaces();
  if (!at.at_end()) return bad("is followed by too much");
  return command;
}

bool DotStuffer::add(std::string_view piece, std::string& out) {
  for (std::size_t i = 0; i < piece.size();) {
    if (at_line_start_) {
      if (!in_header_ && left_ == 0) return false;
      if (piece[i] == '.') out += '.';
      at_line_start_ = false;
      line_empty_ = true;
    }
    const auto end = piece.find('\n', i);
    const auto part = piece.substr(i, end == std::string_view::npos ? end : end - i + 1);
    line_empty_ = line_empty_ && part.find_first_not_of("\r\n") == std::string_view::npos;
    out += part;
    i += part.size();
    if (end == std::string_view::npos) break;
    at_line_start_ = true;
    if (!in_header_)
      --left_;
    else if (line_empty_)
      in_header_ = false;
  }
  return in_header_ || left_ > 0;
}

void DotStuffer::end(std::string& out) const { out += at_line_start_ ? ".\r\n" : "\r\n.\r\n"; }

}  // namespace lab::mail::pop3
