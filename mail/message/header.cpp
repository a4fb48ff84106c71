#include "mail/message/header.hpp"

namespace lab::message {
namespace {

bool blank(char c) { return c == ' ' || c == '\t'; }

/// One line with its line end, taken off `text`.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
  text.remove_prefix(line.size());
  return line;
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::optional<Field> FieldReader::next() {
  while (!rest_.empty()) {
    const char* const begin = rest_.data();
    const auto line = without_end(take_line(rest_));
    if (line.empty()) {
      rest_ = {};
      return std::nullopt;
    }
    while (!rest_.empty() && blank(rest_.front()) &&
           !without_end(rest_.substr(0, rest_.find('\n') + 1)).empty())
      take_line(rest_);
    const std::string_view raw(begin, static_cast<std::size_t>(rest_.data() - begin));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || blank(line.front())) continue;
    auto name = raw.substr(0, colon);
    while (!name.empty() && blank(name.back()))
      name.remove_suffix(1);  // RFC 5322 4.5.8: blanks before the colon
    if (name.empty()) continue;
    return Field{name, without_end(raw.substr(colon + 1)), raw};
  }
  return std::nullopt;
}

std::size_t header_size(std::string_view message) {
  auto rest = message;
  while (!rest.empty()) {
    if (without_end(take_line(rest)).empty()) break;
  }
  return message.size() - rest.size();
}

std::string unfold(std::string_view value) {
  std::string text;
  text.reserve(value.size());
  for (const char c : value)
    if (c != '\r' && c != '\n' && c != '\0') text.push_back(c);
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::string> first(std::string_view header, std::string_view name) {
  FieldReader fields(header);
  while (auto field = fields.next())
    if (equals_ignoring_case(field->name, name)) return unfold(field->value);
  return std::nullopt;
}

}  // namespace lab::message
