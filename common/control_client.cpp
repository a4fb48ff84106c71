#include "common/control_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lab {

Result<std::string> ask_control(const std::string& path, const std::string& line) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) return fail("too long for a socket's path", path);
  std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto failed = [&](const char* what) {
    auto error = fail(std::string(what) + ": " + std::strerror(errno), path);
    if (fd >= 0) close(fd);
    return error;
  };
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return failed("nobody answers there");
  const std::string question = line + "\n";
  if (send(fd, question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size()))
    return failed("cannot ask");
  std::string reply;
  char buffer[65536];
  for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) != 0;) {
    if (size < 0 && errno != EINTR) return failed("no answer");
    if (size > 0) reply.append(buffer, static_cast<std::size_t>(size));
  }
  close(fd);
  return reply;
}

}  // namespace lab
