/// units -- starts the lab's processes in dependency order and watches them: ready by notification
/// (sd_notify(3)), never by sleeping or polling; one that crashes is started again after a pause that grows;
/// what ended and why is remembered. Lives on the supervisor's one thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "labctl/runtime/namespaces.hpp"
#include "labctl/runtime/unit.hpp"

namespace lab::runtime {

class Units {
 public:
  struct World {
    std::function<const Spaces*(const std::string& node)> spaces;
    /// Makes ready what the unit needs on disk: folders, files, certificates.
    std::function<Result<void>(const Unit&)> prepare;
    std::string notify_folder;  ///< for the readiness sockets
    std::map<std::string, std::string> environment;
  };
  Units(boost::asio::io_context& io, World world);

  void add(Unit unit);
  void forget(const std::string& id);  ///< its process must have ended
  Unit* find(const std::string& id);
  const std::vector<std::unique_ptr<Unit>>& list() const { return units_; }

  /// Starts every waiting unit whose `after` are all ready. Called again by itself whenever one becomes
  /// ready.
  void schedule();
  /// SIGTERM; SIGKILL after `patience`. `wanted` becomes false: it stays stopped.
  void stop(Unit& unit, std::chrono::milliseconds patience);
  /// Waiting again (and started when its turn comes).
  void start(Unit& unit);
  void reload(Unit& unit);
  void kill_all(int signal);

  /// Completes after the next change of any unit.
  boost::asio::awaitable<void> change();
  /// Completes when no unit in `ids` has a process.
  boost::asio::awaitable<void> ended(std::vector<std::string> ids);
  /// No restarts from now on: the lab is going down.
  void closing() { closing_ = true; }
  bool restart_crashed = false;  ///< set once the lab is up: before that a crash fails the `up`

 private:
  struct Watch {  // what belongs to a running process
    std::unique_ptr<boost::asio::posix::stream_descriptor> notify;
    std::string notify_path;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  void launch(Unit& unit);
  void fail_unit(Unit& unit, std::string why);
  void wait_for_ready(const std::string& id);
  void arm(Unit& unit, std::chrono::milliseconds after, std::function<void(Unit&)> action);
  void became_ready(Unit& unit);
  void on_exit(pid_t pid, int status);
  void wait_for_children();
  void changed();

  boost::asio::io_context& io_;
  World world_;
  boost::asio::signal_set children_;
  boost::asio::steady_timer change_;
  std::vector<std::unique_ptr<Unit>> units_;
  std::map<std::string, Watch> watches_;
  unsigned notify_count_ = 0;
  bool closing_ = false;
};

}  // namespace lab::runtime
