/// status -- the state of a running lab as JSON, the form that `labctl status --json` prints and the
/// dashboard reads.
#pragma once
#include <chrono>
#include <string>

#include "labctl/plan/plan.hpp"
#include "labctl/runtime/units.hpp"

namespace lab::runtime {

struct StatusInput {
  const plan::Plan& plan;
  const Units& units;
  std::string topology_file;
  std::chrono::system_clock::time_point since;  ///< when it was up
  bool up = false;
  bool with_memory = false;  ///< reads /proc of every process: a few milliseconds in a large lab
};

std::string status_json(const StatusInput& input);

}  // namespace lab::runtime
