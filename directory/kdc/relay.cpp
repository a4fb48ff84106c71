#include "directory/kdc/relay.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "directory/kdc/password_watch.hpp"

namespace lab::directory::kdc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kGone =
    "RESULT\ncode: 52\ninfo: Kerberos was ended meanwhile, and nothing is changed; try again\n";  // unavailable

/// One message of slapd: it ends with a blank line, or with the connection.
std::string read_message(int fd, int milliseconds) {
  std::string text;
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (text.size() < WatchLimits::kMessage) {
    pollfd p{fd, POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || ::poll(&p, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 16384> buffer;
    const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.ends_with("\n\n")) break;
  }
  return text;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool read_all(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const auto n = ::recv(fd, to, size, 0);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) to += n, size -= static_cast<std::size_t>(n);
  }
  return true;
}

/// A text between the two processes: its length, then itself.
bool write_text(int fd, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return write_all(fd, {reinterpret_cast<const char*>(&size), sizeof size}) && write_all(fd, text);
}

std::optional<std::string> read_text(int fd) {
  std::uint32_t size = 0;
  if (!read_all(fd, reinterpret_cast<char*>(&size), sizeof size) || size > 2 * WatchLimits::kMessage)
    return std::nullopt;
  std::string text(size, '\0');
  return read_all(fd, text.data(), size) ? std::optional(std::move(text)) : std::nullopt;
}

[[noreturn]] void relay(int listener, int channel, int patience) {
  bool gone = false;
  auto close_door = [&] {
    gone = true;
    ::shutdown(listener, SHUT_RD);  // nobody new comes in; it is readable from now on
  };
  while (true) {
    std::array<pollfd, 2> fds{pollfd{listener, POLLIN, 0}, pollfd{gone ? -1 : channel, POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) close_door();  // nothing comes from there unasked
    if (fds[0].revents == 0) continue;
    const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0 && gone) ::_exit(0);  // whoever had connected has been told
    if (peer < 0) continue;
    const auto message = read_message(peer, patience);
    std::optional<std::string> answer;
    if (!gone && write_text(channel, message)) answer = read_text(channel);
    if (!answer && !gone) close_door();
    if (answer)
      write_all(peer, *answer);
    else if (!message.starts_with("RESULT"))
      write_all(peer, kGone);
    ::close(peer);
  }
}

Result<int> listen_on(const std::string& path) {
  auto failure = [&](const char* what) {
    return fail(std::string(what) + ": " + std::strerror(errno), path);
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail("the path is too long for a Unix socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failure("cannot make a socket");
  const auto before = ::umask(0077);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::umask(before);
  if (bound && ::listen(fd, SOMAXCONN) == 0) return fd;
  const auto why = failure("cannot listen");
  ::close(fd);
  return why;
}

}  // namespace

Result<Relay> Relay::start(const std::string& path, int patience) {
  const auto listener = listen_on(path);
  if (!listener) return std::unexpected(listener.error());
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    ::close(*listener);
    return fail(std::string("cannot make a channel: ") + std::strerror(errno));
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    relay(*listener, ends[1], patience);
  }
  ::close(*listener);
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return fail(std::string("cannot fork: ") + std::strerror(errno));
  }
  return Relay(ends[0]);
}

Relay::Relay(Relay&& other) noexcept : channel_(std::exchange(other.channel_, -1)) {}

Relay::~Relay() {
  if (channel_ >= 0) ::close(channel_);
}

bool Relay::serve(const std::function<std::string(std::string_view)>& answer) {
  const auto message = read_text(channel_);
  return message && write_text(channel_, answer(*message));
}

}  // namespace lab::directory::kdc
