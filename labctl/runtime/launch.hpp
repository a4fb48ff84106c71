/// launch -- from `labctl up` to a running supervisor: a detached process 1 in its own namespaces, and a
/// channel on which it tells how far it is.
#pragma once
#include <functional>
#include <string>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/fd.hpp"

namespace lab::runtime {

struct Failure {
  std::string what;  ///< "srv/directory did not become ready: …"
  std::string remedy;
  std::vector<std::string> last;  ///< its last log lines
  std::string log;
};

struct Progress {
  std::size_t ready = 0, of = 0;
  std::string waits_for;
};

/// Starts the lab and waits until it is up. Interrupting the caller ends the lab again; so does its death.
/// `state` must be locked by the caller for as long as the lab runs: `lock` is passed on to the supervisor.
std::expected<void, Failure> launch(plan::Plan plan, const std::string& topology_file, Fd lock, bool stay,
                                    const std::function<void(const Progress&)>& on_progress);

/// Takes the lab's state folder (made when missing) for one supervisor.
Result<Fd> lock_state(const std::string& folder);

}  // namespace lab::runtime
