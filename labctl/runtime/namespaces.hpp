/// namespaces -- the walls of a lab. The supervisor lives in a new user namespace (unless root), PID, mount,
/// network, UTS and IPC namespace; each node in a network, mount and UTS namespace of its own, with its own
/// /etc/resolv.conf, hosts, hostname. All of it is held by file descriptors of the supervisor alone: when it
/// ends, the kernel takes everything away.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/fd.hpp"

namespace lab::runtime {

/// Moves the calling process into a new user namespace (skipped for root) and new PID, mount, network, UTS
/// and IPC namespaces. The next child forked is process 1 of the lab. Single-threaded callers only.
Result<void> enter_lab_namespaces();

/// As process 1: makes mounts private, mounts the lab's own /proc and an empty /run, keeping the folders in
/// `keep` that lie under /run visible.
Result<void> mount_lab_filesystems(const std::vector<std::string>& keep);

/// The namespaces of one node (or of the supervisor).
struct Spaces {
  Fd net, mnt, uts;
  static Result<Spaces> of_this_process();
  /// Moves the calling thread in. The three succeed together or the process is unusable: callers end it.
  Result<void> enter() const;
};

/// Makes the node's namespaces and its files (written below `folder`), brings lo up and applies sysctls; the
/// calling thread is back in `home` afterwards.
Result<Spaces> make_node_spaces(const plan::Node& node, const std::string& folder, const Spaces& home);

/// Writes the node's files in /etc and bind-mounts them (again). Called inside the node's namespaces.
Result<void> place_files(const std::vector<plan::File>& files, const std::string& folder);

/// Sets "net.ipv4.ip_forward" and the like in the namespaces the thread is in.
Result<void> write_sysctls(const std::map<std::string, std::string>& sysctls);

/// Writes a file through a temporary one and rename, fsynced when `durable`, making missing folders.
Result<void> write_file(const std::string& path, const std::string& content, unsigned mode,
                        bool durable = false);

/// Why this machine cannot make unprivileged namespaces, and what helps; empty when nothing is known against
/// it.
std::string namespace_obstacle();

}  // namespace lab::runtime
