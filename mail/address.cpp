#include "mail/address.hpp"

#include <algorithm>

#include "common/address.hpp"

namespace lab::mail {
namespace {

bool is_utf8_octet(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 3.2.3, widened by RFC 6531 3.3.
bool is_atext(char c) {
  return is_alpha(c) || is_digit(c) || is_utf8_octet(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_label_char(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || is_utf8_octet(c); }

// Overlong forms, surrogates and cut sequences are not UTF-8 (RFC 3629 3).
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i++]);
    if (c < 0x80) continue;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4) return false;
    unsigned value = c & (0x3fU >> more);
    for (int n = 0; n < more; ++n) {
      if (i == text.size()) return false;
      auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      value = value << 6 | (next & 0x3fU);
    }
    if ((more == 2 && (value < 0x800 || (value >= 0xd800 && value < 0xe000))) ||
        (more == 3 && (value < 0x10000 || value > 0x10ffff)))
      return false;
  }
  return true;
}

std::optional<std::string> take_quoted(Cursor& cursor) {
  std::string text;
  if (!cursor.take('"')) return std::nullopt;
  while (!cursor.take('"')) {
    cursor.take('\\');
    if (cursor.at_end()) return std::nullopt;
    char c = cursor.take_any();
    // RFC 5321 4.1.2 qtextSMTP and quoted-pairSMTP: printable characters only; no control can hide in an
    // address.
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    text += c;
  }
  return text;
}

std::optional<std::string> take_dot_string(Cursor& cursor) {
  std::string text;
  do {
    if (!text.empty()) text += '.';
    auto atom = cursor.take_while(is_atext);
    if (atom.empty()) return std::nullopt;
    text += atom;
  } while (cursor.take('.'));
  return text;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), ascii_lower);
  return result;
}

std::optional<std::string> take_domain(Cursor& cursor) {
  std::string name;
  do {
    if (!name.empty()) name += '.';
    auto label = cursor.take_while(is_label_char);
    if (label.empty() || label.size() > AddressLimits::label || label.front() == '-' || label.back() == '-')
      return std::nullopt;
    name += lower(label);
  } while (cursor.take('.'));
  if (name.size() > AddressLimits::domain || !is_utf8(name)) return std::nullopt;
  return name;
}

std::optional<std::string> take_address_literal(Cursor& cursor) {
  if (!cursor.take('[')) return std::nullopt;
  bool v6 = cursor.take("IPv6:");
  auto inside = cursor.take_while([](char c) { return c != ']'; });
  auto address = IpAddress::parse(inside);
  if (!cursor.take(']') || !address || address->is_v4() == v6) return std::nullopt;
  return v6 ? "[IPv6:" + address->text() + "]" : "[" + address->text() + "]";
}

std::optional<Address> Address::take(Cursor& cursor) {
  auto local = cursor.peek() == '"' ? take_quoted(cursor) : take_dot_string(cursor);
  if (!local || local->empty() || local->size() > AddressLimits::local || !is_utf8(*local) ||
      !cursor.take('@'))
    return std::nullopt;
  auto domain = cursor.peek() == '[' ? take_address_literal(cursor) : take_domain(cursor);
  if (!domain) return std::nullopt;
  Address address;
  address.local_ = std::move(*local);
  address.domain_ = std::move(*domain);
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  Cursor cursor(text);
  auto address = take(cursor);
  if (!cursor.at_end()) return std::nullopt;
  return address;
}

bool Address::international() const {
  return std::any_of(local_.begin(), local_.end(), is_utf8_octet) ||
         std::any_of(domain_.begin(), domain_.end(), is_utf8_octet);
}

std::string Address::text() const {
  Cursor cursor(local_);
  auto plain = take_dot_string(cursor);
  if (plain && cursor.at_end()) return local_ + "@" + domain_;
  std::string quoted = "\"";
  for (char c : local_) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"@" + domain_;
}

std::string Address::key() const { return lower(local_) + "@" + domain_; }

std::string Address::key_without_tag() const {
  auto plus = local_.find('+');
  if (plus == 0 || plus == std::string::npos) return key();
  return lower(std::string_view(local_).substr(0, plus)) + "@" + domain_;
}

}  // namespace lab::mail
