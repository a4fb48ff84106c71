#include "dhcp/server_clock.hpp"

#include <algorithm>
#include <ctime>

namespace lab::dhcp {

std::chrono::nanoseconds boot_time() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

ServerClock::ServerClock() : wall_at_start_(std::chrono::system_clock::now()), boot_at_start_(boot_time()) {}

ServerTime ServerClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(
      wall_at_start_ +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(boot_time() - boot_at_start_));
}

ServerTime end_by_clock(ServerTime started, ServerTime expires, ServerTime now) {
  return started > now && expires > now ? std::min(expires, now + (expires - started)) : expires;
}

}  // namespace lab::dhcp
