#include "directory/password.hpp"

#include <gmock/gmock.h>

#include "directory/secrets.hpp"
#include "settings.hpp"

namespace lab::directory {
namespace {

TEST(Password, AStoredOneMatchesItsPasswordAndNoOther) {
  const auto stored = hash_password("Ali-2026", Salt{7});
  EXPECT_THAT(stored, testing::StartsWith("{ARGON2}$argon2id$v=19$m=1024,t=1,p=1$"));
  EXPECT_TRUE(password_matches(stored, "Ali-2026"));
  EXPECT_FALSE(password_matches(stored, "Ali-2027"));
  EXPECT_FALSE(password_matches(stored, ""));
  EXPECT_FALSE(password_matches(stored, std::string("Ali-2026\0x", 10)));
}

TEST(Password, OneThatSlapdsOwnModuleStoredMatchesToo) {
  using namespace std::string_literals;
  const auto stored =
      "{ARGON2}$argon2i$v=19$m=1024,t=1,p=1$3NuR0p61aQ7HH36siIRiCA$7guufPsUeAeR1YmGx3tTKznZbAQ4tbklqOoR4zBrdnU\0"s;
  EXPECT_TRUE(password_matches(stored, "short"));
  EXPECT_FALSE(password_matches(stored, "shorter"));
}

TEST(Password, SaltMakesEqualPasswordsLookDifferent) {
  EXPECT_NE(hash_password("same", random_salt()), hash_password("same", random_salt()));
}

TEST(Password, WhatWeDidNotStoreNeverMatches) {
  for (auto* stored :
       {"", "Ali-2026", "{SSHA}x", "{ARGON2}", "{ARGON2}$argon2id$", "{ARGON2}$argon2id$v=19$m=9$$"})
    EXPECT_FALSE(password_matches(stored, "Ali-2026")) << stored;
}

TEST(Secrets, AClassOfAHundredIsHashedEachWithItsOwnSalt) {
  Settings s = settings_of(kHelper);
  for (int i = 0; i < 100; ++i) s.users["u" + std::to_string(i)].password = "p" + std::to_string(i);
  const auto stored = store_passwords(s, {}, {}, random_salt);
  ASSERT_EQ(stored.size(), 101U);
  EXPECT_TRUE(password_matches(stored.at(person_dn(s, "u77")), "p77"));
}

TEST(Secrets, APasswordThatIsTheSameKeepsItsStoredForm) {
  const auto s = settings_of(kHelper);
  const auto first = store_passwords(s, {}, {}, random_salt);
  EXPECT_EQ(store_passwords(s, {}, build_tree(s, first), random_salt), first);
}

TEST(Secrets, TheClearTextIsNowhereInTheTree) {
  const auto s = settings_of(kHelper);
  EXPECT_THAT(to_ldif(build_tree(s, store_passwords(s, {}, {}, random_salt))),
              testing::Not(testing::HasSubstr("Ali-2026")));
}

}  // namespace
}  // namespace lab::directory
