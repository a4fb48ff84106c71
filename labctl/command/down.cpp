#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"

namespace lab::command {

namespace {

constexpr int kMostWait = 10'000;  // ms; the supervisor gives its services 0.7 s a stage

/// Process 1 of the lab has ended: with it every process, interface and mount.
bool wait_for_end(const runtime::Fd& process) {
  pollfd ended{process.get(), POLLIN, 0};
  return poll(&ended, 1, kMostWait) == 1;
}

int purge(const std::string& lab, const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder + "/lock", error))
    return complain({fmt::format("{} has no data", lab), folder, ""}, kUsage);
  const auto removed = std::filesystem::remove_all(folder, error);
  if (error) return complain({"cannot remove it: " + error.message(), folder, ""});
  fmt::print("{}: its data are removed ({} in {})\n", lab, counted(removed, "file"), folder);
  return kDone;
}

}  // namespace

int down(const DownOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) {
    // Not running is no mistake when its data shall go.
    if (options.purge && !options.lab.empty() && options.lab.find('/') == std::string::npos)
      return purge(options.lab, state_home() + "/" + options.lab);
    return complain(lab.error());
  }
  const auto status = ask(*lab, "/status");
  if (!status) return complain(status.error());
  const std::string folder(
      status->at("state_folder").as_string());  // where the lab says, whatever our environment is
  const auto began = std::chrono::steady_clock::now();
  const runtime::Fd process(static_cast<int>(syscall(SYS_pidfd_open, lab->supervisor(), 0)));
  if (auto asked = tell(*lab, "/down"); !asked) return complain(asked.error());
  if (!process || !wait_for_end(process)) {
    // It does not answer any more: the kernel ends everything with it.
    if (process) syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    if (process) wait_for_end(process);
  }
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!options.purge) {
    fmt::print("{} is down ({}); mail, leases and directory data stay in {}\n", lab->lab(),
               duration_text(seconds), folder);
    return kDone;
  }
  fmt::print("{} is down ({})\n", lab->lab(), duration_text(seconds));
  return purge(lab->lab(), folder);
}

}  // namespace lab::command
