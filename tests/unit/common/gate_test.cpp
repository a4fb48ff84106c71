#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "common/spawn.hpp"

namespace lab {
namespace {

TEST(GateTest, CallsBackWhenTheLastHasLeft) {
  Gate gate;
  std::atomic<int> called = 0;
  auto first = gate.enter();
  auto second = gate.enter();
  gate.close([&] { ++called; });
  first = {};
  EXPECT_EQ(called, 0);
  second = {};
  EXPECT_EQ(called, 1);
}

TEST(GateTest, LetsNobodyInOnceClosed) {
  Gate gate;
  std::atomic<int> called = 0;
  gate.close([&] { ++called; });
  EXPECT_EQ(called, 1);
  EXPECT_FALSE(gate.enter());
}

TEST(GateTest, CountsWhoIsInsideFromManyThreads) {
  Gate gate;
  std::atomic<int> called = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) {
          const auto pass = gate.enter();
          EXPECT_TRUE(pass);
        }
      });
  }
  EXPECT_EQ(gate.inside(), 0U);
  gate.close([&] { ++called; });
  EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace lab
