#include "dhcp/server_clock.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>

namespace lab::dhcp {

std::chrono::nanoseconds boot_time() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

ServerClock::ServerClock() : wall_at_start_(std::chrono::system_clock::now()), boot_at_start_(boot_time()) {}

namespace {

/// Different after each start of the machine; empty where the kernel does not say.
std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  in >> id;
  return id;
}

}  // namespace

Result<void> ServerClock::go_on(const std::string& leases) {
  const auto path = leases + "-clock";
  const auto boot = boot_id();
  if (boot.empty()) return {};
  std::ifstream in(path);
  std::string former;
  std::int64_t wall = 0, since_boot = 0;
  if (in >> former >> wall >> since_boot && former == boot) {
    wall_at_start_ = std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(wall)));
    boot_at_start_ = std::chrono::nanoseconds(since_boot);
    return {};
  }
  // Nothing of it counts once the machine has lost its power: it need not be on disk, but whole.
  const auto fresh = path + ".new";
  std::ofstream out(fresh);
  out << boot << ' ' << std::chrono::nanoseconds(wall_at_start_.time_since_epoch()).count() << ' '
      << boot_at_start_.count() << '\n';
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail("cannot remember the clock of the leases", path, "their folder must be writable");
  return {};
}

ServerTime ServerClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(
      wall_at_start_ +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(boot_time() - boot_at_start_));
}

/// A client that gives its lease back and takes it again at once has them stamped one after the other, ahead
/// of time.
constexpr std::chrono::seconds kStampedAhead(60);

ServerTime end_by_clock(ServerTime started, ServerTime expires, ServerTime now) {
  return started > now && expires > now ? std::min(expires, now + (expires - started)) : expires;
}

ServerTime order_by_clock(ServerTime touched, ServerTime now) {
  return touched > now + kStampedAhead ? ServerTime{} : touched;
}

}  // namespace lab::dhcp
