#include "directory/ldif.hpp"

#include <cstdint>

namespace lab::directory {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const auto have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (k < have ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

/// RFC 2849 SAFE-STRING; a trailing blank would be lost to whoever trims lines, so it is encoded too.
bool is_safe(std::string_view value) {
  if (value.empty()) return true;
  if (value.front() == ' ' || value.front() == ':' || value.front() == '<' || value.back() == ' ')
    return false;
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c != '\0' && c != '\n' && c != '\r' && c > 0; });
}

/// RFC 4512 2.5: a name or an OID, with options behind semicolons.
bool is_attribute(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ';';
  });
}

void write_line(std::string& out, std::string_view name, std::string_view value) {
  std::string line(name);
  if (is_safe(value))
    line.append(value.empty() ? ":" : ": ").append(value);
  else
    line.append(":: ").append(base64(value));
  // RFC 2849 2: lines fold at any byte; a continuation begins with one space.
  constexpr std::size_t kWidth = 76;
  for (std::size_t at = 0; at < line.size();) {
    const auto take = std::min(line.size() - at, at == 0 ? kWidth : kWidth - 1);
    out.append(at == 0 ? "" : " ").append(line, at, take).append("\n");
    at += take;
  }
}

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  unsigned have = 0;
  for (char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(digit)) & 0xffffU;
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xffU);
  }
  return out;
}

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Entry& Entry::add(std::string_view name, std::vector<std::string> more) {
  if (more.empty()) return *this;
  for (auto& [known, list] : attributes)
    if (same_name(known, name)) {
      list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      return *this;
    }
  attributes.emplace_back(std::string(name), std::move(more));
  return *this;
}

Entry& Entry::add(std::string_view name, std::string value) {
  return value.empty() ? *this : add(name, std::vector{std::move(value)});
}

const std::vector<std::string>& Entry::values(std::string_view name) const {
  static const std::vector<std::string> none;
  for (auto& [known, list] : attributes)
    if (same_name(known, name)) return list;
  return none;
}

std::string_view Entry::first(std::string_view name) const {
  auto& list = values(name);
  return list.empty() ? std::string_view() : std::string_view(list.front());
}

std::string to_ldif(const Entry& entry) {
  std::string out;
  write_line(out, "dn", entry.dn);
  for (auto& [name, list] : entry.attributes)
    for (auto& value : list) write_line(out, name, value);
  return out + "\n";
}

std::string to_ldif(const std::vector<Entry>& entries) {
  std::string out;
  for (auto& entry : entries) out += to_ldif(entry);
  return out;
}

Result<std::vector<Entry>> parse_ldif(std::string_view text) {
  std::vector<Entry> entries;
  bool inside = false;
  int number = 0;
  auto wrong = [&](std::string what) { return fail(std::move(what), fmt::format("line {}", number)); };
  while (!text.empty()) {
    std::string line;
    for (bool folded = false;; folded = true) {
      const auto end = std::min(text.find('\n'), text.size());
      auto part = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (part.ends_with('\r')) part.remove_suffix(1);
      line.append(folded ? part.substr(1) : part);
      if (!text.starts_with(' ')) break;
    }
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      inside = false;
      continue;
    }
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string::npos || !is_attribute(name)) return wrong("a line without a name and a colon");
    auto value = line.substr(colon + 1);
    const bool encoded = value.starts_with(':');
    if (value.starts_with('<')) return wrong("a value from a URL is not read");
    if (encoded) value.erase(0, 1);
    value.erase(0, std::min(value.find_first_not_of(' '), value.size()));
    if (encoded) {
      auto bytes = from_base64(value);
      if (!bytes) return wrong("a value that is not base64");
      value = std::move(*bytes);
    }
    if (!inside && same_name(name, "version") && entries.empty()) continue;
    if (!inside && !same_name(name, "dn")) return wrong("an entry that does not begin with its dn");
    if (!inside) {
      entries.push_back({.dn = std::move(value), .attributes = {}});
      inside = true;
    } else if (same_name(name, "changetype")) {
      return wrong("a change record is not an entry");
    } else {
      entries.back().add(name, std::vector{std::move(value)});
    }
  }
  return entries;
}

}  // namespace lab::directory
