#include "mail/message/charset.hpp"

#include <iconv.h>
#include <locale.h>
#include <wctype.h>

#include <array>
#include <cstdint>
#include <optional>

#include "mail/message/header.hpp"

namespace lab::message {
namespace {

class Converter {
 public:
  explicit Converter(const std::string& charset) : handle_(iconv_open("UTF-8", charset.c_str())) {}
  ~Converter() {
    if (ok()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  bool ok() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  std::string run(std::string_view bytes) {
    std::string out;
    std::array<char, 4096> buffer{};
    char* in =
        const_cast<char*>(bytes.data());  // iconv does not write there; its prototype is older than const
    std::size_t left = bytes.size();
    while (left > 0) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const auto status = iconv(handle_, &in, &left, &to, &room);
      out.append(buffer.data(), static_cast<std::size_t>(to - buffer.data()));
      if (status == static_cast<std::size_t>(-1) && room == buffer.size() && left > 0) {
        out += "\xEF\xBF\xBD";  // U+FFFD for a byte that means nothing in this charset
        ++in;
        --left;
        iconv(handle_, nullptr, nullptr, nullptr, nullptr);
      }
    }
    return out;
  }

 private:
  iconv_t handle_;
};

/// A charset label from a message goes to iconv_open, which reads files by it: only names as IANA spells
/// them.
bool plausible(std::string_view charset) {
  return !charset.empty() && charset.size() <= 40 &&
         charset.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") ==
             std::string_view::npos;
}

bool is_unicode_label(std::string_view charset) {
  return equals_ignoring_case(charset, "utf-8") || equals_ignoring_case(charset, "utf8") ||
         equals_ignoring_case(charset, "us-ascii") || charset.empty();
}

/// One code point of valid or invalid UTF-8; an invalid byte stands for itself with a length of 1 and no
/// value.
std::optional<char32_t> decode(std::string_view text, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  length = 1;
  if (first < 0x80) return first;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return std::nullopt;
  char32_t point = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
    return std::nullopt;
  length = size;
  return point;
}

void encode(char32_t point, std::string& out) {
  const auto tail = [&](unsigned shift) { out.push_back(static_cast<char>(0x80 | (point >> shift & 0x3f))); };
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | point >> 12));
    tail(6), tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | point >> 18));
    tail(12), tail(6), tail(0);
  }
}

char32_t small(char32_t point) {
  // glibc's own C.UTF-8, whatever locale the daemon runs in; loaded when the first letter beyond ASCII comes.
  static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kUnicode == nullptr ? point
                             : static_cast<char32_t>(towlower_l(static_cast<wint_t>(point), kUnicode));
}

}  // namespace

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0, length = 0; i < text.size(); i += length)
    if (!decode(text.substr(i, 4), length)) return false;
  return true;
}

bool knows_charset(std::string_view charset) {
  return is_unicode_label(charset) || (plausible(charset) && Converter(std::string(charset)).ok());
}

std::string to_utf8(std::string_view charset, std::string_view bytes) {
  if (is_unicode_label(charset)) {
    if (is_utf8(bytes)) return std::string(bytes);
  } else if (plausible(charset)) {
    if (Converter converter{std::string(charset)}; converter.ok()) return converter.run(bytes);
    if (is_utf8(bytes)) return std::string(bytes);
  }
  Converter windows("WINDOWS-1252");
  return windows.ok() ? windows.run(bytes) : std::string(bytes);
}

namespace {

/// Folds the ASCII that `text` begins with, and says how much that was. Every delivered byte passes here: it
/// writes into room made beforehand, for ASCII never grows.
std::size_t fold_ascii_onto(std::string& out, std::string_view text, bool& blank) {
  const auto run = static_cast<std::size_t>(
      std::find_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }) -
      text.begin());
  const auto start = out.size();
  out.resize(start + run);
  char* to = out.data() + start;
  for (std::size_t i = 0; i < run; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= ' ') {
      if (!blank) *to++ = ' ';
      blank = true;
      continue;
    }
    blank = false;
    *to++ = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return run;
}

}  // namespace

void fold_onto(std::string& out, std::string_view utf8) {
  bool blank = !out.empty() && out.back() == ' ';
  out.reserve(out.size() + utf8.size());
  for (std::size_t i = 0; i < utf8.size();) {
    if (static_cast<unsigned char>(utf8[i]) < 0x80) {
      i += fold_ascii_onto(out, utf8.substr(i), blank);
      continue;
    }
    blank = false;
    std::size_t length = 0;
    if (const auto point = decode(utf8.substr(i, 4), length)) {
      encode(small(*point), out);
    } else {
      out.push_back(utf8[i]);
    }
    i += length;
  }
}

std::string fold(std::string_view utf8) {
  std::string out;
  fold_onto(out, utf8);
  const auto begin = out.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return out.substr(begin, out.find_last_not_of(' ') - begin + 1);
}

}  // namespace lab::message
