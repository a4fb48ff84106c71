#include "mail/imap/command_reader.hpp"

#include <charconv>

#include "mail/cursor.hpp"

namespace lab::mail::imap {
namespace {

struct Announced {
  bool any = false, plus = false, sane = true;
  std::size_t size = 0;
};

/// `… {123}` or `… {123+}` at the end of a line.
Announced announced(std::string_view line) {
  Announced out;
  if (!line.ends_with('}')) return out;
  const auto open = line.rfind('{');
  if (open == std::string_view::npos) return out;
  auto digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) {
    out.plus = true;
    digits.remove_suffix(1);
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return out;
  out.any = true;
  out.sane = std::from_chars(digits.data(), digits.data() + digits.size(), out.size).ec == std::errc();
  return out;
}

}  // namespace

std::size_t CommandReader::limit(bool logged_in) const {
  if (!logged_in) return limits_.literal_before_login;
  Cursor at(text_);
  at.take_while([](char c) { return c != ' '; });
  at.skip_spaces();
  return at.take("APPEND ") ? limits_.message : limits_.literal;
}

CommandReader::Next CommandReader::add_line(std::string_view line, bool logged_in) {
  const auto literal = announced(line);
  if (draining_) {
    literal_ = literal.size;
    if (literal.any && (!literal.sane || literal.size > limits_.drained)) return Next::Hopeless;
    if (literal.any && literal.plus) return Next::Drain;
    draining_ = false;
    return Next::TooBig;  // all of the refused command has gone by
  }
  text_ += line;
  if (!literal.any) return Next::Complete;
  small_ += line.size();
  literal_ = literal.size;
  const bool fits = literal.sane && literal.size <= limit(logged_in) && ++literals_ <= limits_.literals &&
                    small_ <= limits_.line && text_.size() <= limits_.message + limits_.line;
  if (fits) {
    go_ahead_ = !literal.plus;
    text_ += "\r\n";
    return Next::Literal;
  }
  if (!literal.plus) return Next::TooBig;
  if (!literal.sane || literal.size > limits_.drained || !logged_in) return Next::Hopeless;
  draining_ = true;
  return Next::Drain;
}

char* CommandReader::literal_space() {
  text_.resize(text_.size() + literal_);
  return text_.data() + (text_.size() - literal_);
}

std::string_view CommandReader::tag() const { return std::string_view(text_).substr(0, text_.find(' ')); }

void CommandReader::clear() {
  // A message's memory is given back at once; an idle dialogue holds a line's.
  if (text_.capacity() > limits_.literal_before_login) text_ = std::string();
  text_.clear();
  literal_ = literals_ = small_ = 0;
  go_ahead_ = draining_ = false;
}

}  // namespace lab::mail::imap
