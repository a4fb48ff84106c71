#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/enter.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/teaching/demo.hpp"

namespace lab::command {

namespace {

constexpr int kMostWait = 20'000;  // ms; a step of the demo that takes longer is broken

/// Runs a command in a node and takes what it prints, both streams together as a terminal would show them.
teaching::ExecResult run_captured(const Door& door, const std::vector<std::string>& argv,
                                  const std::map<std::string, std::string>& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {.status = kFailed, .output = "cannot make a pipe"};
  runtime::Fd out(ends[0]);
  runtime::Fd into(ends[1]);
  const runtime::Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto pid = door.start(argv, environment, {nothing.get(), into.get(), into.get()});
  into.reset();
  if (!pid) return {.status = kFailed, .output = pid.error().text()};
  teaching::ExecResult result;
  char buffer[16384];
  for (;;) {
    pollfd readable{out.get(), POLLIN, 0};
    if (poll(&readable, 1, kMostWait) == 0) {
      kill(*pid, SIGKILL);
      result.output += "\n(stopped: no output for 20 s)\n";
    }
    const auto n = read(out.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    result.output.append(buffer, static_cast<std::size_t>(n));
  }
  result.status = Door::wait(*pid);
  return result;
}

}  // namespace

int demo(const DemoOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  teaching::DemoSettings settings;
  settings.automatic = options.automatic;
  settings.language = options.language.empty() ? (french() ? "fr" : "en") : options.language;
  settings.colour = coloured();
  settings.lesson = options.lesson;
  settings.exec = [&](const std::string& node, const std::vector<std::string>& argv) -> teaching::ExecResult {
    const auto door = Door::open(*lab, node);
    if (!door) return {.status = kFailed, .output = door.error().text()};
    return run_captured(*door, argv, node_environment(*plan, node));
  };
  return teaching::run_demo(*plan, settings);
}

}  // namespace lab::command
