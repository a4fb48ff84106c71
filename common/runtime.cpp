#include "common/runtime.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/log.hpp"

namespace lab {

namespace asio = boost::asio;

void notify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (*path != '/' && *path != '@')) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const auto length = std::strlen(path);
  if (length >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, path, length);
  if (*path == '@') to.sun_path[0] = '\0';  // sd_notify(3): an abstract socket
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size) <
      0)
    log::warning("cannot tell the supervisor '{}': {}", state, std::strerror(errno));
  close(socket);
}

struct Runtime::Impl {
  explicit Impl(unsigned count)
      : threads(std::max(count, 1U)), io(static_cast<int>(threads)), signals(io), grace(io) {}
  unsigned threads;
  asio::io_context io;
  asio::signal_set signals;
  asio::steady_timer grace;
  std::function<void()> stop, reload;
  bool stopping = false;
  bool told_ready = false, ready_later = false;

  void wait_for_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        log::info("reloading on SIGHUP");
        if (reload) reload();
      } else if (stopping) {
        io.stop();  // asked twice: at once
      } else {
        begin_stop();
      }
      wait_for_signal();
    });
  }

  void begin_stop() {
    constexpr auto kGrace = std::chrono::seconds(2);
    stopping = true;
    notify("STOPPING=1");
    if (!stop) return io.stop();
    grace.expires_after(kGrace);
    grace.async_wait([this](const boost::system::error_code& error) {
      if (!error) io.stop();
    });
    stop();
  }
};

Runtime::Runtime(unsigned threads) : impl_(std::make_unique<Impl>(threads)) {
  // From the first moment, so that a signal during start-up is not lost.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) impl_->signals.add(signal);
  std::signal(SIGPIPE, SIG_IGN);
}
Runtime::~Runtime() = default;

asio::io_context& Runtime::io() { return impl_->io; }
void Runtime::on_stop(std::function<void()> stop) { impl_->stop = std::move(stop); }
void Runtime::on_reload(std::function<void()> reload) { impl_->reload = std::move(reload); }
void Runtime::finish() { impl_->io.stop(); }

void Runtime::delay_ready() { impl_->ready_later = true; }
void Runtime::ready() {
  if (!std::exchange(impl_->told_ready, true)) notify("READY=1");
}

int Runtime::run() {
  impl_->wait_for_signal();
  const auto work = asio::make_work_guard(impl_->io);
  if (!impl_->ready_later) ready();
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < impl_->threads; ++i) others.emplace_back([this] { impl_->io.run(); });
  impl_->io.run();
  return 0;
}

}  // namespace lab
