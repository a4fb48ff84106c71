/// schedule -- when a router speaks on one wire (RFC 4861 6.2.4, 6.2.6), without sockets or clock: now and
/// then by itself, often at first, and when a host asks. Times go in, times come out.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

namespace lab::dhcp::ra {

using Time = std::chrono::steady_clock::time_point;

struct Intervals {
  std::chrono::milliseconds most{600000};   ///< MaxRtrAdvInterval
  std::chrono::milliseconds least{200000};  ///< MinRtrAdvInterval
  /// MAX_RA_DELAY_TIME: how long an answer may be held back, so that two routers do not speak at once. With
  /// one router on the wire there is nobody to collide with.
  std::chrono::milliseconds answer_delay{500};
};

class Schedule {
 public:
  static constexpr int kInitial = 3;                               ///< MAX_INITIAL_RTR_ADVERTISEMENTS
  static constexpr std::chrono::milliseconds kInitialMost{16000};  ///< MAX_INITIAL_RTR_ADVERT_INTERVAL
  static constexpr std::chrono::milliseconds kApart{3000};         ///< MIN_DELAY_BETWEEN_RAS, to everybody

  /// `random` returns any 32-bit number. The first advertisement is due at once.
  Schedule(Intervals intervals, std::function<std::uint32_t()> random, Time now)
      : intervals_(intervals), random_(std::move(random)), next_(now), last_(now - kApart) {}

  /// When to speak to everybody next.
  Time next() const { return next_; }
  /// It was done, at `now`.
  void spoken(Time now);
  /// A host without an address asks, so that the answer goes to everybody: it moves `next` up.
  void asked(Time now);
  /// How long to hold back an answer to one host.
  std::chrono::milliseconds delay();

 private:
  std::chrono::milliseconds between(std::chrono::milliseconds least, std::chrono::milliseconds most);

  Intervals intervals_;
  std::function<std::uint32_t()> random_;
  Time next_, last_;
  int count_ = 0;
};

}  // namespace lab::dhcp::ra
