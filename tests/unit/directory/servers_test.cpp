#include <gtest/gtest.h>

#include "directory/pool.hpp"

namespace lab::directory {
namespace {

using namespace std::chrono_literals;

struct TwoServers {
  ServerUrl first = *ServerUrl::parse("ldaps://a"), second = *ServerUrl::parse("ldaps://b");
  ClientLimits limits;
  Servers servers{{first, second}, limits};
  Clock::time_point now = Clock::time_point{} + 1h;
  std::string best() const {
    const auto* url = servers.best(now);
    return url == nullptr ? "none" : url->host;
  }
};

TEST(Servers, TheFirstIsPreferredWhileItWorks) {
  TwoServers t;
  EXPECT_EQ(t.best(), "a");
  EXPECT_TRUE(t.servers.preferred(t.first));
  EXPECT_FALSE(t.servers.preferred(t.second));
  EXPECT_EQ(t.servers.worth_a_check(t.now), nullptr);
}

TEST(Servers, OneThatFailedIsNotWaitedForWhileAnotherWorks) {
  TwoServers t;
  t.servers.failed(t.first, t.now);
  EXPECT_EQ(t.best(), "b");
  t.now += 10min;
  EXPECT_EQ(t.best(), "b") << "questions do not find out whether it is back";
  ASSERT_NE(t.servers.worth_a_check(t.now), nullptr);
  EXPECT_EQ(t.servers.worth_a_check(t.now)->host, "a");
  t.servers.worked(t.first);
  EXPECT_EQ(t.best(), "a");
  EXPECT_FALSE(t.servers.preferred(t.second)) << "questions return to it";
}

TEST(Servers, WhenAllHaveFailedEachIsTriedAgainAfterItsPause) {
  TwoServers t;
  t.servers.failed(t.first, t.now);
  t.servers.failed(t.second, t.now);
  EXPECT_EQ(t.best(), "none");
  EXPECT_EQ(t.servers.worth_a_check(t.now + 1h), nullptr) << "the questions themselves try";
  t.now = t.servers.next_try();
  EXPECT_EQ(t.best(), "a");
  EXPECT_TRUE(t.servers.preferred(t.second)) << "whatever connection there still is will do";
}

TEST(Servers, APauseDoublesUpToItsLimit) {
  TwoServers t;
  auto pause = 0ms;
  for (int i = 0; i < 12; ++i) {
    const auto before = t.now;
    t.servers.failed(t.first, t.now);
    t.servers.failed(t.second, t.now);
    pause = std::chrono::duration_cast<std::chrono::milliseconds>(t.servers.next_try() - before);
    EXPECT_LE(pause, t.limits.backoff_last);
    t.now = t.servers.next_try();
  }
  EXPECT_EQ(pause, t.limits.backoff_last);
}

}  // namespace
}  // namespace lab::directory
