#include "directory/known_people.hpp"

#include <gtest/gtest.h>

namespace lab::directory {
namespace {

using namespace std::chrono_literals;

User user(const std::string& dn) {
  User u;
  u.dn = dn;
  return u;
}

TEST(KnownPeople, AreForgottenAfterAWhile) {
  KnownPeople people({.fresh = 5s, .most = 10});
  const KnownPeople::Clock::time_point now{};
  people.remember("ali", user("uid=ali"), now);
  ASSERT_NE(people.find("ali", now + 4s), nullptr);
  EXPECT_EQ(people.find("ali", now + 4s)->dn, "uid=ali");
  EXPECT_EQ(people.find("ali", now + 5s), nullptr);
  EXPECT_EQ(people.size(), 0U);
}

TEST(KnownPeople, AreNeverMoreThanTheirLimit) {
  KnownPeople people({.fresh = 5s, .most = 10});
  for (int i = 0; i < 100; ++i) people.remember("u" + std::to_string(i), {}, {});
  EXPECT_LE(people.size(), 10U);
  people.forget("u99");
  EXPECT_EQ(people.find("u99", {}), nullptr);
}

}  // namespace
}  // namespace lab::directory
