#include "directory/local_session.hpp"

#include <ldap.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace lab::directory {
namespace {

using Clock = std::chrono::steady_clock;

/// Waits for `events`; false at the deadline.
bool ready(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd p{fd, events, 0};
    const int n = ::poll(&p, 1, static_cast<int>(left));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

}  // namespace

Result<LocalSession> LocalSession::open(const std::string& path, std::chrono::milliseconds patience) {
  auto session = connect(path, patience);
  if (session)
    if (auto bound = session->bind(); !bound) return std::unexpected(bound.error());
  return session;
}

Result<LocalSession> LocalSession::connect(const std::string& path, std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail("the path is too long for a Unix socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(std::string("cannot make a socket: ") + std::strerror(errno));
  LocalSession session(fd, patience);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail(std::string("cannot connect: ") + std::strerror(errno), path);
  return session;
}

Result<void> LocalSession::bind() {
  auto bound = ask(wire_.bind_external());
  if (!bound) return std::unexpected(bound.error());
  if (!bound->ok()) return fail("the directory does not take us for its administrator: " + bound->text());
  return {};
}

LocalSession::LocalSession(LocalSession&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      patience_(other.patience_),
      wire_(std::move(other.wire_)),
      early_(std::move(other.early_)) {}

LocalSession::~LocalSession() {
  if (fd_ < 0) return;
  wire_.unbind();
  const auto bye = wire_.take_output();
  (void)::send(fd_, bye.data(), bye.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd_);
}

Result<void> LocalSession::send(Clock::time_point deadline) {
  const auto bytes = wire_.take_output();
  for (std::size_t at = 0; at < bytes.size();) {
    if (!ready(fd_, POLLOUT, deadline)) return fail("the directory takes no more questions");
    const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return fail(std::string("cannot write to the directory: ") + std::strerror(errno));
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  return {};
}

Result<Reply> LocalSession::receive(int id, Clock::time_point deadline) {
  while (true) {
    if (auto known = early_.extract(id)) return std::move(known.mapped());
    while (auto reply = wire_.next()) {
      if (reply->id == id) return std::move(*reply);
      early_.emplace(reply->id, std::move(*reply));
    }
    if (wire_.broken()) return std::unexpected(*wire_.broken());
    if (!ready(fd_, POLLIN, deadline)) return fail("the directory does not answer");
    std::array<char, 16384> buffer;
    const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n == 0) return fail("the directory has closed the connection");
    if (n < 0 && errno != EINTR)
      return fail(std::string("cannot read from the directory: ") + std::strerror(errno));
    if (n > 0) wire_.feed({buffer.data(), static_cast<std::size_t>(n)});
  }
}

Result<Reply> LocalSession::ask(Result<int> id) {
  if (!id) return std::unexpected(id.error());
  const auto deadline = Clock::now() + patience_;
  early_.clear();  // what nobody waits for any more
  if (auto sent = send(deadline); !sent) return std::unexpected(sent.error());
  return receive(*id, deadline);
}

std::vector<Result<Reply>> LocalSession::add_all(const std::vector<Entry>& entries) {
  constexpr std::size_t kAtOnce = 64;  // slapd's conn_max_pending is 1000
  std::vector<Result<Reply>> replies;
  std::vector<int> ids;
  early_.clear();
  for (std::size_t next = 0; replies.size() < entries.size();) {
    for (; next < entries.size() && next < replies.size() + kAtOnce; ++next)
      ids.push_back(wire_.add(entries[next]).value_or(-1));
    const auto deadline = Clock::now() + patience_;
    const int id = ids[replies.size()];
    if (auto sent = send(deadline); !sent)
      replies.emplace_back(std::unexpected(sent.error()));
    else if (id < 0)
      replies.emplace_back(fail("this cannot be written as LDAP"));
    else
      replies.push_back(receive(id, deadline));
  }
  return replies;
}

Result<Reply> LocalSession::search(const Search& s) { return ask(wire_.search(s)); }
Result<Reply> LocalSession::add(const Entry& entry) { return ask(wire_.add(entry)); }
Result<Reply> LocalSession::remove(const std::string& dn) { return ask(wire_.remove(dn)); }
Result<Reply> LocalSession::modify(const std::string& dn, const std::vector<Modification>& changes) {
  return ask(wire_.modify(dn, changes));
}
Result<Reply> LocalSession::change_password(const std::string& dn, std::string_view fresh) {
  return ask(wire_.change_password(dn, fresh));
}

}  // namespace lab::directory
