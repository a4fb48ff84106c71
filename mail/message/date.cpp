#include "mail/message/date.hpp"

#include <fmt/core.h>

#include <array>
#include <chrono>

#include "mail/cursor.hpp"

namespace lab::message {
namespace {

using mail::Cursor;

constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Zone {
  const char* name;
  int hours;
};
// RFC 5322 4.3 obs-zone. Military letters carry no meaning and are read as UTC.
constexpr std::array<Zone, 10> kZones = {{{"UT", 0},
                                          {"GMT", 0},
                                          {"EST", -5},
                                          {"EDT", -4},
                                          {"CST", -6},
                                          {"CDT", -5},
                                          {"MST", -7},
                                          {"MDT", -6},
                                          {"PST", -8},
                                          {"PDT", -7}}};

std::optional<int> number(Cursor& at, std::size_t most) {
  const auto digits = at.take_while(mail::is_digit);
  if (digits.empty() || digits.size() > most) return std::nullopt;
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

void skip(Cursor& at) {
  int depth = 0;  // comments, nested
  for (;;) {
    const char c = at.peek();
    if (c == '(')
      ++depth;
    else if (c == ')' && depth > 0)
      --depth;
    else if (at.at_end() || (depth == 0 && c != ' ' && c != '\t'))
      return;
    at.take_any();
  }
}

struct Clock {
  int hour = 0, minute = 0, second = 0;
};

std::optional<Clock> clock(Cursor& at) {
  Clock t;
  const auto hour = number(at, 2);
  skip(at);
  if (!hour || !at.take(':')) return std::nullopt;
  skip(at);
  const auto minute = number(at, 2);
  if (!minute) return std::nullopt;
  t.hour = *hour, t.minute = *minute;
  skip(at);
  if (at.take(':')) {
    skip(at);
    const auto second = number(at, 2);
    if (!second) return std::nullopt;
    t.second = *second;
  }
  if (t.hour > 23 || t.minute > 59 || t.second > 60) return std::nullopt;
  return t;
}

std::optional<int> numeric_zone(Cursor& at) {
  const bool minus = at.peek() == '-';
  if (!at.take('+') && !at.take('-')) return std::nullopt;
  const auto digits = at.take_while(mail::is_digit);
  if (digits.size() != 4) return std::nullopt;
  const int hours = (digits[0] - '0') * 10 + (digits[1] - '0'),
            minutes = (digits[2] - '0') * 10 + (digits[3] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  return (minus ? -1 : 1) * (hours * 60 + minutes);
}

int zone(Cursor& at) {
  if (const auto numeric = numeric_zone(at)) return *numeric;
  const auto word = at.take_while(mail::is_alpha);
  for (const auto& z : kZones)
    if (mail::equals_ignoring_case(word, z.name)) return z.hours * 60;
  return 0;
}

Date moment(std::int64_t day, const Clock& t, int zone_minutes) {
  return {day * 86400 + t.hour * 3600 + t.minute * 60 + t.second - zone_minutes * 60, zone_minutes};
}

struct Parts {
  int year = 0;
  unsigned month = 0, day = 0, weekday = 0;
  int hour = 0, minute = 0, second = 0;
  char sign = '+';
  int zone_hours = 0, zone_minutes = 0;
};

Parts parts(const Date& date) {
  const auto local = date.unix + date.zone * 60;
  const auto day = date.day();
  const std::chrono::sys_days days{std::chrono::days(day)};
  const std::chrono::year_month_day ymd{days};
  const auto second = static_cast<int>(local - day * 86400);
  const int east = date.zone < 0 ? -date.zone : date.zone;
  return {.year = static_cast<int>(ymd.year()),
          .month = static_cast<unsigned>(ymd.month()),
          .day = static_cast<unsigned>(ymd.day()),
          .weekday = std::chrono::weekday(days).c_encoding(),
          .hour = second / 3600,
          .minute = second / 60 % 60,
          .second = second % 60,
          .sign = date.zone < 0 ? '-' : '+',
          .zone_hours = east / 60,
          .zone_minutes = east % 60};
}

}  // namespace

std::int64_t Date::day() const {
  const auto local = unix + zone * 60;
  return local >= 0 ? local / 86400 : (local - 86399) / 86400;
}

std::optional<std::int64_t> day_number(int year, int month, int day) {
  if (year < 1 || year > 9999 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) return std::nullopt;
  return std::chrono::sys_days(ymd).time_since_epoch().count();
}

int month_number(std::string_view name) {
  for (std::size_t i = 0; i < kMonths.size(); ++i)
    if (mail::equals_ignoring_case(name, kMonths[i])) return static_cast<int>(i) + 1;
  return 0;
}

std::optional<Date> parse_header_date(std::string_view unfolded) {
  Cursor at(unfolded);
  skip(at);
  if (mail::is_alpha(at.peek())) {  // day of the week: it may lie, and nobody needs it
    at.take_while(mail::is_alpha);
    skip(at);
    at.take(',');
    skip(at);
  }
  const auto day = number(at, 2);
  skip(at);
  at.take('-');
  const int month = month_number(at.take_while(mail::is_alpha).substr(0, 3));
  skip(at);
  at.take('-');
  auto year = number(at, 4);
  if (!day || month == 0 || !year) return std::nullopt;
  if (*year < 50)
    *year += 2000;  // RFC 5322 4.3
  else if (*year < 1000)
    *year += 1900;
  skip(at);
  const auto time = clock(at).value_or(Clock{});
  skip(at);
  const int minutes = zone(at);
  const auto number_of_day = day_number(*year, month, *day);
  if (!number_of_day) return std::nullopt;
  return moment(*number_of_day, time, minutes);
}

std::string print_header_date(const Date& date) {
  const auto p = parts(date);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}", kDays[p.weekday], p.day,
                     kMonths[p.month - 1], p.year, p.hour, p.minute, p.second, p.sign, p.zone_hours,
                     p.zone_minutes);
}

std::optional<Date> parse_internal_date(std::string_view text) {
  Cursor at(text);
  at.take(' ');
  const auto day = number(at, 2);
  if (!day || !at.take('-')) return std::nullopt;
  const int month = month_number(at.take_while(mail::is_alpha));
  if (month == 0 || !at.take('-')) return std::nullopt;
  const auto year = number(at, 4);
  if (!year || !at.take(' ')) return std::nullopt;
  const auto time = clock(at);
  if (!time || !at.take(' ')) return std::nullopt;
  const auto minutes = numeric_zone(at);
  const auto number_of_day = day_number(*year, month, *day);
  if (!minutes || !at.at_end() || !number_of_day) return std::nullopt;
  return moment(*number_of_day, *time, *minutes);
}

std::string print_internal_date(const Date& date) {
  const auto p = parts(date);
  return fmt::format("{:02}-{}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}", p.day, kMonths[p.month - 1], p.year,
                     p.hour, p.minute, p.second, p.sign, p.zone_hours, p.zone_minutes);
}

}  // namespace lab::message
