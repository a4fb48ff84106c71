#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

#include "labctl/runtime/control.hpp"

namespace lab::runtime {
namespace {

/// An abstract address (unix(7)): its name begins with a zero byte, no file stands for it.
std::pair<sockaddr_un, socklen_t> abstract_address(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto size = std::min(name.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path + 1, name.data(), size);
  return {address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size)};
}

Result<void> send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const auto n = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("the lab does not listen any more");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

std::string control_name(const std::string& lab) { return fmt::format("labctl/{}/{}", geteuid(), lab); }

Result<Fd> bind_control(const std::string& lab) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto [address, size] = abstract_address(control_name(lab));
  if (!socket || bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
    return fail(errno == EADDRINUSE ? fmt::format("the lab {} is already running", lab)
                                    : std::string("cannot make the control socket: ") + std::strerror(errno));
  return socket;
}

std::vector<std::string> running_labs() {
  const auto prefix = "@" + control_name("");
  std::vector<std::string> labs;
  std::ifstream in("/proc/net/unix");
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(prefix);
    if (at == std::string::npos) continue;
    // Flags 00010000: a socket that listens. Connections carry the same name.
    if (line.find(" 00010000 ") == std::string::npos) continue;
    labs.push_back(line.substr(at + prefix.size()));
  }
  std::ranges::sort(labs);
  labs.erase(std::ranges::unique(labs).begin(), labs.end());
  return labs;
}

Result<ControlClient> ControlClient::connect(const std::string& lab) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto [address, size] = abstract_address(control_name(lab));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
    return fail(fmt::format("the lab {} is not running", lab), {},
                "labctl up starts it, labctl ps lists those that run");
  // Abstract names have no permissions: who serves this one must be checked.
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid())
    return fail(fmt::format("the control socket of {} is served by another user", lab));
  return ControlClient(lab, std::move(socket), peer.pid);
}

Result<ControlReply> ControlClient::exchange(const std::string& method, const std::string& target,
                                             const std::string& body) {
  const auto request = fmt::format("{} {} HTTP/1.1\r\nHost: labctl\r\nContent-Length: {}\r\n\r\n", method,
                                   target, body.size());
  if (auto sent = send_all(socket_.get(), request + body); !sent) return std::unexpected(sent.error());
  // The peer is our own supervisor and always sends Content-Length: this much HTTP is enough.
  std::string text;
  std::size_t head = std::string::npos;
  std::size_t length = 0;
  char buffer[16384];
  while (head == std::string::npos || text.size() < head + 4 + length) {
    const auto n = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(fmt::format("the lab {} ended while it was asked", lab_));
    text.append(buffer, static_cast<std::size_t>(n));
    if (head != std::string::npos) continue;
    head = text.find("\r\n\r\n");
    const auto field = text.find("Content-Length: ");
    if (head == std::string::npos || field == std::string::npos || field > head) continue;
    std::from_chars(text.data() + field + 16, text.data() + head, length);
  }
  ControlReply reply;
  if (text.size() > 12) std::from_chars(text.data() + 9, text.data() + 12, reply.status);
  reply.body = text.substr(head + 4, length);
  return reply;
}

Result<void> ControlClient::follow(const std::string& target,
                                   const std::function<bool(const std::string&)>& line) {
  if (auto sent = send_all(socket_.get(), fmt::format("GET {} HTTP/1.1\r\nHost: labctl\r\n\r\n", target));
      !sent)
    return sent;
  std::string text;
  bool in_body = false;
  char buffer[16384];
  for (;;) {
    const auto n = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    text.append(buffer, static_cast<std::size_t>(n));
    if (!in_body) {
      const auto head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      text.erase(0, head + 4);
      in_body = true;
    }
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      if (!line(text.substr(0, end))) return {};
  }
}

}  // namespace lab::runtime
