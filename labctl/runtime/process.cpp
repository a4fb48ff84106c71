#include "labctl/runtime/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <sstream>

namespace lab::runtime {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// In the child: everything was allocated before the fork.
[[noreturn]] void become(const Spaces& spaces, const char* folder, char* const* argv,
                         char* const* environment) {
  auto die = [&](const char* what) {
    dprintf(STDERR_FILENO, "%s: %s: %s\n", argv[0], what, std::strerror(errno));
    _exit(127);
  };
  if (!spaces.enter()) die("cannot enter the node");
  if (chdir(folder) != 0) die(folder);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD}) ::signal(signal, SIG_DFL);
  execve(argv[0], argv, environment);
  die("cannot run it");
  _exit(127);
}

}  // namespace

Result<pid_t> start(const Program& program, const Spaces& spaces) {
  auto arguments = program.argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.environment) variables.push_back(name + "=" + value);
  const auto argv = pointers(arguments);
  const auto environment = pointers(variables);
  const Fd log(open(program.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!log || !nothing)
    return fail(fmt::format("cannot write its log: {}", std::strerror(errno)), program.log_file);
  const pid_t pid = fork();
  if (pid < 0) return fail(fmt::format("cannot start {}: {}", program.argv.front(), std::strerror(errno)));
  if (pid > 0) return pid;
  setsid();
  dup2(nothing.get(), STDIN_FILENO);
  dup2(log.get(), STDOUT_FILENO);
  dup2(log.get(), STDERR_FILENO);
  become(spaces, program.folder.c_str(), argv.data(), environment.data());
}

std::string ending_text(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

std::vector<std::string> last_lines(const std::string& path, std::size_t count) {
  constexpr std::streamoff kTail = 16384;
  constexpr std::size_t kWidth = 300;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return {};
  in.seekg(std::max<std::streamoff>(0, in.tellg() - kTail));
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    lines.push_back(line.substr(0, kWidth));
    if (lines.size() > count) lines.pop_front();
  }
  return {lines.begin(), lines.end()};
}

std::uint64_t memory_kib(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("Pss:")) return std::strtoull(line.c_str() + 4, nullptr, 10);
  return 0;
}

std::uint64_t cpu_ms(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(in, line);
  const auto name_end = line.rfind(')');  // the name may hold spaces
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return (user + system) * 1000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
}

}  // namespace lab::runtime
