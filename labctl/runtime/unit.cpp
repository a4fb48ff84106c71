#include "labctl/runtime/unit.hpp"

#include <algorithm>

namespace lab::runtime {
namespace {

std::string log_path(const std::string& logs, std::string id) {
  std::ranges::replace(id, '/', '-');
  return logs + "/" + id + ".log";
}

}  // namespace

const char* name_of(UnitState state) {
  switch (state) {
    case UnitState::Waiting: return "waiting";
    case UnitState::Starting: return "starting";
    case UnitState::Ready: return "ready";
    case UnitState::Stopping: return "stopping";
    case UnitState::Stopped: return "stopped";
    case UnitState::Failed: break;
  }
  return "failed";
}

namespace {

/// What services and clients have in common.
template <class Planned>
Unit common_unit(const Planned& planned, const std::string& logs) {
  Unit unit;
  unit.id = planned.id;
  unit.node = planned.node;
  unit.argv = planned.argv;
  unit.files = planned.files;
  unit.state_folders = planned.state_folders;
  unit.after = planned.after;
  unit.ready = planned.ready;
  unit.ready_within = planned.ready_within;
  unit.log_file = log_path(logs, planned.id);
  return unit;
}

}  // namespace

Unit to_unit(const plan::Service& service, const std::string& logs) {
  auto unit = common_unit(service, logs);
  unit.kind = service.kind;
  unit.runtime_folders = service.runtime_folders;
  unit.certificates = service.certificates;
  return unit;
}

Unit to_unit(const plan::Client& client, const std::string& logs) {
  auto unit = common_unit(client, logs);
  unit.kind = "dhcp-client";
  unit.client = true;
  unit.lease_file = client.lease_file;
  return unit;
}

}  // namespace lab::runtime
