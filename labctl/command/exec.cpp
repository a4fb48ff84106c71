#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/enter.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace {

/// Opens the node; an unknown name is answered with the nearest one.
Result<Door> open_door(runtime::ControlClient& lab, const plan::Plan& plan, const std::string& node) {
  if (plan.node(node) != nullptr) return Door::open(lab, node);
  std::vector<std::string> known;
  for (const auto& other : plan.nodes) known.push_back(other.name);
  const auto near = yaml::did_you_mean(node, known);
  return fail(
      fmt::format("{} has no node '{}'", plan.lab, node), {},
      near.empty()
          ? fmt::format("it has {}", fmt::join(known.begin(),
                                               known.begin() + static_cast<std::ptrdiff_t>(
                                                                   std::min<std::size_t>(known.size(), 12)),
                                               ", "))
          : fmt::format("did you mean '{}'?", near));
}

int run(const Door& door, const std::vector<std::string>& argv,
        const std::map<std::string, std::string>& environment) {
  const auto pid = door.start(argv, environment, {});
  if (!pid) return complain(pid.error());
  // The terminal's signals are for the program inside; a SIGTERM for us is passed on.
  static pid_t child = 0;
  child = *pid;
  for (const int signal : {SIGINT, SIGQUIT}) std::signal(signal, SIG_IGN);
  std::signal(SIGTERM, [](int signal) { kill(child, signal); });
  return Door::wait(*pid);
}

std::string greeting(const plan::Plan& plan, const std::string& node) {
  std::string commands;
  for (const auto& hint : plan.hints)
    if (hint.node == node) commands += (commands.empty() ? "" : " · ") + hint.command;
  const auto* planned = plan.node(node);
  std::string networks;
  for (const auto& interface : planned->interfaces)
    networks += (networks.empty() ? "" : ", ") + interface.network;
  return fmt::format("You are {} on {} in the lab {}.{}{} `exit` leaves.", node, networks, plan.lab,
                     commands.empty() ? "" : " Try: ", commands + (commands.empty() ? "" : "."));
}

}  // namespace

int exec(const ExecOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  const auto door = open_door(*lab, *plan, options.node);
  if (!door) return complain(door.error(), kUsage);
  return run(*door, options.command, node_environment(*plan, options.node));
}

int shell(const std::string& name, const std::string& node) {
  auto lab = find_lab(name);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  const auto door = open_door(*lab, *plan, node);
  if (!door) return complain(door.error(), kUsage);
  auto environment = node_environment(*plan, node);
  const auto start_file = environment["HOME"] + "/.labctl-shell";
  // Single quotes in the greeting would end the string: names hold none (RFC 1123), commands are ours.
  const auto text =
      fmt::format("[ -r ~/.bashrc ] && . ~/.bashrc\nPS1='{}:\\w\\$ '\n[ -t 1 ] && printf '%s\\n' '{}'\ncd\n",
                  node, greeting(*plan, node));
  if (auto written = runtime::write_file(start_file, text, 0600); !written) return complain(written.error());
  if (access("/bin/bash", X_OK) == 0)
    return run(*door, {"/bin/bash", "--rcfile", start_file, "-i"}, environment);
  environment["ENV"] = start_file;
  return run(*door, {"/bin/sh", "-i"}, environment);
}

}  // namespace lab::command
