#include "directory/effective.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "common/config.hpp"

namespace lab::directory {
namespace {

constexpr const char* kNobody = "no rule";

struct Line {
  std::string key, title, value, from;
  std::string json;  ///< the value as JSON
};

std::uint64_t number(const Entry& e, std::string_view name) {
  const auto text = e.first(name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string span(std::uint64_t seconds) {
  return config::detail::duration_text(std::chrono::seconds(seconds));
}

/// "at least 8 characters; locked for 10m after 5 wrong ones"
std::string passwords_text(const Entry& e) {
  std::vector<std::string> parts;
  if (const auto n = number(e, "pwdMinLength")) parts.push_back(fmt::format("at least {} characters", n));
  if (const auto n = number(e, "pwdInHistory")) parts.push_back(fmt::format("none of the last {}", n));
  if (const auto n = number(e, "pwdMaxFailure")) {
    const auto time = number(e, "pwdLockoutDuration");
    parts.push_back(time == 0 ? fmt::format("locked after {} wrong ones", n)
                              : fmt::format("locked for {} after {} wrong ones", span(time), n));
  }
  if (const auto n = number(e, "pwdMaxAge")) parts.push_back("valid for " + span(n));
  if (e.first("pwdMustChange") == "TRUE") parts.emplace_back("to be changed once given");
  return parts.empty() ? "any" : fmt::format("{}", fmt::join(parts, "; "));
}

std::string passwords_json(const Entry& e) {
  return fmt::format(
      R"({{"least_length":{},"history":{},"lock_after":{},"lock_for":{},"expire_after":{},"must_change":{}}})",
      number(e, "pwdMinLength"), number(e, "pwdInHistory"), number(e, "pwdMaxFailure"),
      number(e, "pwdLockoutDuration"), number(e, "pwdMaxAge"), e.first("pwdMustChange") == "TRUE");
}

std::vector<Line> lines_of(const User& user, const Entry* passwords) {
  const auto& p = user.policy;
  const auto size = [](const char* key, const char* title, const auto& rule, const char* otherwise) {
    return rule ? Line{key, title, size_text(rule->value), rule->from, std::to_string(rule->value)}
                : Line{key, title, otherwise, kNobody, "null"};
  };
  std::vector<Line> lines;
  lines.push_back(size("quota", "quota", p.quota, "none"));
  lines.push_back(size("max_message", "max message", p.max_message, "what the server takes"));
  const bool outside = !p.send_outside || p.send_outside->value;
  lines.push_back({"send_outside", "send outside", outside ? "yes" : "no",
                   p.send_outside ? p.send_outside->from : kNobody, outside ? "true" : "false"});
  std::vector<std::string> names{"imap", "pop3", "smtp"};
  if (p.protocols) names = p.protocols->value;
  std::string list;
  for (auto& name : names) list += (list.empty() ? "" : ",") + config::detail::json_string(name);
  lines.push_back({"protocols", "protocols",
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                   p.protocols ? p.protocols->from : kNobody, "[" + list + "]"});
  if (passwords == nullptr)
    lines.push_back({"passwords", "passwords", "its own rules", "the directory itself", "null"});
  else
    lines.push_back({"passwords", "passwords", passwords_text(*passwords),
                     p.passwords ? p.passwords->from : kNobody, passwords_json(*passwords)});
  return lines;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  for (const auto& [shift, unit] : {std::pair{30U, 'G'}, {20U, 'M'}, {10U, 'k'}})
    if (bytes >= (1ULL << shift) && bytes % (1ULL << shift) == 0)
      return fmt::format("{}{}", bytes >> shift, unit);
  return fmt::format("{} bytes", bytes);
}

std::string effective_text(const User& user, const Entry* passwords) {
  auto out = fmt::format("{} ({}), {}{}\n", user.uid, user.display_name,
                         user.groups.empty() ? "in no group"
                                             : fmt::format("in {}", fmt::join(user.groups, ", ")),
                         user.locked ? ", locked" : "");
  const auto lines = lines_of(user, passwords);
  std::size_t width = 0;
  for (auto& line : lines) width = std::max(width, line.value.size());
  for (auto& line : lines) out += fmt::format("  {:<13} {:<{}}  {}\n", line.title, line.value, width, line.from);
  return out;
}

std::string effective_json(const User& user, const Entry* passwords) {
  auto out = "{\"user\":" + config::detail::json_string(user.uid);
  for (auto& line : lines_of(user, passwords))
    out += fmt::format(
        ",\"{}\":{{\"value\":{},\"from\":{}}}", line.key, line.json,
        line.from == kNobody || line.json == "null" ? "null" : config::detail::json_string(line.from));
  return out + "}\n";
}

}  // namespace lab::directory
