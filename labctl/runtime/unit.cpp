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

Unit to_unit(const plan::Service& service, const std::string& logs) {
  Unit unit;
  unit.id = service.id;
  unit.node = service.node;
  unit.kind = service.kind;
  unit.argv = service.argv;
  unit.files = service.files;
  unit.state_folders = service.state_folders;
  unit.runtime_folders = service.runtime_folders;
  unit.certificates = service.certificates;
  unit.after = service.after;
  unit.ready = service.ready;
  unit.ready_within = service.ready_within;
  unit.log_file = log_path(logs, service.id);
  return unit;
}

Unit to_unit(const plan::Client& client, const std::string& logs) {
  Unit unit;
  unit.id = client.id;
  unit.node = client.node;
  unit.kind = "dhcp-client";
  unit.client = true;
  unit.argv = client.argv;
  unit.files = client.files;
  unit.state_folders = client.state_folders;
  unit.after = client.after;
  unit.lease_file = client.lease_file;
  unit.ready = client.ready;
  unit.ready_within = client.ready_within;
  unit.log_file = log_path(logs, client.id);
  return unit;
}

}  // namespace lab::runtime
