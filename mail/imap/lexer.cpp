#include "mail/imap/lexer.hpp"

#include <array>
#include <charconv>

#include "mail/imap/utf7.hpp"
#include "mail/message/charset.hpp"
#include "mail/store/names.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail::imap {
namespace {

/// RFC 3501 9: atom-specials. Octets beyond ASCII are let in: names in UTF-8 come from clients that forgot to
/// encode them.
bool is_atom_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > ' ' && u != 0x7f && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}
bool is_astring_char(char c) {
  return is_atom_char(c);
}  // the grammar adds ']' to atoms, which is_atom_char has
bool is_list_char(char c) { return is_atom_char(c) || c == '%' || c == '*'; }

template <class T>
std::optional<T> parse_number(std::string_view digits) {
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

void Lexer::fail(std::string what) {
  if (ok()) error_ = std::move(what);
}

bool Lexer::take_word(std::string_view word) {
  if (!ok() || !equals_ignoring_case(at_.rest().substr(0, word.size()), word)) return false;
  if (const auto after = at_.rest().substr(word.size());
      !after.empty() && is_atom_char(after.front()) && after.front() != '[')
    return false;
  return at_.take(word);
}

void Lexer::expect(char c, const char* why) {
  if (!take(c)) fail(why);
}

void Lexer::space() {
  if (ok() && at_.skip_spaces() == 0) fail("a space is missing");
}

void Lexer::end() {
  if (!ok()) return;
  at_.skip_spaces();
  if (!at_.at_end()) fail("something follows the command");
}

std::string Lexer::tag() {
  const auto text = at_.take_while([](char c) { return is_astring_char(c) && c != '+'; });
  if (text.empty()) fail("a tag is missing");
  return std::string(text);
}

std::string Lexer::atom(const char* what) {
  if (!ok()) return {};
  const auto text = at_.take_while(is_atom_char);
  if (text.empty()) fail(std::string("expected ") + what);
  return std::string(text);
}

std::string_view Lexer::literal() {
  expect('{', "expected a literal");
  const auto size = parse_number<std::size_t>(at_.take_while(is_digit));
  if (!size) fail("a literal's size is missing");
  take('+');
  expect('}', "expected '}'");
  if (!take("\r\n")) fail("a literal begins on a new line");
  if (!ok() || at_.rest().size() < *size) {
    fail("a literal is cut short");
    return {};
  }
  const auto bytes = at_.rest().substr(0, *size);
  at_ = Cursor(at_.rest().substr(*size));
  return bytes;
}

std::string Lexer::string() {
  if (peek() == '{') return std::string(literal());
  expect('"', "expected a string");
  std::string text;
  while (ok() && !at_.take('"')) {
    if (at_.at_end()) fail("a quoted string does not end");
    at_.take('\\');
    text += at_.take_any();
  }
  return text;
}

std::string Lexer::astring() {
  if (peek() == '"' || peek() == '{') return string();
  if (!ok()) return {};
  const auto text = at_.take_while(is_astring_char);
  if (text.empty()) fail("expected a name or a string");
  return std::string(text);
}

std::string Lexer::utf8_name(std::string raw) {
  if (!message::is_ascii(raw)) {
    if (!message::is_utf8(raw)) fail("a mailbox name is neither modified UTF-7 nor UTF-8");
    return raw;
  }
  if (auto decoded = decode_utf7(raw)) return *decoded;
  return raw;  // a name with a lone '&' was made by a client that never read 5.1.3; it is its name
               // nevertheless
}

std::string Lexer::list_mailbox() {
  if (peek() == '"' || peek() == '{') return utf8_name(string());
  if (!ok()) return {};
  return utf8_name(std::string(at_.take_while(is_list_char)));
}

std::string Lexer::mailbox() {
  auto name = utf8_name(astring());
  // Thunderbird adds the separator to names it means to have inferiors (RFC 3501 6.3.3 allows it in CREATE).
  if (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return canonical_mailbox(name);
}

std::uint32_t Lexer::number() {
  if (!ok()) return 0;
  const auto value = parse_number<std::uint32_t>(at_.take_while(is_digit));
  if (!value) fail("expected a number");
  return value.value_or(0);
}

std::uint32_t Lexer::nz_number() {
  const auto value = number();
  if (ok() && value == 0) fail("numbers begin at 1");
  return value;
}

std::uint64_t Lexer::number64() {
  if (!ok()) return 0;
  const auto value = parse_number<std::uint64_t>(at_.take_while(is_digit));
  if (!value || *value > INT64_MAX) fail("expected a number of at most 63 bits");
  return value.value_or(0);
}

std::uint32_t Lexer::sequence_number() { return take('*') ? SequenceSet::kLast : nz_number(); }

SequenceSet Lexer::sequence_set() {
  SequenceSet set;
  do {
    const auto first = sequence_number();
    set.add(first, take(':') ? sequence_number() : first);
  } while (take(','));
  return set;
}

void Lexer::flag(FlagList& list) {
  struct Named {
    const char* name;
    std::int64_t bit;
  };
  static constexpr std::array<Named, 6> kSystem = {{{"Seen", kSeen},
                                                    {"Answered", kAnswered},
                                                    {"Flagged", kFlagged},
                                                    {"Deleted", kDeleted},
                                                    {"Draft", kDraft},
                                                    {"Recent", 0}}};
  if (!take('\\')) {
    auto word = atom("a flag");
    if (word.size() > 100) fail("a keyword is too long");
    if (word.find(']') != std::string::npos || !message::is_utf8(word)) fail("not a keyword");
    list.keywords.push_back(std::move(word));
    return;
  }
  const auto name = atom("a flag");
  for (const auto& known : kSystem)
    if (equals_ignoring_case(name, known.name)) {
      list.system |= known.bit;  // \Recent is the server's own: passed over (RFC 3501 2.3.2)
      return;
    }
  fail("unknown flag \\" + name);
}

FlagList Lexer::flags(bool parentheses_needed) {
  FlagList list;
  if (take('(')) {
    while (ok() && !take(')')) {
      flag(list);
      if (peek() != ')') space();
    }
    return list;
  }
  if (parentheses_needed) fail("expected '('");
  do flag(list);
  while (ok() && !at_end() && take(' '));
  return list;
}

message::Date Lexer::date_time() {
  const auto text = string();
  const auto date = message::parse_internal_date(text);
  if (!date) fail("not a date-time: \"" + text + "\"");
  return date.value_or(message::Date{});
}

std::int64_t Lexer::date() {
  const bool quoted = take('"');
  const auto day = number();
  expect('-', "not a date");
  const int month = message::month_number(at_.take_while(is_alpha));
  expect('-', "not a date");
  const auto year = number();
  if (quoted) expect('"', "not a date");
  const auto value = message::day_number(static_cast<int>(year), month, static_cast<int>(day));
  if (!value) fail("there is no such day");
  return value.value_or(0);
}

}  // namespace lab::mail::imap
