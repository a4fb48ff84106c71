#include "mail/imap/utf7.hpp"

#include <cstdint>

namespace lab::mail::imap {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool plain(char c) { return c >= ' ' && c <= '~'; }

/// The code point that valid UTF-8 begins with.
char32_t take(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  char32_t point = size == 1 ? first : first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size && i < text.size(); ++i)
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  text.remove_prefix(std::min(size, text.size()));
  return point;
}

void put(std::string& out, char32_t point) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6), tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12), tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0);
  }
}

}  // namespace

std::string encode_utf7(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    if (plain(utf8.front())) {
      out += utf8.front();
      if (utf8.front() == '&') out += '-';
      utf8.remove_prefix(1);
      continue;
    }
    out += '&';
    std::uint32_t bits = 0;
    int held = 0;
    const auto unit = [&](std::uint32_t value) {  // 16 bits of UTF-16
      bits = bits << 16 | value;
      for (held += 16; held >= 6; held -= 6) out += kAlphabet[bits >> (held - 6) & 63];
      bits &= (1U << held) - 1;
    };
    while (!utf8.empty() && !plain(utf8.front())) {
      const auto point = take(utf8);
      if (point >= 0x10000) {
        unit(0xd800 + ((point - 0x10000) >> 10));
        unit(0xdc00 + ((point - 0x10000) & 0x3ff));
      } else {
        unit(point);
      }
    }
    if (held > 0) out += kAlphabet[bits << (6 - held) & 63];
    out += '-';
  }
  return out;
}

std::optional<std::string> decode_utf7(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '&') {
      out += text[i];
      continue;
    }
    const auto end = text.find('-', i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    if (end == i + 1) {
      out += '&';
      i = end;
      continue;
    }
    std::uint32_t bits = 0;
    int held = 0;
    char32_t high = 0;
    for (++i; i < end; ++i) {
      const auto value = kAlphabet.find(text[i]);
      if (value == std::string_view::npos) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
      held += 6;
      if (held < 16) continue;
      held -= 16;
      const char32_t unit = bits >> held & 0xffff;
      bits &= (1U << held) - 1;
      if (unit >= 0xd800 && unit < 0xdc00) {
        if (high != 0) return std::nullopt;
        high = unit;
      } else if (unit >= 0xdc00 && unit < 0xe000) {
        if (high == 0) return std::nullopt;
        put(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        high = 0;
      } else {
        if (high != 0) return std::nullopt;
        put(out, unit);
      }
    }
    if (high != 0 || bits != 0 || held >= 6) return std::nullopt;  // what is left over must be nothing
  }
  return out;
}

}  // namespace lab::mail::imap
