#include "dhcp/ra/schedule.hpp"

#include <algorithm>

namespace lab::dhcp::ra {

using std::chrono::milliseconds;

milliseconds Schedule::between(milliseconds least, milliseconds most) {
  if (most <= least) return least;
  return least + milliseconds(random_() % static_cast<std::uint32_t>((most - least).count() + 1));
}

milliseconds Schedule::delay() { return between(milliseconds(0), intervals_.answer_delay); }

void Schedule::spoken(Time now) {
  last_ = now;
  auto wait = between(intervals_.least, intervals_.most);
  if (++count_ < kInitial) wait = std::min(wait, kInitialMost);
  next_ = now + std::max(wait, kApart);
}

void Schedule::asked(Time now) { next_ = std::min(next_, std::max(now + delay(), last_ + kApart)); }

}  // namespace lab::dhcp::ra
