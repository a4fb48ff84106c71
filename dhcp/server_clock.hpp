/// server_clock -- the wall clock of the start, carried on by a clock that nobody can set and that counts the
/// time a machine sleeps: a clock that jumps must not end every lease.
#pragma once
#include <chrono>

#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class ServerClock {
 public:
  ServerClock();
  ServerTime now() const;

 private:
  std::chrono::system_clock::time_point wall_at_start_;
  std::chrono::nanoseconds boot_at_start_;
};

/// Since the machine started, sleep included.
std::chrono::nanoseconds boot_time();

/// When a lease from the disk ends. One that begins later than now was granted before the clock was set back;
/// counted on, it could last for years.
ServerTime end_by_clock(ServerTime started, ServerTime expires, ServerTime now);

}  // namespace lab::dhcp
