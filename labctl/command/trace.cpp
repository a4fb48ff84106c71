#include <fmt/format.h>

#include <ctime>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

std::string field(const json::object& event, std::string_view key) {
  const auto* value = event.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

/// "20:31:04.123  srv/mail  smtp  192.168.56.100:41234 → MAIL FROM:<ali@helper.bac>"
std::string line_of(const json::object& event) {
  const auto microseconds = event.at("time").to_number<std::int64_t>();
  const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  const auto direction = field(event, "direction");
  const std::string arrow = direction == "in" ? "→" : direction == "out" ? "←" : "·";
  const auto text = field(event, "text");
  return fmt::format("{:02}:{:02}:{:02}.{:03}  {}  {}  {} {} {}\n", parts.tm_hour, parts.tm_min, parts.tm_sec,
                     microseconds / 1000 % 1000, padded(field(event, "service"), 14),
                     padded(field(event, "protocol"), 5), padded(field(event, "peer"), 21),
                     styled(direction == "out" ? Style::Good : Style::Bold, arrow),
                     direction == "note" ? styled(Style::Dim, text) : text);
}

}  // namespace

int trace(const TraceOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  fmt::print(stderr,
             "{}: every protocol step from now on, as the daemons see it (after TLS, passwords masked). "
             "Ctrl-C ends it.\n",
             lab->lab());
  const auto followed = lab->follow("/events", [&](const std::string& line) {
    boost::system::error_code error;
    const auto value = json::parse(line.empty() ? "{}" : line, error);
    if (error || !value.is_object() || !value.as_object().contains("time")) return true;
    const auto& event = value.as_object();
    if (!options.protocol.empty() && field(event, "protocol") != options.protocol) return true;
    if (!options.node.empty() && !field(event, "service").starts_with(options.node + "/")) return true;
    fmt::print("{}", line_of(event));
    return std::fflush(stdout) == 0;
  });
  return followed ? kDone : complain(followed.error());
}

}  // namespace lab::command
