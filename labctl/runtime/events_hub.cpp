#include "labctl/runtime/events_hub.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <list>

#include "labctl/runtime/fd.hpp"

namespace lab::runtime {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct EventsHub::Impl {
  Impl(asio::io_context& io, Fd socket, char* flag)
      : input(io, socket.release()), ended(io), listening(flag) {}
  ~Impl() { munmap(listening, 1); }
  asio::posix::stream_descriptor input;
  asio::steady_timer ended;  // looks for listeners that have left, while there are any
  char* listening;
  std::list<std::function<bool(const std::string&)>> listeners;

  void publish(const std::string& line) {
    std::erase_if(listeners, [&](const auto& write) { return !write(line); });
    set_flag();
  }
  void set_flag() {
    __atomic_store_n(listening, static_cast<char>(listeners.empty() ? 0 : 1), __ATOMIC_RELAXED);
  }
  void receive() {
    input.async_wait(
        asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
          if (error) return;
          char text[8192];
          for (ssize_t n = 0; (n = recv(input.native_handle(), text, sizeof text, MSG_DONTWAIT)) > 0;)
            publish(std::string(text, static_cast<std::size_t>(n)) + "\n");
          receive();
        });
  }
  void look_for_leavers() {
    if (listeners.empty()) return;
    ended.expires_after(1s);
    ended.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      publish("\n");  // an empty line tells a reader nothing, and us whether it is still there
      look_for_leavers();
    });
  }
};

EventsHub::EventsHub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventsHub::~EventsHub() = default;

Result<std::unique_ptr<EventsHub>> EventsHub::create(asio::io_context& io, const std::string& folder) {
  auto problem = [&](const char* what) {
    return fail(fmt::format("{}: {}", what, std::strerror(errno)), folder);
  };
  if (mkdir(folder.c_str(), 0755) != 0) return problem("cannot make the folder for events");
  const Fd file(open((folder + "/listening").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file || ftruncate(file.get(), 1) != 0) return problem("cannot make the flag for events");
  void* page = mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) return problem("cannot map the flag for events");
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = folder + "/socket";
  if (path.size() >= sizeof address.sun_path) return fail("the path of the event socket is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (!socket || bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return problem("cannot make the event socket");
  auto impl = std::make_unique<Impl>(io, std::move(socket), static_cast<char*>(page));
  impl->receive();
  return std::unique_ptr<EventsHub>(new EventsHub(std::move(impl)));
}

void EventsHub::subscribe(std::function<bool(const std::string&)> write) {
  const bool first = impl_->listeners.empty();
  impl_->listeners.push_back(std::move(write));
  impl_->set_flag();
  if (first) impl_->look_for_leavers();
}

}  // namespace lab::runtime
