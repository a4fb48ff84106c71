#include "labctl/probe/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lab::probe {

Result<Connection> Connection::open(const std::string& host, std::uint16_t port,
                                    std::chrono::milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    return fail(fmt::format("{} has no address: {}", host, gai_strerror(error)));
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int status = connect(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  freeaddrinfo(found);
  Connection connection(fd);
  if (status == EINPROGRESS) {
    pollfd writable{fd, POLLOUT, 0};
    socklen_t size = sizeof status;
    if (poll(&writable, 1, static_cast<int>(patience.count())) != 1)
      status = ETIMEDOUT;
    else
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size);
  }
  if (status != 0) return fail(std::strerror(status));
  // Blocking from here on, each read and write bounded: what OpenSSL wants.
  const timeval bound{patience.count() / 1000, patience.count() % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return connection;
}

Connection::Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

std::string Connection::read_some() {
  std::string text(4096, '\0');
  const auto size = recv(fd_, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

bool Connection::read_until_line(std::string_view start) {
  constexpr std::size_t kMost = 65536;  // greetings and capability lists are far shorter
  std::string text = "\n";
  while (text.size() < kMost) {
    const auto more = read_some();
    if (more.empty()) return false;
    text += more;
    const auto at = text.find("\n" + std::string(start));
    if (at != std::string::npos && text.find('\n', at + 1) != std::string::npos) return true;
  }
  return false;
}

bool Connection::write(std::string_view bytes) {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace lab::probe
