#include "directory/prober.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "directory/apply.hpp"
#include "directory/local_session.hpp"

namespace lab::directory {
namespace {

using Clock = std::chrono::steady_clock;

/// Reads the names of files closed after writing from an inotify descriptor; true if `name` is among them.
bool written(int watch, const std::string& name) {
  alignas(inotify_event) std::array<char, 4096> buffer;
  bool found = false;
  for (ssize_t n = 0; (n = ::read(watch, buffer.data(), buffer.size())) > 0;)
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      found = found || name == buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  return found;
}

/// Waits until slapd has written its pid file. False when it has ended, or at the deadline.
bool wait_for_pid_file(int watch, int server, const std::string& name, Clock::time_point deadline) {
  while (Clock::now() < deadline) {
    std::array<pollfd, 2> fds{pollfd{watch, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (::poll(fds.data(), fds.size(), static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (fds[1].revents != 0) return false;
    if (fds[0].revents != 0 && written(watch, name)) return true;
  }
  return false;
}

bool ended(int server, int milliseconds) {
  pollfd p{server, POLLIN, 0};
  return ::poll(&p, 1, milliseconds) > 0;
}

Result<LocalSession> first_bind(const ProberTask& task, int server, Clock::time_point deadline) {
  while (true) {
    auto session = LocalSession::connect(task.socket, std::chrono::seconds(task.limits.answer_seconds));
    // Between its pid file and its first listen() slapd has a few microseconds left to go.
    if (session) {
      if (auto bound = session->bind(); !bound) return std::unexpected(bound.error());
      return session;
    }
    if (Clock::now() > deadline || ended(server, 1)) return session;
  }
}

/// The database answers; on a replica, with the mark (contextCSN) that is set when the first copy is whole.
Result<void> wait_for_tree(const ProberTask& task, LocalSession& session, int server,
                           Clock::time_point deadline) {
  constexpr int kPauseMilliseconds = 3;  // between two looks at a copy that takes some ten of them
  Search root;
  root.base = task.suffix;
  root.scope = Scope::Base;
  root.attributes = {"contextCSN"};
  while (true) {
    auto found = session.search(root);
    if (!found) return std::unexpected(found.error());
    const bool whole =
        found->ok() && !found->entries.empty() && !found->entries.front().first("contextCSN").empty();
    if (whole || (task.original.empty() && found->ok())) return {};
    if (task.original.empty()) return fail("the database does not answer: " + found->text(), task.suffix);
    if (ended(server, kPauseMilliseconds)) return fail("slapd has ended; its words stand above");
    if (Clock::now() > deadline)
      return fail("the first copy did not come within " + std::to_string(task.limits.ready_seconds) + " s",
                  task.original, "is that server up, and reachable from here?");
  }
}

Result<void> bring_up(const ProberTask& task, const Folder& folder, int watch, int server) {
  const auto deadline = Clock::now() + std::chrono::seconds(task.limits.ready_seconds);
  if (task.fresh)
    if (auto done = folder.finish_fill(); !done) return done;
  if (!wait_for_pid_file(watch, server, std::filesystem::path(task.pid_file).filename(), deadline))
    return ended(server, 0) ? fail("slapd has ended; its words stand above")
                            : fail(fmt::format("slapd was not up after {} s", task.limits.ready_seconds));
  auto session = first_bind(task, server, deadline);
  if (!session) return std::unexpected(session.error());
  if (auto there = wait_for_tree(task, *session, server, deadline); !there) return there;
  if (!task.original.empty()) return folder.set_copied();
  auto tree = task.tree;
  if (auto done = apply_changes(*session, task.suffix, task.changes, tree); !done) return done;
  return tree.empty() ? Result<void>() : folder.set_applied(to_ldif(tree));
}

[[noreturn]] void probe(const ProberTask& task, const Folder& folder, int watch, int server,
                        pid_t server_pid) {
  int status = 0;
  if (auto up = bring_up(task, folder, watch, server); up) {
    notify("READY=1");
  } else {
    log::error("lab-directory: {}", up.error().text());
    ::kill(server_pid, SIGTERM);  // a server that is not as the topology says must not serve
    status = 1;
  }
  ::_exit(status);
}

}  // namespace

Result<void> start_prober(ProberTask task, const Folder& folder) {
  const auto parent = std::filesystem::path(task.pid_file).parent_path();
  ::unlink(task.pid_file.c_str());
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (watch < 0 || ::inotify_add_watch(watch, parent.c_str(), IN_CLOSE_WRITE) < 0)
    return fail(std::string("cannot watch it: ") + std::strerror(errno), parent);
  const pid_t server_pid = ::getpid();
  const int server = static_cast<int>(::syscall(SYS_pidfd_open, server_pid, 0));
  if (server < 0) return fail(std::string("cannot watch this process: ") + std::strerror(errno));
  ::fcntl(server, F_SETFD, FD_CLOEXEC);
  const pid_t between = ::fork();
  if (between < 0) return fail(std::string("cannot fork: ") + std::strerror(errno));
  if (between == 0) {
    const pid_t prober = ::fork();
    if (prober != 0) ::_exit(prober < 0 ? 1 : 0);
    folder.release_lock();  // it belongs to the server
    probe(task, folder, watch, server, server_pid);
  }
  ::close(watch);
  ::close(server);
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? Result<void>() : fail("cannot fork a second time");
}

}  // namespace lab::directory
