#include "labctl/runtime/units.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "common/log.hpp"
#include "labctl/runtime/process.hpp"

namespace lab::runtime {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// A crash shows in `labctl status` for as long as this before the next try; each further crash doubles it.
constexpr auto kFirstPause = 2s;
constexpr unsigned kMostDoublings = 5;

Result<Fd> notify_socket(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail("the path of the notify socket is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (!socket || bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(fmt::format("cannot make a notify socket: {}", std::strerror(errno)), path);
  return socket;
}

}  // namespace

Units::Units(asio::io_context& io, World world)
    : io_(io),
      world_(std::move(world)),
      children_(io, SIGCHLD),
      change_(io, asio::steady_timer::time_point::max()) {
  wait_for_children();
}

void Units::add(Unit unit) { units_.push_back(std::make_unique<Unit>(std::move(unit))); }

void Units::forget(const std::string& id) {
  watches_.erase(id);
  std::erase_if(units_, [&](const auto& unit) { return unit->id == id; });
}

Unit* Units::find(const std::string& id) {
  for (const auto& unit : units_)
    if (unit->id == id) return unit.get();
  return nullptr;
}

void Units::schedule() {
  if (closing_) return;
  for (const auto& unit : units_) {
    if (unit->state != UnitState::Waiting || !unit->wanted) continue;
    const bool free = std::ranges::all_of(unit->after, [&](const std::string& id) {
      const auto* other = find(id);
      return other == nullptr || other->state == UnitState::Ready;
    });
    if (free) launch(*unit);
  }
}

void Units::launch(Unit& unit) {
  unit.state = UnitState::Starting;
  unit.started = Unit::Clock::now();
  unit.ending.clear();
  if (auto ready = world_.prepare(unit); !ready) return fail_unit(unit, ready.error().text());
  const auto* spaces = world_.spaces(unit.node);
  if (spaces == nullptr) return fail_unit(unit, "its node does not exist");
  auto& watch = watches_[unit.id];
  Program program{unit.argv, world_.environment, unit.log_file};
  program.environment["LAB_SERVICE"] = unit.id;
  program.environment["LAB_NODE"] = unit.node;
  if (unit.ready == plan::Ready::Notify) {
    watch.notify_path = fmt::format("{}/{}", world_.notify_folder, ++notify_count_);
    auto socket = notify_socket(watch.notify_path);
    if (!socket) return fail_unit(unit, socket.error().text());
    watch.notify = std::make_unique<asio::posix::stream_descriptor>(io_, socket->release());
    program.environment["NOTIFY_SOCKET"] = watch.notify_path;
    wait_for_ready(unit.id);
  }
  const auto pid = runtime::start(program, *spaces);
  if (!pid) return fail_unit(unit, pid.error().text());
  unit.pid = *pid;
  log::info("{}: started as process {}", unit.id, unit.pid);
  if (unit.ready == plan::Ready::Started) return became_ready(unit);
  arm(unit, unit.ready_within, [this](Unit& late) {
    if (late.state != UnitState::Starting) return;
    kill(late.pid, SIGKILL);
    late.ending =
        fmt::format("was not ready within {} s", std::chrono::duration<double>(late.ready_within).count());
  });
}

void Units::fail_unit(Unit& unit, std::string why) {
  log::error("{}: {}", unit.id, why);
  unit.ending = std::move(why);
  unit.state = UnitState::Failed;
  watches_.erase(unit.id);
  changed();
}

void Units::arm(Unit& unit, std::chrono::milliseconds after, std::function<void(Unit&)> action) {
  auto& timer = watches_[unit.id].timer;
  timer = std::make_unique<asio::steady_timer>(io_, after);
  timer->async_wait([this, id = unit.id, action = std::move(action)](const boost::system::error_code& error) {
    if (auto* found = find(id); !error && found != nullptr) action(*found);
  });
}

void Units::wait_for_ready(const std::string& id) {
  const auto watch = watches_.find(id);
  if (watch == watches_.end() || !watch->second.notify) return;
  watch->second.notify->async_wait(
      asio::posix::stream_descriptor::wait_read, [this, id](const boost::system::error_code& error) {
        const auto found = watches_.find(id);
        auto* unit = find(id);
        if (error || found == watches_.end() || !found->second.notify || unit == nullptr) return;
        char text[4096];
        const auto size = recv(found->second.notify->native_handle(), text, sizeof text, MSG_DONTWAIT);
        const std::string_view message(text, size > 0 ? static_cast<std::size_t>(size) : 0);
        // sd_notify(3): lines of VARIABLE=value.
        const bool ready =
            message.starts_with("READY=1") || message.find("\nREADY=1") != std::string_view::npos;
        if (!ready || unit->state != UnitState::Starting) return wait_for_ready(id);
        became_ready(*unit);
      });
}

void Units::became_ready(Unit& unit) {
  unit.state = UnitState::Ready;
  unit.became_ready = Unit::Clock::now();
  log::info("{}: ready after {:.0f} ms", unit.id,
            std::chrono::duration<double, std::milli>(unit.became_ready - unit.started).count());
  auto& watch = watches_[unit.id];
  watch.timer.reset();
  watch.notify.reset();
  if (!watch.notify_path.empty()) (void)unlink(watch.notify_path.c_str());
  changed();
  asio::post(io_, [this] { schedule(); });
}

void Units::stop(Unit& unit, std::chrono::milliseconds patience) {
  unit.wanted = false;
  if (unit.pid == 0) {
    watches_.erase(unit.id);  // a pending restart
    if (unit.state != UnitState::Failed || !unit.ending.empty()) unit.state = UnitState::Stopped;
    return changed();
  }
  unit.state = UnitState::Stopping;
  kill(unit.pid, SIGTERM);
  kill(unit.pid, SIGCONT);  // one that was suspended could not end
  arm(unit, patience, [](Unit& slow) {
    if (slow.pid != 0) kill(slow.pid, SIGKILL);
  });
  changed();
}

void Units::start(Unit& unit) {
  unit.wanted = true;
  if (unit.pid != 0) return;
  watches_.erase(unit.id);
  unit.state = UnitState::Waiting;
  changed();
  schedule();
}

void Units::reload(Unit& unit) {
  if (unit.pid != 0) kill(unit.pid, SIGHUP);
}

void Units::kill_all(int signal) {
  for (const auto& unit : units_)
    if (unit->pid != 0) kill(unit->pid, signal);
}

void Units::on_exit(pid_t pid, int status) {
  const auto found = std::ranges::find_if(units_, [&](const auto& unit) { return unit->pid == pid; });
  if (found == units_.end()) return;  // an orphan of the lab that process 1 inherits, or a boot command
  Unit& unit = **found;
  if (unit.ready == plan::Ready::Forks && unit.state == UnitState::Starting && WIFEXITED(status) &&
      WEXITSTATUS(status) == 0) {
    unit.pid = 0;
    return became_ready(unit);
  }
  const auto before = unit.state;
  unit.pid = 0;
  const auto seconds = std::chrono::duration<double>(Unit::Clock::now() - unit.started).count();
  const bool late = before == UnitState::Starting && !unit.ending.empty();
  if (!late) unit.ending = fmt::format("{} after {:.2f} s", ending_text(status), seconds);
  watches_.erase(unit.id);
  const bool asked = before == UnitState::Stopping;
  // As systemd's Restart=on-failure: status 0 and SIGTERM are ends somebody wanted.
  const bool clean =
      (WIFEXITED(status) && WEXITSTATUS(status) == 0) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  unit.state = asked || (clean && before == UnitState::Ready) ? UnitState::Stopped : UnitState::Failed;
  if (asked) {
    unit.ending.clear();
    log::info("{}: stopped", unit.id);
  } else {
    log::warning("{} {}", unit.id, unit.ending);
  }
  if (unit.state == UnitState::Failed && restart_crashed && unit.wanted && !closing_) {
    const auto pause = kFirstPause * (1U << std::min(unit.restarts, kMostDoublings));
    log::info("{}: starts again in {} s", unit.id, pause.count());
    arm(unit, pause, [this](Unit& crashed) {
      if (crashed.state != UnitState::Failed || !crashed.wanted) return;
      ++crashed.restarts;
      asio::post(io_, [this, id = crashed.id] {
        if (auto* again = find(id); again != nullptr && again->pid == 0 && again->wanted) start(*again);
      });
    });
  }
  changed();
}

void Units::wait_for_children() {
  children_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) on_exit(pid, status);
    wait_for_children();
  });
}

void Units::changed() {
  // Whoever waits is woken; expiring at max again keeps the timer ready for the next who waits.
  change_.cancel();
}

asio::awaitable<void> Units::change() {
  boost::system::error_code cancelled;
  co_await change_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

asio::awaitable<void> Units::ended(std::vector<std::string> ids) {
  auto running = [&] {
    return std::ranges::any_of(ids, [&](const std::string& id) {
      const auto* unit = find(id);
      return unit != nullptr && unit->pid != 0;
    });
  };
  while (running()) co_await change();
}

}  // namespace lab::runtime
