/// unit -- one process of the lab under supervision: a daemon of a node or a client's DHCP client.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "labctl/plan/plan.hpp"

namespace lab::runtime {

enum class UnitState {
  Waiting,   ///< for what it comes after
  Starting,  ///< runs, has not said that it is ready
  Ready,
  Stopping,  ///< was told to end
  Stopped,   ///< ended when told to, or by itself without a complaint
  Failed,    ///< ended badly, or was not ready in time
};
const char* name_of(UnitState state);

struct Unit {
  using Clock = std::chrono::steady_clock;
  std::string id, node, kind;
  bool client = false;
  std::vector<std::string> argv, state_folders, runtime_folders, after, certificates;
  std::vector<plan::File> files;
  std::string lease_file;  ///< of a client
  plan::Ready ready = plan::Ready::Notify;
  std::chrono::milliseconds ready_within{0};

  UnitState state = UnitState::Waiting;
  pid_t pid = 0;
  bool wanted = true;     ///< should run: false once stopped by hand
  unsigned restarts = 0;  ///< since the lab came up
  Clock::time_point started, became_ready;
  std::string ending;  ///< how it ended last, in words
  std::string log_file;
};

Unit to_unit(const plan::Service& service, const std::string& logs);
Unit to_unit(const plan::Client& client, const std::string& logs);

}  // namespace lab::runtime
