#include "labctl/teaching/graph.hpp"

#include <fmt/format.h>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

/// Leases held and services well or not, out of the lab's status.
teaching::LiveState live_state(const json::object& status) {
  teaching::LiveState live;
  for (const auto& node : status.at("nodes").as_array()) {
    for (const auto& item : node.at("services").as_array()) {
      const auto& service = item.as_object();
      if (service.at("kind").as_string() != "dhcp-client")
        live.services[std::string(service.at("id").as_string())] = service.at("state").as_string() == "ready";
    }
    for (const auto& item : node.at("leases").as_array()) {
      const auto* lease = item.at("lease").if_object();
      const auto* address = lease == nullptr ? nullptr : lease->if_contains("address");
      if (address == nullptr || !address->is_string()) continue;
      live.leases[fmt::format("{}/{}", std::string_view(node.at("name").as_string()),
                              std::string_view(item.at("interface").as_string()))] = address->as_string();
    }
  }
  return live;
}

}  // namespace

int graph(const GraphOptions& options) {
  const auto format = teaching::graph_format(options.format);
  if (!format)
    return complain({fmt::format("unknown format '{}'", options.format), "", "one of svg, mermaid, dot"},
                    kUsage);
  std::string picture;
  // A file is drawn as it stands; without one, the lab that runs, with its leases and its health.
  if (options.subject.ends_with(".yaml") || options.subject.ends_with(".yml")) {
    const auto topology = load_or_complain(options.subject, "nothing was drawn.");
    if (!topology) return kUsage;
    const auto plan = plan_for(*topology);
    if (!plan) return complain(plan.error());
    picture = teaching::graph(*plan, *format);
  } else {
    auto lab = find_lab(options.subject);
    if (!lab) return complain(lab.error());
    const auto plan = plan_of(*lab);
    const auto status = ask(*lab, "/status");
    if (!plan) return complain(plan.error());
    if (!status) return complain(status.error());
    picture = teaching::graph(*plan, *format, live_state(*status));
  }
  if (options.output.empty() || options.output == "-") {
    fmt::print("{}", picture);
    return kDone;
  }
  if (auto written = runtime::write_file(options.output, picture, 0644); !written)
    return complain(written.error());
  fmt::print("{}: written\n", options.output);
  return kDone;
}

}  // namespace lab::command
