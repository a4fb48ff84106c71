/// enter -- runs programs inside a node of a running lab from outside, as nsenter(1) does: joins the lab's
/// user and PID namespaces and the node's network, mount and UTS namespaces, then execs. Terminal, signals
/// and exit status are the program's own.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/control.hpp"

namespace lab::command {

/// The way into a node: open descriptors of its namespaces.
class Door {
 public:
  static Result<Door> open(runtime::ControlClient& lab, const std::string& node);

  struct Streams {
    int in = 0, out = 1, err = 2;  ///< descriptors the program gets
  };
  /// Forks; the program is the child of a child (a PID namespace is entered by birth), the returned process
  /// ends with its status.
  Result<pid_t> start(const std::vector<std::string>& argv,
                      const std::map<std::string, std::string>& environment, Streams streams) const;
  /// Waits for what `start` returned: its exit status, 128 + signal when it was killed.
  static int wait(pid_t pid);

 private:
  std::vector<std::pair<runtime::Fd, int>>
      spaces_;  // descriptor and its CLONE_NEW… kind, in the order to enter
};

/// Environment of a program in a node: this process's own with PATH, HOME (kept in the lab's state) and the
/// lab CA for TLS libraries.
std::map<std::string, std::string> node_environment(const plan::Plan& plan, const std::string& node);

}  // namespace lab::command
