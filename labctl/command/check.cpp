#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <set>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/enter.hpp"
#include "labctl/command/results.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/plan/json.hpp"

namespace lab::command {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kMostSilence = 30'000;  // ms

/// One lab-probe at work inside a node.
struct Probe {
  std::string node;
  pid_t pid = 0;
  runtime::Fd in, out;
  std::string unread;   // of a line
  std::string request;  // not yet written
};

std::string text_field(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

Result<Probe> start_probe(runtime::ControlClient& lab, const plan::Plan& plan, const std::string& node,
                          const std::vector<plan::Check>& checks) {
  const auto door = Door::open(lab, node);
  if (!door) return std::unexpected(door.error());
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return fail("cannot make a pipe");
  const runtime::Fd child_in(to[0]);
  const runtime::Fd child_out(from[1]);
  Probe probe;
  probe.node = node;
  probe.in.reset(to[1]);
  probe.out.reset(from[0]);
  auto pid = door->start({plan.paths.bin + "/lab-probe"}, node_environment(plan, node),
                         {child_in.get(), child_out.get(), STDERR_FILENO});
  if (!pid) return std::unexpected(pid.error());
  probe.pid = *pid;
  fcntl(probe.in.get(), F_SETFL, O_NONBLOCK);
  probe.request = fmt::format(R"({{"ca":{},"checks":{}}})", json::serialize(json::value(plan.ca_certificate)),
                              plan::to_json(checks));
  return probe;
}

/// Feeds all probes and takes their lines until the last has ended.
void gather(std::vector<Probe>& probes, const std::function<void(const json::object&)>& on_line) {
  for (;;) {
    std::vector<pollfd> waits;
    for (auto& probe : probes) {
      waits.push_back({probe.out.get(), POLLIN, 0});
      waits.push_back({probe.request.empty() ? -1 : probe.in.get(), POLLOUT, 0});
    }
    if (std::ranges::none_of(probes, [](const Probe& probe) { return static_cast<bool>(probe.out); })) return;
    const int ready = poll(waits.data(), waits.size(), kMostSilence);
    if (ready == 0) {
      // Each check is bounded by itself: a prober silent for so long is stuck.
      for (auto& probe : probes)
        if (probe.out) kill(probe.pid, SIGKILL);
    }
    if (ready < 0) continue;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      auto& probe = probes[i];
      if (waits[2 * i + 1].revents != 0) {
        const auto n = write(probe.in.get(), probe.request.data(), probe.request.size());
        if (n > 0)
          probe.request.erase(0, static_cast<std::size_t>(n));
        else
          probe.request.clear();  // it has ended: its silence tells
        if (probe.request.empty()) probe.in.reset();
      }
      if (waits[2 * i].revents == 0) continue;
      char buffer[16384];
      const auto n = read(probe.out.get(), buffer, sizeof buffer);
      if (n <= 0) {
        probe.out.reset();
        Door::wait(probe.pid);
        continue;
      }
      probe.unread.append(buffer, static_cast<std::size_t>(n));
      for (std::size_t end = 0; (end = probe.unread.find('\n')) != std::string::npos;
           probe.unread.erase(0, end + 1)) {
        boost::system::error_code error;
        const auto line = json::parse(probe.unread.substr(0, end), error);
        if (!error && line.is_object()) on_line(line.as_object());
      }
    }
  }
}

/// "the log of srv/mail may say why: …" names the service a promise stands on.
std::string service_behind(const plan::Check& check) {
  constexpr std::string_view kStart = "the log of ";
  if (!check.remedy.starts_with(kStart)) return {};
  return check.remedy.substr(kStart.size(), check.remedy.find(' ', kStart.size()) - kStart.size());
}

/// Services that are not well, with what helps: "srv/mail is stopped: labctl start srv/mail".
std::map<std::string, std::string> ailing_services(runtime::ControlClient& lab) {
  std::map<std::string, std::string> out;
  const auto status = ask(lab, "/status");
  if (!status) return out;
  for (const auto& node : status->at("nodes").as_array())
    for (const auto& item : node.at("services").as_array()) {
      const auto& service = item.as_object();
      const auto id = text_field(service, "id");
      const auto state = text_field(service, "state");
      if (state == "ready") continue;
      const auto ending = text_field(service, "ending");
      out[id] = fmt::format("{} is {}{}: labctl start {}", id, state,
                            ending.empty() ? "" : " (it " + ending + ")", id);
    }
  return out;
}

/// The remedies that only the lab as a whole knows: a service that does not run, and its name where the
/// prober left it open.
void improve_remedies(runtime::ControlClient& lab, const plan::Plan& plan, CheckResults& results) {
  const auto ailing = ailing_services(lab);
  for (const auto& check : plan.checks) {
    auto& result = results[check.id];
    if (result.ok) continue;
    const auto id = service_behind(check);
    if (const auto found = ailing.find(id); found != ailing.end()) {
      result.remedy = found->second;
    } else if (const auto at = result.remedy.find("SERVICE"); at != std::string::npos && !id.empty()) {
      result.remedy.replace(at, 7, id);
    } else if (const auto node = result.remedy.find("NODE"); node != std::string::npos) {
      result.remedy.replace(node, 4, check.node);
    }
  }
}

}  // namespace

int check(const CheckOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  if (plan->checks.empty()) {
    fmt::print("{} promises nothing that could be checked\n", plan->lab);
    return kDone;
  }
  const auto began = Clock::now();
  std::map<std::string, CheckResult> results;
  std::map<std::string, std::vector<plan::Check>> by_node;
  for (const auto& check : plan->checks) by_node[check.node].push_back(check);
  std::vector<Probe> probes;
  for (const auto& [node, checks] : by_node) {
    auto probe = start_probe(*lab, *plan, node, checks);
    if (probe) {
      probes.push_back(std::move(*probe));
      continue;
    }
    for (const auto& check : checks) results[check.id] = {.ok = false, .got = probe.error().text()};
  }
  ResultPrinter printer(*plan, {.failures_only = options.failures_only, .quiet = options.json});
  gather(probes, [&](const json::object& line) {
    const auto* ms = line.if_contains("ms");
    const auto* ok = line.if_contains("ok");
    results[text_field(line, "id")] = {.ok = ok != nullptr && ok->is_bool() && ok->as_bool(),
                                       .expected = text_field(line, "expected"),
                                       .got = text_field(line, "got"),
                                       .remedy = text_field(line, "remedy"),
                                       .ms = ms != nullptr && ms->is_number() ? ms->to_number<double>() : 0};
    if (results[text_field(line, "id")].ok) printer.show(results);
  });
  for (const auto& check : plan->checks)
    if (!results.contains(check.id))
      results[check.id] = {.ok = false,
                           .expected = check.title,
                           .got = "the prober ended before it could tell",
                           .remedy = "labctl status shows whether the node's lab is well"};
  improve_remedies(*lab, *plan, results);
  printer.show(results);
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const auto broken = static_cast<std::size_t>(
      std::ranges::count_if(results, [](const auto& entry) { return !entry.second.ok; }));
  if (!options.junit.empty())
    if (auto written = write_junit(options.junit, *plan, results, seconds); !written)
      return complain(written.error());
  if (options.json) {
    fmt::print("{}\n", results_json(*plan, results, seconds));
  } else {
    if (broken == 0)
      fmt::print("{} of {} promises hold, {}\n", results.size(), results.size(), duration_text(seconds));
    else
      fmt::print("{} of {} promises broken, {}\n", broken, results.size(), duration_text(seconds));
    if (options.grade) fmt::print("{}", grade_text(*plan, results));
  }
  return broken == 0 ? kDone : kFailed;
}

}  // namespace lab::command
