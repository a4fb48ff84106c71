#include "dns/snapshot.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace lab::dns {
namespace {

using Number = Snapshot<int>;

Number::Pointer number(int n) { return std::make_shared<const int>(n); }

TEST(Snapshot, WhoHoldsAValueSeesTheNewOneOnlyWhenAskingForIt) {
  Number snapshot(number(1));
  Number::Reader reader(snapshot);
  Number::Follower follower(snapshot);
  std::optional<Number::Reader::Hold> held(std::in_place, reader);
  std::thread writer([&] { snapshot.replace(number(2)); });
  // The replacement waits for what is held, and whoever holds it gets the new value all the same: neither
  // waits for the other.
  while (*snapshot.get() != 2) std::this_thread::yield();
  EXPECT_EQ(follower.now(), 2);
  EXPECT_EQ(**held, 1);
  held.reset();
  writer.join();
  EXPECT_EQ(*reader.hold(), 2);
}

TEST(Snapshot, ReadersThatComeAndGoMissNoReplacement) {
  Number snapshot(number(0));
  constexpr int kReplacements = 2000;
  std::thread writer([&] {
    for (int i = 1; i <= kReplacements; ++i) snapshot.replace(number(i));
  });
  for (int last = 0; last < kReplacements;) {
    Number::Reader reader(snapshot);
    const int seen = *reader.hold();
    EXPECT_GE(seen, last);
    last = seen;
    EXPECT_GE(*snapshot.get(), seen);
  }
  writer.join();
}

}  // namespace
}  // namespace lab::dns
