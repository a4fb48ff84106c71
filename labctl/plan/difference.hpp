/// difference -- what a second `up` must do: compares the running plan with the wanted one, so that it
/// changes only what differs. Names, not values: the caller looks them up in the plan they belong to.
#pragma once
#include <string>
#include <vector>

#include "labctl/plan/plan.hpp"

namespace lab::plan {

struct Difference {
  std::vector<std::string> networks_gone, networks_new;
  std::vector<std::string> networks_changed;       ///< mtu, impairment, attachment: set again in place
  std::vector<std::string> nodes_gone, nodes_new;  ///< a node whose links differ is in both: it is made anew
  std::vector<std::string> nodes_changed;          ///< routes, sysctls, files in /etc: set again in place
  std::vector<std::string> stop;    ///< services and clients to stop, in the order to stop them
  std::vector<std::string> start;   ///< to start, in order; one that is restarted is in both
  std::vector<std::string> reload;  ///< only files they can read again have changed: write them, then SIGHUP
  std::vector<std::string> certificates;  ///< to issue (new, or for other names)
  bool empty() const;
};

Difference difference(const Plan& running, const Plan& wanted);

}  // namespace lab::plan
