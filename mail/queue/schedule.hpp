/// schedule -- when a message that could not be sent is tried again, when its sender is told that it is late,
/// and when it goes back (RFC 5321 4.5.4.1). Pure; the clock is an argument.
#pragma once
#include <chrono>
#include <ctime>
#include <vector>

namespace lab::mail::queue {

struct Schedule {
  std::vector<std::chrono::seconds>
      retry;  ///< pauses after the first, second … attempt; the last one is repeated
  std::chrono::seconds warn_after, give_up_after;

  /// `attempts`: how many have failed, this one included.
  std::time_t next_attempt(int attempts, std::time_t now) const {
    auto index = static_cast<std::size_t>(attempts > 0 ? attempts - 1 : 0);
    return now + retry[index < retry.size() ? index : retry.size() - 1].count();
  }
  bool late(std::time_t accepted, std::time_t now) const { return now - accepted >= warn_after.count(); }
  bool too_late(std::time_t accepted, std::time_t now) const {
    return now - accepted >= give_up_after.count();
  }
};

}  // namespace lab::mail::queue
