#include "mail/smtp/path.hpp"

#include <charconv>

namespace lab::mail::smtp {
namespace {

// RFC 5321 4.1.2 A-d-l: a source route, `@a,@b:`. Servers must take it and should ignore it (RFC
// 5321 4.1.1.3, C).
bool skip_source_route(Cursor& cursor) {
  if (cursor.peek() != '@') return true;
  do {
    if (!cursor.take('@') || !take_domain(cursor)) return false;
  } while (cursor.take(','));
  return cursor.take(':');
}

bool take_inside(Cursor& cursor, Path& path) {
  if (cursor.peek() == '>') {
    path.null = true;
    return true;
  }
  Cursor probe = cursor;
  if (probe.take("postmaster") && probe.peek() == '>') {
    path.postmaster = true;
    cursor = probe;
    return true;
  }
  if (!skip_source_route(cursor)) return false;
  path.address = Address::take(cursor);
  return path.address.has_value();
}

// RFC 5321 4.1.2: esmtp-param = esmtp-keyword ["=" esmtp-value].
bool take_parameters(Cursor& cursor, std::vector<Parameter>& parameters) {
  constexpr std::size_t kMost = 16;
  while (cursor.skip_spaces() > 0 && !cursor.at_end()) {
    Parameter parameter;
    auto name = cursor.take_while([](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
    if (name.empty() || name.front() == '-' || parameters.size() == kMost) return false;
    for (char c : name)
      parameter.name += static_cast<char>(ascii_lower(c) != c || !is_alpha(c) ? c : c - 'a' + 'A');
    if (cursor.take('=')) {
      parameter.value = cursor.take_while(
          [](char c) { return c != ' ' && c != '=' && static_cast<unsigned char>(c) > 0x20; });
      if (parameter.value.empty()) return false;
    }
    parameters.push_back(std::move(parameter));
  }
  return cursor.at_end();
}

}  // namespace

PathArgument parse_path(Cursor& cursor, std::string_view keyword) {
  PathArgument argument;
  auto error = [&](PathError e) {
    argument.error = e;
    return argument;
  };
  cursor.skip_spaces();
  if (!cursor.take(keyword)) return error(PathError::Syntax);
  cursor.skip_spaces();
  auto before = cursor.rest().size();
  if (!cursor.take('<')) return error(PathError::NoBrackets);
  if (!take_inside(cursor, argument.path) || !cursor.take('>')) return error(PathError::Syntax);
  if (before - cursor.rest().size() > AddressLimits::path + 2) return error(PathError::TooLong);
  if (!take_parameters(cursor, argument.parameters)) return error(PathError::Syntax);
  return argument;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace lab::mail::smtp
