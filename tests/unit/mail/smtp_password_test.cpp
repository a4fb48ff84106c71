#include "mail/password.hpp"

#include <gtest/gtest.h>

namespace lab::mail {
namespace {

// hashlib.pbkdf2_hmac('sha256', b'Ali-2026', b'salt', 1000)
constexpr auto kHashed = "pbkdf2_sha256$1000$salt$DEgr+B9efgiozrZYOdo80SsjKiJPGzCbiRtMqQIoUiM=";

TEST(Password, InClearIsComparedWhole) {
  EXPECT_TRUE(password_matches("Ali-2026", "Ali-2026"));
  for (auto given : {"", "Ali-202", "Ali-20266", "ali-2026"})
    EXPECT_FALSE(password_matches("Ali-2026", given)) << given;
}

TEST(Password, AHashTellsOnlyTheRightOne) {
  EXPECT_TRUE(password_is_slow(kHashed));
  EXPECT_TRUE(password_matches(kHashed, "Ali-2026"));
  EXPECT_FALSE(password_matches(kHashed, "Ali-2027"));
  EXPECT_FALSE(password_matches(kHashed, ""));
  EXPECT_FALSE(password_matches(kHashed, kHashed)) << "the hash itself is no password";
}

TEST(Password, AnEmptyOneNeverMatchesAnything) { EXPECT_FALSE(password_matches("", "")); }

TEST(Password, ABrokenHashMatchesNothing) {
  for (auto kept : {"pbkdf2_sha256$", "pbkdf2_sha256$x$salt$AAAA", "pbkdf2_sha256$0$salt$AAAA",
                    "pbkdf2_sha256$1000$salt$", "pbkdf2_sha256$1000$salt$%%%%",
                    "pbkdf2_sha256$999999999$salt$AAAA", "pbkdf2_sha256$1000$salt"})
    EXPECT_FALSE(password_matches(kept, "Ali-2026")) << kept;
}

}  // namespace
}  // namespace lab::mail
