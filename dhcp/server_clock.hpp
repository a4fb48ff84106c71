/// server_clock -- the wall clock of the start, carried on by a clock that nobody can set and that counts the
/// time a machine sleeps: a clock that jumps must not end every lease. Nor may it do so when the server is
/// started anew: for as long as the machine runs, each server goes on by the clock of the one before.
#pragma once
#include <chrono>
#include <string>

#include "common/error.hpp"
#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class ServerClock {
 public:
  ServerClock();
  /// Goes on as the server did that kept the leases at `leases`, where that was since the machine started;
  /// remembers it for the next, in a file beside them.
  Result<void> go_on(const std::string& leases);
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

/// When a lease from the disk was touched last. If later than now, by a clock that was wrong then or is now,
/// it says nothing about which of two servers' records is the later: the partner's, whose clock may have gone
/// on, is.
ServerTime order_by_clock(ServerTime touched, ServerTime now);

}  // namespace lab::dhcp
