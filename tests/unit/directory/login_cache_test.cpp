#include "directory/login_cache.hpp"

#include <gtest/gtest.h>

namespace lab::directory {
namespace {

using namespace std::chrono_literals;
using Outcome = Authentication::Outcome;
using Clock = LoginCache::Clock;

const std::string kAli = "uid=ali,ou=people,dc=helper,dc=bac";
const std::string kAwa = "uid=awa,ou=people,dc=helper,dc=bac";

/// A cache whose directory tells of changes, and the answers it may get.
struct Remembered {
  LoginCache cache{{.right = 30s, .wrong = 2s, .wrong_after = 2, .most = 100}};
  Clock::time_point now{};
  Remembered() { cache.open(); }

  void learn(const std::string& name, const std::string& password, Outcome outcome, const std::string& dn) {
    Authentication answer;
    answer.outcome = outcome;
    answer.user.uid = outcome == Outcome::Ok ? name : "";
    cache.remember(name, password, answer, dn, cache.epoch(), now);
  }
  std::optional<Outcome> ask(const std::string& name, const std::string& password) {
    const auto answer = cache.find(name, password, now);
    return answer ? std::optional(answer->outcome) : std::nullopt;
  }
};

TEST(LoginCache, ARightPasswordIsRememberedAndAnotherIsNot) {
  Remembered r;
  r.learn("ali", "Ali-2026", Outcome::Ok, kAli);
  EXPECT_EQ(r.ask("ali", "Ali-2026"), Outcome::Ok);
  EXPECT_EQ(r.ask("ALI", "Ali-2026"), Outcome::Ok);
  EXPECT_EQ(r.ask("ali", "ali-2026"), std::nullopt);
  EXPECT_EQ(r.ask("ali", ""), std::nullopt);
  EXPECT_EQ(r.ask("awa", "Ali-2026"), std::nullopt);
  r.now += 30s;
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt) << "an account may have ended meanwhile";
}

TEST(LoginCache, AChangedEntryIsForgottenAtOnce) {
  Remembered r;
  r.learn("ali", "Ali-2026", Outcome::Ok, kAli);
  r.learn("ali@helper.bac", "Ali-2026", Outcome::Ok, kAli);
  r.learn("awa", "Awa-2026", Outcome::Ok, kAwa);
  r.cache.forget("UID=ali,ou=People,dc=helper,dc=bac");
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt);
  EXPECT_EQ(r.ask("ali@helper.bac", "Ali-2026"), std::nullopt);
  EXPECT_EQ(r.ask("awa", "Awa-2026"), Outcome::Ok);
  r.cache.forget_all();
  EXPECT_EQ(r.ask("awa", "Awa-2026"), std::nullopt);
}

TEST(LoginCache, WhatWasAskedBeforeAChangeIsNotRememberedAfterIt) {
  Remembered r;
  const auto asked = r.cache.epoch();
  r.cache.forget(kAli);  // the password changes while the answer is on its way
  Authentication right;
  right.outcome = Outcome::Ok;
  r.cache.remember("ali", "Ali-2026", right, kAli, asked, r.now);
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt);
}

TEST(LoginCache, NothingIsRememberedWhileChangesAreNotTold) {
  Remembered r;
  r.learn("ali", "Ali-2026", Outcome::Ok, kAli);
  r.cache.close();
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt);
  r.learn("ali", "Ali-2026", Outcome::Ok, kAli);
  r.cache.open();
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt);
}

TEST(LoginCache, AWrongPasswordIsAnsweredOnlyAfterTheServerHasCountedSome) {
  Remembered r;
  r.learn("ali", "guess", Outcome::WrongPassword, kAli);
  EXPECT_EQ(r.ask("ali", "guess"), std::nullopt);
  r.learn("ali", "guess", Outcome::WrongPassword, kAli);
  EXPECT_EQ(r.ask("ali", "guess"), Outcome::WrongPassword);
  EXPECT_EQ(r.ask("ali", "Ali-2026"), std::nullopt) << "the right one is asked about";
  r.now += 2s;
  EXPECT_EQ(r.ask("ali", "guess"), std::nullopt);
}

TEST(LoginCache, OtherOutcomesAreAskedAboutEachTime) {
  Remembered r;
  for (auto outcome : {Outcome::Locked, Outcome::Disabled, Outcome::Expired, Outcome::MustChangePassword,
                       Outcome::UnknownUser, Outcome::Unavailable})
    r.learn("ali", "Ali-2026", outcome, kAli);
  EXPECT_EQ(r.cache.size(), 0U);
}

TEST(LoginCache, IsNeverLargerThanItsLimit) {
  Remembered r;
  for (int i = 0; i < 1000; ++i)
    r.learn("u" + std::to_string(i), "p", Outcome::Ok, "uid=u" + std::to_string(i));
  EXPECT_LE(r.cache.size(), 100U);
}

}  // namespace
}  // namespace lab::directory
