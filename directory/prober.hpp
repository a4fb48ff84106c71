/// prober -- the short-lived child that waits until the slapd its parent is about to become answers a bind,
/// puts the topology's changes into it, tells the supervisor that it is ready, and ends. It is nobody's child
/// by then (forked twice), so slapd has nothing to wait for.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/changes.hpp"
#include "directory/folder.hpp"
#include "directory/serve.hpp"

namespace lab::directory {

struct ProberTask {
  std::string socket;           ///< the ldapi path
  std::string pid_file;         ///< written by slapd when it has read its configuration; must not exist yet
  std::string suffix;           ///< read as proof that the database answers
  std::string original;         ///< of a replica: ready once everything has been copied from there
  bool fresh = false;           ///< the database has just been filled and is not yet known to be on disk
  std::vector<Change> changes;  ///< to be made before anybody is told that the server is ready
  std::vector<Entry> tree;      ///< what the topology says once they are made; empty: as it was
  ServeLimits limits;
};

/// Forks it. The caller must exec slapd (or end: the child then ends too).
Result<void> start_prober(ProberTask task, const Folder& folder);

}  // namespace lab::directory
