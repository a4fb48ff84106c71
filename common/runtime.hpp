/// runtime -- what every daemon's main has in common: command line, threads over one io_context, signals,
/// readiness told to the supervisor (systemd's notify protocol), reload and drain, dropped privileges.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace lab {

/// Tells $NOTIFY_SOCKET (sd_notify(3)); nothing without one. "READY=1", "STATUS=loading zones", "STOPPING=1".
void notify(std::string_view state);

class Runtime {
 public:
  /// `threads`: at least 1; the calling thread is one of them.
  explicit Runtime(unsigned threads = 1);
  ~Runtime();
  boost::asio::io_context& io();

  /// Run once on SIGTERM or SIGINT: stop accepting, let sessions finish. Call `finish()` when drained; after
  /// `grace` (2 s) the loop ends in any case.
  void on_stop(std::function<void()> stop);
  /// Run on each SIGHUP.
  void on_reload(std::function<void()> reload);
  /// Ends `run` now. Safe from any thread.
  void finish();
  /// Sends READY=1, then runs until stopped. Returns the exit status.
  int run();
  /// Before `run`: READY=1 waits for `ready`, since something must be done first that needs the loop.
  void delay_ready();
  /// Sends READY=1, once. Call from the loop.
  void ready();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Gives up what the process no longer needs once its sockets are bound: all capabilities but `keep`
/// (names as in capabilities(7), "cap_net_raw"), and any way to gain new ones (no_new_privs). Throws
/// std::system_error.
void drop_privileges(std::initializer_list<std::string_view> keep = {});

/// The command line shared by all daemons: --config FILE, --check-config, --help-config, --log-level, --help,
/// --version.
struct Daemon {
  std::string name;     ///< "lab-dnsd"
  std::string summary;  ///< one sentence
  std::string example;  ///< one command line
  /// The text of --help-config.
  std::function<std::string()> reference;
  /// Validates the file; returns the rendered mistakes, empty when there are none.
  std::function<std::string(const std::string& path)> check;
  /// Runs until stopped; returns the exit status.
  std::function<int(const std::string& path)> run;
};
/// 0 done, 1 failed, 2 wrong usage or configuration.
int daemon_main(int argc, char** argv, const Daemon& daemon);

}  // namespace lab
