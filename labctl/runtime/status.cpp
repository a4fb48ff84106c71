#include "labctl/runtime/status.hpp"

#include <boost/json.hpp>

#include "common/yaml.hpp"
#include "labctl/runtime/process.hpp"

namespace lab::runtime {

namespace json = boost::json;

namespace {

json::object unit_json(const Unit& unit, bool with_memory) {
  using Millis = std::chrono::duration<double, std::milli>;
  json::object out{{"id", unit.id},   {"kind", unit.kind},         {"state", name_of(unit.state)},
                   {"pid", unit.pid}, {"restarts", unit.restarts}, {"log", unit.log_file}};
  if (unit.state == UnitState::Ready) {
    out["ready_ms"] = Millis(unit.became_ready - unit.started).count();
    out["uptime_s"] = std::chrono::duration<double>(Unit::Clock::now() - unit.became_ready).count();
  }
  if (!unit.ending.empty()) out["ending"] = unit.ending;
  if (with_memory && unit.pid != 0) {
    out["memory_kib"] = memory_kib(unit.pid);
    out["cpu_ms"] = cpu_ms(unit.pid);
  }
  return out;
}

/// What the client wrote about its lease; null when it holds none.
json::value lease_json(const Unit& unit) {
  const auto text = yaml::read_file(unit.lease_file);
  if (!text) return nullptr;
  boost::system::error_code error;
  auto lease = json::parse(*text, error);
  return error ? json::value(nullptr) : lease;
}

json::object node_json(const plan::Node& node, const StatusInput& input) {
  json::array addresses;
  for (const auto& interface : node.interfaces)
    for (const auto& address : interface.addresses)
      addresses.push_back(
          {{"interface", interface.name}, {"network", interface.network}, {"address", address.text()}});
  json::array services;
  json::array leases;
  for (const auto& unit : input.units.list()) {
    if (unit->node != node.name) continue;
    services.push_back(unit_json(*unit, input.with_memory));
    if (!unit->client) continue;
    const auto slash = unit->id.rfind('/');
    const auto interface =
        std::ranges::find(node.interfaces, unit->id.substr(slash + 1), &plan::Interface::name);
    leases.push_back({{"interface", unit->id.substr(slash + 1)},
                      {"network", interface == node.interfaces.end() ? std::string() : interface->network},
                      {"state", name_of(unit->state)},
                      {"lease", lease_json(*unit)}});
  }
  return {{"name", node.name},      {"domain", node.domain}, {"router", node.router},
          {"addresses", addresses}, {"leases", leases},      {"services", services}};
}

}  // namespace

std::string status_json(const StatusInput& input) {
  json::array networks;
  for (const auto& network : input.plan.networks) {
    networks.push_back({{"name", network.network}, {"subnet", network.subnet.text()}, {"mtu", network.mtu}});
    if (network.subnet6) networks.back().as_object()["subnet6"] = network.subnet6->text();
  }
  json::array nodes;
  for (const auto& node : input.plan.nodes) nodes.push_back(node_json(node, input));
  json::object out{{"lab", input.plan.lab},
                   {"state", input.up ? "up" : "starting"},
                   {"topology", input.topology_file},
                   {"state_folder", input.plan.paths.state},
                   {"networks", networks},
                   {"nodes", nodes}};
  if (input.up) {
    const auto now = std::chrono::system_clock::now();
    out["since"] = std::chrono::duration_cast<std::chrono::seconds>(input.since.time_since_epoch()).count();
    out["uptime_s"] = std::chrono::duration<double>(now - input.since).count();
  }
  if (input.with_memory) {
    std::uint64_t total = memory_kib(1);
    for (const auto& node : nodes)
      for (const auto& service : node.at("services").as_array())
        if (const auto* memory = service.as_object().if_contains("memory_kib"))
          total += memory->to_number<std::uint64_t>();
    out["memory_kib"] = total;
    out["supervisor_kib"] = memory_kib(1);
  }
  return json::serialize(out);
}

}  // namespace lab::runtime
