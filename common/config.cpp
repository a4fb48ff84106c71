#include "common/config.hpp"

#include <fmt/format.h>

namespace lab::config::detail {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string schema_number(const char* type, Limits limits) {
  std::string out = fmt::format(R"({{"type":"{}","minimum":{})", type, limits.min);
  if (limits.max != Limits{}.max) out += fmt::format(R"(,"maximum":{})", limits.max);
  return out + "}";
}

std::string duration_text(std::chrono::milliseconds value) {
  const auto ms = value.count();
  if (ms % 1000 != 0) return fmt::format("{}ms", ms);
  const auto s = ms / 1000;
  if (s == 0 || s % 60 != 0) return fmt::format("{}s", s);
  if (s % 3600 != 0) return fmt::format("{}m", s / 60);
  return s % 86400 == 0 ? fmt::format("{}d", s / 86400) : fmt::format("{}h", s / 3600);
}

std::string bytes_text(std::uint64_t value) {
  if (value != 0 && value % (1 << 30) == 0) return fmt::format("{}G", value >> 30);
  if (value != 0 && value % (1 << 20) == 0) return fmt::format("{}M", value >> 20);
  if (value != 0 && value % (1 << 10) == 0) return fmt::format("{}k", value >> 10);
  return fmt::format("{}", value);
}

bool check_range(const yaml::Value& at, std::int64_t value, Limits limits, const char* unit) {
  if (value >= limits.min && value <= limits.max) return true;
  at.error(limits.max == Limits{}.max
               ? fmt::format("must be at least {} {}", limits.min, unit)
               : fmt::format("must be from {} to {} {}", limits.min, limits.max, unit));
  return false;
}

}  // namespace lab::config::detail
