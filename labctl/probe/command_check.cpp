#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "labctl/probe/verdict.hpp"

extern char** environ;

namespace lab::probe {
namespace {

constexpr std::size_t kMostOutput = 65536;
constexpr std::size_t kShown = 300;

std::string shown(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  if (text.size() > kShown) text = "…" + text.substr(text.size() - kShown);
  return text.empty() ? "no output" : "'" + text + "'";
}

}  // namespace

/// The shell text is the teacher's own, from the topology; it runs in a process group that is ended with it.
Verdict verify(const plan::CommandCheck& check, const Surroundings& world) {
  const auto expected = check.expect.empty() ? std::string("exit status 0")
                                             : fmt::format("exit status 0 and '{}' in the output",
                                                           fmt::join(check.expect, "', '"));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return broken("cannot make a pipe", expected);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string words = check.command;
  char* const argv[] = {shell.data(), option.data(), words.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, shell.c_str(), &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return broken("cannot start a shell", expected);
  }
  const auto end = std::chrono::steady_clock::now() + world.patience;
  std::string output;
  bool late = false;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd readable{ends[0], POLLIN, 0};
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) == 0) {
      late = true;
      kill(-pid, SIGKILL);
      break;
    }
    char buffer[4096];
    const auto n = read(ends[0], buffer, sizeof buffer);
    if (n <= 0) break;
    if (output.size() < kMostOutput) output.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (late)
    return broken(fmt::format("still running after {} s, ended; {}",
                              std::chrono::duration<double>(world.patience).count(), shown(output)),
                  expected);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return broken(fmt::format("{} and {}",
                              WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                                : fmt::format("signal {}", WTERMSIG(status)),
                              shown(output)),
                  expected);
  if (std::ranges::any_of(check.expect,
                          [&](const std::string& text) { return output.find(text) == std::string::npos; }))
    return broken(shown(output), expected);
  return holds(shown(output));
}

}  // namespace lab::probe
