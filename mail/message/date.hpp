/// date -- the dates of mail: RFC 5322 3.3 in headers (with its obsolete forms), RFC 3501 date-time in IMAP.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lab::message {

/// A moment, and the zone it was told in.
struct Date {
  std::int64_t unix = 0;  ///< seconds since 1970 UTC
  int zone = 0;           ///< minutes east of UTC
  /// The day on the calendar of its own zone, counted from 1970-01-01: what IMAP's SENTON, BEFORE … compare.
  std::int64_t day() const;
  friend bool operator==(const Date&, const Date&) = default;
};

/// Days from 1970-01-01; nullopt where the calendar has no such day.
std::optional<std::int64_t> day_number(int year, int month, int day);
/// 1–12 for "Jan" … "Dec" in any case; 0 for anything else.
int month_number(std::string_view name);

/// `Mon, 23 Nov 2026 09:00:00 +0100 (CET)` and what old mailers write.
std::optional<Date> parse_header_date(std::string_view unfolded);
/// `Mon, 23 Nov 2026 09:00:00 +0100`
std::string print_header_date(const Date& date);

/// `23-Nov-2026 09:00:00 +0100`, the day with or without its leading blank (RFC 3501 date-time; Outlook for
/// Android leaves the blank out).
std::optional<Date> parse_internal_date(std::string_view text);
/// 26 characters: `23-Nov-2026 09:00:00 +0100`
std::string print_internal_date(const Date& date);

}  // namespace lab::message
