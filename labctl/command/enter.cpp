#include "labctl/command/enter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "labctl/command/context.hpp"
#include "labctl/plan/dns_transports.hpp"

extern char** environ;

namespace lab::command {

using runtime::Fd;

namespace {

bool same_namespace(int fd, const char* own) {
  struct stat theirs {
  }, ours{};
  return fstat(fd, &theirs) == 0 && stat(own, &ours) == 0 && theirs.st_ino == ours.st_ino &&
         theirs.st_dev == ours.st_dev;
}

/// Of this process, for its child.
Fd own_handle() { return Fd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0))); }

/// A killed labctl leaves no program behind in the node, at whatever moment: the kernel ends this process
/// with its parent from now on, and the parent may be gone already.
void end_with(const Fd& parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd ended{parent.get(), POLLIN, 0};
  if (poll(&ended, 1, 0) > 0) _exit(128 + SIGKILL);
}

/// In the first child: join everything, then have the second child exec. Nothing here allocates shared state.
[[noreturn]] void run_inside(const Fd& labctl, const std::vector<std::pair<Fd, int>>& spaces,
                             const std::string& folder, char* const* argv, char* const* environment) {
  auto die = [](const char* what) {
    dprintf(STDERR_FILENO, "labctl: %s: %s\n", what, std::strerror(errno));
    _exit(126);
  };
  for (const auto& [fd, kind] : spaces)
    if (setns(fd.get(), kind) != 0) die("cannot enter the node");
  end_with(labctl);  // after setns: a change of credentials clears it
  const Fd self = own_handle();
  const pid_t inner = fork();
  if (inner < 0) die("cannot fork");
  if (inner == 0) {
    end_with(self);
    for (const int signal : {SIGINT, SIGQUIT, SIGPIPE}) std::signal(signal, SIG_DFL);
    if (chdir(folder.c_str()) != 0 && chdir("/") != 0) die("/");
    execvpe(argv[0], argv, environment);
    // As a shell tells it: 127 no such command, 126 one that cannot be run. A folder of PATH that may not be
    // read says EACCES too.
    const bool unknown = errno == ENOENT || (errno == EACCES && std::strchr(argv[0], '/') == nullptr);
    dprintf(STDERR_FILENO, "labctl: cannot run %s: %s\n", argv[0], std::strerror(unknown ? ENOENT : errno));
    _exit(unknown ? 127 : 126);
  }
  // This process execs nothing: what others have open (pipes of another node's program) must not live on in
  // it.
  close_range(STDERR_FILENO + 1, ~0U, 0);
  // Ctrl-C at the terminal reaches the program itself; this process only passes its end on.
  for (const int signal : {SIGINT, SIGQUIT}) std::signal(signal, SIG_IGN);
  int status = 0;
  while (waitpid(inner, &status, WUNTRACED) < 0 || WIFSTOPPED(status)) {
    if (errno != EINTR && !WIFSTOPPED(status)) _exit(126);
    if (WIFSTOPPED(status)) raise(SIGSTOP);  // job control of the shell outside sees the program stop
    if (WIFSTOPPED(status)) kill(inner, SIGCONT);
    status = 0;
  }
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

Result<Door> Door::open(runtime::ControlClient& lab, const std::string& node) {
  const auto numbers = ask(lab, "/spaces/" + node);
  if (!numbers) return std::unexpected(numbers.error());
  const auto process = fmt::format("/proc/{}", lab.supervisor());
  Door door;
  auto add = [&](const std::string& path, int kind) {
    door.spaces_.emplace_back(Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), kind);
    return static_cast<bool>(door.spaces_.back().first);
  };
  auto held = [&](const char* key) { return fmt::format("{}/fd/{}", process, numbers->at(key).as_int64()); };
  // The user namespace first: it gives the rights for the others.
  if (!add(process + "/ns/user", CLONE_NEWUSER))
    return fail(fmt::format("cannot enter the lab: {}", std::strerror(errno)));
  if (same_namespace(door.spaces_.back().first.get(), "/proc/self/ns/user")) door.spaces_.pop_back();
  if (!add(process + "/ns/pid", CLONE_NEWPID) || !add(process + "/ns/ipc", CLONE_NEWIPC) ||
      !add(held("net"), CLONE_NEWNET) || !add(held("uts"), CLONE_NEWUTS) || !add(held("mnt"), CLONE_NEWNS))
    return fail(fmt::format("cannot enter {}: {}", node, std::strerror(errno)));
  return door;
}

Result<pid_t> Door::start(const std::vector<std::string>& argv,
                          const std::map<std::string, std::string>& environment, Streams streams) const {
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  const auto argument_list = pointers(arguments);
  auto variable_list = pointers(variables);
  std::error_code error;
  const auto folder = std::filesystem::current_path(error).string();
  std::fflush(nullptr);
  const Fd self = own_handle();
  const pid_t pid = fork();
  if (pid < 0) return fail(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid > 0) return pid;
  // PATH decides what execvpe finds: the node's, not ours.
  environ = variable_list.data();
  if (streams.in != STDIN_FILENO) dup2(streams.in, STDIN_FILENO);
  if (streams.out != STDOUT_FILENO) dup2(streams.out, STDOUT_FILENO);
  if (streams.err != STDERR_FILENO) dup2(streams.err, STDERR_FILENO);
  run_inside(self, spaces_, folder, argument_list.data(), variable_list.data());
}

int Door::wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return kFailed;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::map<std::string, std::string> node_environment(const plan::Plan& plan, const std::string& node) {
  std::map<std::string, std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  const auto home = fmt::format("{}/{}/home", plan.paths.state, node);
  std::error_code ignored;
  std::filesystem::create_directories(home, ignored);
  const auto path = out["PATH"];
  out["PATH"] = plan.paths.bin + ":" + (path.empty() ? std::string("/usr/bin:/bin") : path) +
                ":/usr/local/sbin:/usr/sbin:/sbin";
  out["HOME"] = home;
  out["LAB"] = plan.lab;
  out["LAB_NODE"] = node;
  out["LAB_DNS_CONTROL"] = plan::dns_control_path(plan.paths.runtime, node);  // for lab-dnsctl
  // The lab CA is /etc/ssl/certs/ca-certificates.crt inside a node; OpenSSL looks elsewhere unless told.
  const auto* planned = plan.node(node);
  // A machine without /etc/krb5.conf has nowhere to mount the node's over.
  if (planned != nullptr)
    for (const auto& file : planned->etc)
      if (file.path == "/etc/krb5.conf")
        out["KRB5_CONFIG"] = fmt::format("{}/nodes/{}{}", plan.paths.runtime, node, file.path);
  if (planned != nullptr && !planned->trust_ca) return out;
  for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "LDAPTLS_CACERT"})
    out[name] = plan.ca_certificate;
  return out;
}

}  // namespace lab::command
