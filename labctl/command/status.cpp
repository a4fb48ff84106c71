#include <fmt/format.h>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/summary.hpp"
#include "labctl/command/terminal.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

std::string memory_text(double kib) {
  return kib < 10240 ? fmt::format("{:.1f} MB", kib / 1024) : fmt::format("{:.0f} MB", kib / 1024);
}

std::string state_text(const json::object& service) {
  const std::string state(service.at("state").as_string());
  if (state == "ready") return styled(Style::Good, state);
  if (state == "failed") return styled(Style::Bad, state);
  return styled(Style::Warn, state);
}

std::string remark(const json::object& service) {
  std::string out;
  if (const auto* ending = service.if_contains("ending")) out = ending->as_string();
  if (const auto restarts = service.at("restarts").to_number<unsigned>(); restarts > 0)
    out += fmt::format("{}restarted {}×", out.empty() ? "" : "; ", restarts);
  return out;
}

}  // namespace

int ps(bool as_json) {
  json::array all;
  for (const auto& name : runtime::running_labs()) {
    auto lab = runtime::ControlClient::connect(name);
    if (!lab) continue;
    auto status = ask(*lab, "/status?memory");
    if (!status) continue;
    (*status)["supervisor_pid"] = lab->supervisor();
    all.emplace_back(std::move(*status));
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(all));
    return kDone;
  }
  if (all.empty()) {
    fmt::print("no lab is running\n");
    return kDone;
  }
  Columns columns;
  columns.add({"LAB", "STATE", "UP FOR", "NODES", "SERVICES", "MEMORY", "PROCESS", "TOPOLOGY"});
  for (const auto& lab : all) {
    const auto& object = lab.as_object();
    std::size_t services = 0;
    for (const auto& node : object.at("nodes").as_array())
      for (const auto& service : node.at("services").as_array())
        services += service.at("kind").as_string() == "dhcp-client" ? 0 : 1;
    const auto* uptime = object.if_contains("uptime_s");
    columns.add({std::string(object.at("lab").as_string()), std::string(object.at("state").as_string()),
                 uptime == nullptr ? "" : duration_text(uptime->to_number<double>()),
                 fmt::format("{}", object.at("nodes").as_array().size()), fmt::format("{}", services),
                 memory_text(object.at("memory_kib").to_number<double>()),
                 fmt::format("{}", object.at("supervisor_pid").to_number<long>()),
                 std::string(object.at("topology").as_string())});
  }
  fmt::print("{}", columns.text());
  return kDone;
}

int status(const std::string& name, bool as_json) {
  auto lab = find_lab(name);
  if (!lab) return complain(lab.error());
  const auto status = ask(*lab, "/status?memory");
  if (!status) return complain(status.error());
  bool well = status->at("state").as_string() == "up";
  Columns columns;
  columns.add({"SERVICE", "STATE", "READY IN", "MEMORY", "PROCESS", ""});
  for (const auto& node : status->at("nodes").as_array())
    for (const auto& item : node.at("services").as_array()) {
      const auto& service = item.as_object();
      const auto* ready = service.if_contains("ready_ms");
      const auto* memory = service.if_contains("memory_kib");
      well = well && service.at("state").as_string() == "ready";
      columns.add({std::string(service.at("id").as_string()), state_text(service),
                   ready == nullptr ? "" : duration_text(ready->to_number<double>() / 1000),
                   memory == nullptr ? "" : memory_text(memory->to_number<double>()),
                   fmt::format("{}", service.at("pid").to_number<long>()), remark(service)});
    }
  if (as_json) {
    fmt::print("{}\n", json::serialize(*status));
    return well ? kDone : kFailed;
  }
  const auto* uptime = status->if_contains("uptime_s");
  fmt::print("{}  {}{}, {} in all\n\n{}\n{}\nLogs: {}/logs\n",
             styled(Style::Bold, std::string_view(status->at("lab").as_string())),
             std::string_view(status->at("state").as_string()),
             uptime == nullptr ? "" : " for " + duration_text(uptime->to_number<double>()),
             memory_text(status->at("memory_kib").to_number<double>()), summary_text(*status), columns.text(),
             std::string_view(status->at("state_folder").as_string()));
  return well ? kDone : kFailed;
}

int node_names(const std::string& name) {
  auto lab = find_lab(name);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  for (const auto& node : plan->nodes) fmt::print("{}\n", node.name);
  return kDone;
}

int service(const std::string& name, const std::string& id, const std::string& action) {
  auto lab = find_lab(name);
  if (!lab) return complain(lab.error());
  const auto reply = tell(*lab, fmt::format("/units/{}/{}", id, action));
  if (!reply) return complain(reply.error());
  const std::string state(reply->at("state").as_string());
  if (state == "failed") {
    fmt::print(stderr, "{} did not become ready: {}. Its last lines:\n", id,
               std::string_view(reply->at("ending").as_string()));
    for (const auto& line : reply->at("last").as_array())
      fmt::print(stderr, "    {}\n", std::string_view(line.as_string()));
    fmt::print(stderr, "The whole log: {}\n", std::string_view(reply->at("log").as_string()));
    return kFailed;
  }
  fmt::print("{} is {}\n", id, state);
  return kDone;
}

}  // namespace lab::command
