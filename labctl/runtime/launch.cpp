#include "labctl/runtime/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "labctl/runtime/control.hpp"
#include "labctl/runtime/namespaces.hpp"
#include "labctl/runtime/physical.hpp"
#include "labctl/runtime/supervisor.hpp"

namespace lab::runtime {

namespace json = boost::json;

namespace {

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

void tell_failure(int progress, const Error& error) {
  const auto text =
      json::serialize(json::object{{"event", "failed"}, {"what", error.what}, {"remedy", error.remedy}});
  (void)send(progress, text.data(), text.size(), MSG_NOSIGNAL);
}

/// Three descriptors a node and two a process: 250 hosts want more than the usual 1024.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/// The supervisor's side of the fork: detach, make the namespaces, become process 1 of the lab.
[[noreturn]] void become_supervisor(SupervisorStart start) {
  setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
  const auto log = start.plan.paths.state + "/logs/supervisor.log";
  const Fd out(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  const Fd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  dup2(nothing.get(), STDIN_FILENO);
  dup2(out ? out.get() : nothing.get(), STDOUT_FILENO);
  dup2(out ? out.get() : nothing.get(), STDERR_FILENO);
  if (chdir("/") != 0) _exit(1);
  raise_file_limit();
  if (geteuid() == 0) start.outside.reset(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (auto entered = enter_lab_namespaces(); !entered) {
    tell_failure(start.progress.get(), entered.error());
    _exit(1);
  }
  const pid_t first = fork();
  if (first != 0) _exit(first > 0 ? 0 : 1);
  // The command line tells which lab this is (ps, pkill); commit_creds of the user namespace made the process
  // undumpable, but `labctl exec` finds the nodes' namespaces in /proc/PID/fd.
  prctl(PR_SET_DUMPABLE, 1);
  prctl(PR_SET_NAME, "labctl-lab");
  if (auto mounted =
          mount_lab_filesystems({start.plan.paths.state, start.plan.paths.bin,
                                 std::filesystem::path(start.topology_file).parent_path().string()});
      !mounted) {
    tell_failure(start.progress.get(), mounted.error());
    _exit(1);
  }
  int status = 1;
  try {
    status = supervise(std::move(start));
  } catch (const std::exception& e) {
    dprintf(STDERR_FILENO, "supervisor: %s\n", e.what());
  }
  // Not exit(): nothing of the parent's buffers or destructors belongs to this process.
  _exit(status);
}

Failure to_failure(const json::object& message) {
  Failure failure;
  auto text = [&](const char* key) {
    const auto* value = message.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  failure.what = text("what");
  if (const auto unit = text("unit"); !unit.empty())
    failure.what = fmt::format("{} did not become ready: {}", unit, failure.what);
  failure.remedy = text("remedy");
  failure.log = text("log");
  if (const auto* last = message.if_contains("last"))
    for (const auto& line : last->as_array()) failure.last.emplace_back(line.as_string());
  return failure;
}

/// Waits until the other end is closed: then process 1 has ended, and with it the lab.
void wait_for_end(int progress) {
  char text[4096];
  for (;;) {
    const auto n = recv(progress, text, sizeof text, 0);
    if (n == 0 || (n < 0 && errno != EINTR)) return;
  }
}

}  // namespace

std::expected<void, Failure> launch(plan::Plan plan, const std::string& topology_file, Fd lock, bool stay,
                                    const std::function<void(const Progress&)>& on_progress) {
  if (geteuid() != 0)
    for (const auto& network : plan.networks)
      if (!network.attach.empty()) {
        const auto error = attach_needs_root(network.network, network.attach);
        return std::unexpected(Failure{error.what, error.remedy, {}, {}});
      }
  auto control = bind_control(plan.lab);
  if (!control) return std::unexpected(Failure{control.error().what, control.error().remedy, {}, {}});
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return std::unexpected(Failure{"cannot make a socket pair", "", {}, {}});
  Fd progress(pair[0]);
  std::error_code ignored;
  std::filesystem::create_directories(plan.paths.state + "/logs", ignored);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0)
    return std::unexpected(Failure{fmt::format("cannot fork: {}", std::strerror(errno)), "", {}, {}});
  if (child == 0) {
    progress.reset();
    (void)lock.release();  // held by process 1 until the lab ends
    become_supervisor({std::move(plan), topology_file, std::move(*control), Fd(pair[1]), {}});
  }
  close(pair[1]);
  control->reset();
  lock.reset();

  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: recv returns
  struct sigaction before_int {
  }, before_term{};
  sigaction(SIGINT, &action, &before_int);
  sigaction(SIGTERM, &action, &before_term);
  auto finish = [&] {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &before_int, nullptr);
    sigaction(SIGTERM, &before_term, nullptr);
  };
  std::string text(65536, '\0');
  for (;;) {
    if (interrupted != 0) {
      shutdown(progress.get(), SHUT_WR);
      wait_for_end(progress.get());
      finish();
      return std::unexpected(Failure{"interrupted", "", {}, {}});
    }
    const auto n = recv(progress.get(), text.data(), text.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      finish();
      return std::unexpected(
          Failure{"the supervisor ended without a word", "", {}, plan.paths.state + "/logs/supervisor.log"});
    }
    const auto message = json::parse(std::string_view(text.data(), static_cast<std::size_t>(n))).as_object();
    const auto& event = message.at("event").as_string();
    if (event == "up") {
      if (stay) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, nullptr);
      }
      finish();
      return {};
    }
    if (event == "failed") {
      wait_for_end(progress.get());
      finish();
      return std::unexpected(to_failure(message));
    }
    if (on_progress)
      on_progress({message.at("ready").to_number<std::size_t>(), message.at("of").to_number<std::size_t>(),
                   std::string(message.at("waits_for").as_string())});
  }
}

Result<Fd> lock_state(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail("cannot make the state folder: " + error.message(), folder);
  chmod(folder.c_str(), 0700);
  Fd lock(open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail(std::string("cannot open the lock: ") + std::strerror(errno), folder + "/lock");
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail("another lab keeps its data here", folder,
                "run it under another name, or set XDG_STATE_HOME");
  return lock;
}

}  // namespace lab::runtime
