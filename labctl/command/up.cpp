#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/summary.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/plan/json.hpp"
#include "labctl/runtime/launch.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr double kShowAfter = 0.3;  // seconds until a wait is explained

void print_dry_run(const plan::Plan& plan) {
  fmt::print("{}: what `labctl up` would make (nothing was started)\n\n", plan.lab);
  for (const auto& network : plan.networks)
    fmt::print("network {}  {}  bridge {}, mtu {}\n", network.network, network.subnet.text(), network.name,
               network.mtu);
  for (const auto& node : plan.nodes) {
    fmt::print("\nnode {}{}\n", node.name, node.router ? "  (router)" : "");
    for (const auto& interface : node.interfaces) {
      std::string addresses = interface.dhcp ? "by DHCP" : "";
      for (const auto& address : interface.addresses)
        addresses += (addresses.empty() ? "" : ", ") + address.text();
      fmt::print("  {}  {}  {}  on {}\n", interface.name, interface.mac.text(), addresses, interface.network);
    }
    for (const auto& route : node.routes) fmt::print("  route {} by {}\n", route.to.text(), route.via.text());
    for (const auto& service : plan.services) {
      if (service.node != node.name) continue;
      fmt::print("  service {}  {}\n", service.kind, fmt::join(service.argv, " "));
      if (!service.after.empty()) fmt::print("    after {}\n", fmt::join(service.after, ", "));
      for (const auto& file : service.files) fmt::print("    file {}\n", file.path);
    }
  }
  fmt::print("\n{}, {}, {}\n", counted(plan.certificates.size(), "certificate"),
             counted(plan.credentials.size(), "user"), counted(plan.checks.size(), "check"));
  for (const auto& notice : plan.notices) fmt::print("note: {}\n", notice);
  fmt::print("The whole plan with every file's content: labctl up --dry-run --json\n");
}

int tell_failure(const std::string& what, const std::string& remedy, const std::vector<std::string>& last,
                 const std::string& log, std::string_view consequence) {
  fmt::print(stderr, "{}.{}{}\n", what, remedy.empty() ? "" : " " + remedy + ".",
             last.empty() ? "" : " Its last lines:");
  for (const auto& line : last) fmt::print(stderr, "    {}\n", line);
  if (!log.empty())
    fmt::print(stderr, "The whole log: {}. {}\n", log, consequence);
  else
    fmt::print(stderr, "{}\n", consequence);
  return kFailed;
}

/// One line on a terminal that says what is awaited, and disappears again.
class Waiting {
 public:
  explicit Waiting(bool wanted) : shown_(wanted && is_terminal(STDERR_FILENO)) {}
  ~Waiting() { clear(); }
  void show(const runtime::Progress& progress) {
    if (!shown_ || std::chrono::duration<double>(Clock::now() - began_).count() < kShowAfter) return;
    const auto filled = progress.of == 0 ? 0 : progress.ready * 22 / progress.of;
    std::string bar;
    for (std::size_t i = 0; i < 22; ++i) bar += i < filled ? "█" : "░";
    fmt::print(stderr, "\r\x1b[2K  {}  {}/{}  waiting for {}", bar, progress.ready, progress.of,
               progress.waits_for);
    std::fflush(stderr);
    drawn_ = true;
  }
  void clear() {
    if (drawn_) fmt::print(stderr, "\r\x1b[2K");
    drawn_ = false;
  }

 private:
  bool shown_, drawn_ = false;
  Clock::time_point began_ = Clock::now();
};

std::vector<std::string> strings(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* list = object.if_contains(key))
    for (const auto& item : list->as_array()) out.emplace_back(item.as_string());
  return out;
}

/// The lab runs: change what differs.
int apply(runtime::ControlClient& lab, const plan::Plan& plan, Clock::time_point began) {
  const auto status = ask(lab, "/status");
  if (!status) return complain(status.error());
  if (const std::string kept(status->at("state_folder").as_string()); kept != plan.paths.state)
    return complain({fmt::format("a lab named {} runs already, with its data in {}", plan.lab, kept), "",
                     "take it down first, or give this one another name (lab: …)"});
  if (auto kept =
          runtime::write_file(plan.paths.state + "/memory.json", plan::to_json(plan.memory), 0600, true);
      !kept)
    return complain(kept.error());
  const auto reply = tell(lab, "/apply", plan::to_json(plan));
  if (!reply) return complain(reply.error());
  if (const auto* failed = reply->if_contains("failed"))
    return tell_failure(fmt::format("{} did not become ready: {}", std::string_view(failed->as_string()),
                                    std::string_view(reply->at("what").as_string())),
                        "", strings(*reply, "last"), std::string(reply->at("log").as_string()),
                        "The rest of the lab runs on");
  const auto stopped = strings(*reply, "stopped");
  const auto started = strings(*reply, "started");
  const auto reloaded = strings(*reply, "reloaded");
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (stopped.empty() && started.empty() && reloaded.empty() && strings(*reply, "nodes_gone").empty() &&
      strings(*reply, "nodes_new").empty()) {
    fmt::print("{} runs already as the file says; nothing to change\n", plan.lab);
  } else {
    fmt::print("{} changed in {}\n", plan.lab, duration_text(seconds));
    Columns columns;
    auto add = [&](std::string_view word, const std::vector<std::string>& ids) {
      if (!ids.empty()) columns.add({std::string(word), fmt::format("{}", fmt::join(ids, ", "))});
    };
    add("nodes gone", strings(*reply, "nodes_gone"));
    add("nodes new", strings(*reply, "nodes_new"));
    add("stopped", stopped);
    add("started", started);
    add("read again", reloaded);
    fmt::print("{}", columns.text("  "));
  }
  return kDone;
}

/// Until SIGTERM or SIGINT: then the lab goes down. For batch systems and containers.
int stay(const std::string& lab) {
  sigset_t signals;  // blocked by launch since before the lab was up
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  int received = 0;
  // Waking each second tells whether the lab was taken down from elsewhere.
  const timespec second{1, 0};
  while ((received = sigtimedwait(&signals, nullptr, &second)) < 0)
    if (!runtime::ControlClient::connect(lab)) return kDone;
  return down({.lab = lab});
}

}  // namespace

int up(const UpOptions& options) {
  const auto began = Clock::now();
  const auto file = find_topology(options.file);
  if (!file) return complain(file.error(), kUsage);
  const auto topology = load_or_complain(*file, "nothing was started.");
  if (!topology) return kUsage;
  auto plan = plan_for(*topology);
  if (!plan) return complain(plan.error());
  if (options.dry_run) {
    if (options.json)
      fmt::print("{}\n", plan::to_json(*plan));
    else
      print_dry_run(*plan);
    return kDone;
  }
  if (auto running = runtime::ControlClient::connect(plan->lab)) return apply(*running, *plan, began);

  const auto notices = plan->notices;
  const auto lab = plan->lab;
  auto lock = runtime::lock_state(plan->paths.state);
  if (!lock) return complain(lock.error());
  if (auto kept =
          runtime::write_file(plan->paths.state + "/memory.json", plan::to_json(plan->memory), 0600, true);
      !kept)
    return complain(kept.error());
  Waiting waiting(!options.quiet);
  const auto launched = runtime::launch(*plan, *file, std::move(*lock), options.foreground,
                                        [&](const runtime::Progress& progress) { waiting.show(progress); });
  waiting.clear();
  if (!launched) {
    const auto& failure = launched.error();
    if (failure.what == "interrupted") {
      fmt::print(
          stderr,
          "Interrupted; everything that was started has been stopped again. Nothing is left running.\n");
      return kFailed;
    }
    return tell_failure(failure.what, failure.remedy, failure.last, failure.log, "Nothing is left running.");
  }
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  int result = kDone;
  if (!options.quiet) {
    auto client = runtime::ControlClient::connect(lab);
    if (!client) return complain(client.error());
    const auto status = ask(*client, "/status");
    if (!status) return complain(status.error());
    if (options.json) {
      fmt::print("{}\n", json::serialize(*status));
    } else {
      fmt::print("{} is up in {}\n\n{}\n", styled(Style::Bold, lab), duration_text(seconds),
                 summary_text(*status));
      for (const auto& notice : notices) fmt::print("{} {}\n", styled(Style::Warn, "note:"), notice);
      std::fflush(stdout);
      if (options.check) result = check({.lab = lab, .failures_only = true});
      fmt::print("{}{}", options.check ? "\n" : "", next_steps(*plan));
    }
  }
  std::fflush(stdout);
  return options.foreground ? stay(lab) : result;
}

}  // namespace lab::command
