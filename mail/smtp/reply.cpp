#include "mail/smtp/reply.hpp"

#include <fmt/core.h>

#include <utility>

#include "mail/cursor.hpp"

namespace lab::mail::smtp {
namespace {

constexpr int kMaxLines = 100;  // of one reply; an EHLO answer has about twenty

// RFC 2034 4: class "." subject "." detail, of the reply's own class.
std::string_view take_enhanced(Cursor& cursor, int code) {
  auto whole = cursor.rest();
  Cursor probe(whole);
  char leading = probe.take_any();
  bool right_class = leading == static_cast<char>('0' + code / 100) && leading != '3';
  auto number = [&] {
    auto n = probe.take_while(is_digit).size();
    return n >= 1 && n <= 3;
  };
  if (!right_class || !probe.take('.') || !number() || !probe.take('.') || !number()) return {};
  auto taken = whole.substr(0, whole.size() - probe.rest().size());
  if (!probe.at_end() && !probe.take(' ')) return {};
  cursor = probe;
  return taken;
}

}  // namespace

std::string Reply::wire() const {
  std::string out;
  std::string_view rest = text;
  for (;;) {
    auto end = rest.find('\n');
    bool last = end == std::string_view::npos;
    out += fmt::format("{}{}{}{}{}\r\n", code, last ? ' ' : '-', enhanced, enhanced.empty() ? "" : " ",
                       rest.substr(0, end));
    if (last) return out;
    rest.remove_prefix(end + 1);
  }
}

std::string Reply::line() const {
  std::string joined = text;
  for (auto& c : joined)
    if (c == '\n') c = ' ';
  return fmt::format("{} {}{}{}", code, enhanced, enhanced.empty() ? "" : " ", joined);
}

ReplyReader::Outcome ReplyReader::feed(std::string_view line) {
  if (line.size() < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]))
    return Outcome::Malformed;
  int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  bool more = line.size() > 3 && line[3] == '-';
  if (line.size() > 3 && line[3] != '-' && line[3] != ' ') return Outcome::Malformed;
  // RFC 5321 4.2.1: every line carries the same code.
  if (code < 200 || code > 599 || (lines_ > 0 && code != reply_.code) || ++lines_ > kMaxLines)
    return Outcome::Malformed;
  reply_.code = code;
  Cursor text(line.size() > 3 ? line.substr(4) : std::string_view());
  auto enhanced = take_enhanced(text, code);
  if (!enhanced.empty()) reply_.enhanced = enhanced;
  if (lines_ > 1) reply_.text += '\n';
  reply_.text += text.rest();
  return more ? Outcome::More : Outcome::Complete;
}

Reply ReplyReader::take() {
  lines_ = 0;
  return std::exchange(reply_, Reply{});
}

}  // namespace lab::mail::smtp
