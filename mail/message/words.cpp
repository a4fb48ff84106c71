#include "mail/message/words.hpp"

#include <optional>

#include "mail/message/charset.hpp"
#include "mail/message/header.hpp"
#include "mail/message/transfer.hpp"
#include "mail/sasl.hpp"

namespace lab::message {
namespace {

struct Word {
  std::string_view charset;
  std::string bytes;
  std::size_t length = 0;  // of the encoded word, delimiters included
};

std::optional<Word> word_at(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const auto charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?')
    return std::nullopt;
  const auto end = text.find("?=", charset_end + 3);
  if (end == std::string_view::npos) return std::nullopt;
  auto charset = text.substr(2, charset_end - 2);
  charset = charset.substr(0, charset.find('*'));  // RFC 2231 5: a language may follow the charset
  std::string payload(text.substr(charset_end + 3, end - charset_end - 3));
  // Blanks are not allowed inside, but mailers write them and readers show them; only the next line of text
  // must not vanish.
  switch (text[charset_end + 1]) {
    case 'B':
    case 'b': payload = decode_base64(payload); break;
    case 'Q':
    case 'q':
      for (char& c : payload)
        if (c == '_') c = ' ';
      payload = decode_quoted_printable(payload);
      break;
    default: return std::nullopt;
  }
  return Word{charset, std::move(payload), end + 2};
}

}  // namespace

std::string decode_words(std::string_view unfolded) {
  std::string out,
      pending;  // `pending`: bytes of adjacent words of one charset; a character may span two of them
  std::string_view charset;
  std::string_view rest = unfolded;
  const auto flush = [&] {
    if (!pending.empty()) out += to_utf8(charset, pending);
    pending.clear();
  };
  while (!rest.empty()) {
    const auto start = rest.find("=?");
    const auto plain = rest.substr(0, start);
    const bool between = !pending.empty() && plain.find_first_not_of(" \t") == std::string_view::npos;
    if (start == std::string_view::npos) {
      flush();
      out += to_utf8({}, plain);
      return out;
    }
    rest.remove_prefix(start);
    if (auto word = word_at(rest)) {
      // RFC 2047 6.2: blanks between two encoded words are not shown.
      if (!between) {
        flush();
        out += to_utf8({}, plain);
      } else if (!equals_ignoring_case(charset, word->charset)) {
        flush();
      }
      charset = word->charset;
      pending += word->bytes;
      rest.remove_prefix(word->length);
      if (pending.empty()) pending.clear();
    } else {
      flush();
      out += to_utf8({}, plain);
      out += "=?";
      rest.remove_prefix(2);
    }
  }
  flush();
  return out;
}

std::string encode_words(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string(utf8);
  // 45 bytes are 60 of base64; with =?UTF-8?B?…?= that is 72 characters.
  constexpr std::size_t kBytesPerWord = 45;
  std::string out;
  while (!utf8.empty()) {
    std::size_t take = std::min(kBytesPerWord, utf8.size());
    while (take < utf8.size() && take > kBytesPerWord - 4 &&
           (static_cast<unsigned char>(utf8[take]) & 0xc0) == 0x80)
      --take;
    if (!out.empty()) out += ' ';
    out += "=?UTF-8?B?" + mail::base64_encode(utf8.substr(0, take)) + "?=";
    utf8.remove_prefix(take);
  }
  return out;
}

}  // namespace lab::message
