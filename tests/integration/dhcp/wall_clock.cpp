/// wall_clock -- preloaded into a daemon by tests: its wall clock is ahead by as many seconds as the file
/// $LAB_CLOCK says at that moment (or behind). No real clock is touched, and clocks that nobody can set show
/// what they do.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace {

long ahead() {
  const char* path = std::getenv("LAB_CLOCK");
  char text[24] = {};
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const bool good = read(fd, text, sizeof text - 1) > 0;
  close(fd);
  return good ? std::atol(text) : 0;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto status = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_REALTIME && status == 0) time->tv_sec += ahead();
  return status;
}
