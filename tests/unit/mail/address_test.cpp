#include "mail/address.hpp"

#include <gtest/gtest.h>

namespace lab::mail {
namespace {

std::string parsed(std::string_view text) {
  auto address = Address::parse(text);
  return address ? address->text() : "none";
}

TEST(Address, KeepsTheLocalPartAndLowersTheDomain) {
  EXPECT_EQ(parsed("Ali@Helper.BAC"), "Ali@helper.bac");
  EXPECT_EQ(Address::parse("Ali@Helper.BAC")->key(), "ali@helper.bac");
}

TEST(Address, TakesWhatRfc5321Allows) {
  EXPECT_EQ(parsed("a.b+c_d!e@x"), "a.b+c_d!e@x");
  EXPECT_EQ(parsed("\"two words\"@helper.bac"), "\"two words\"@helper.bac");
  EXPECT_EQ(parsed("\"a\\\"b\"@helper.bac"), "\"a\\\"b\"@helper.bac");
  EXPECT_EQ(parsed("\"plain\"@helper.bac"), "plain@helper.bac");
  EXPECT_EQ(parsed("ali@[192.168.56.10]"), "ali@[192.168.56.10]");
  EXPECT_EQ(parsed("ali@[IPv6:fd00::1]"), "ali@[IPv6:fd00::1]");
  EXPECT_EQ(parsed("aïcha@école.bac"), "aïcha@école.bac");
  EXPECT_TRUE(Address::parse("aïcha@helper.bac")->international());
}

TEST(Address, RefusesEverythingElse) {
  for (auto text : {"",
                    "ali",
                    "@helper.bac",
                    "ali@",
                    "a..b@x",
                    ".a@x",
                    "a.@x",
                    "a b@x",
                    "a@x y",
                    "a@-x",
                    "a@x-",
                    "a@x..y",
                    "a@[999.1.1.1]",
                    "a@[IPv6:1.2.3.4]",
                    "a@[1.2.3.4",
                    "\"a@x",
                    "\"\"@x",
                    "a@x>",
                    "<a@x>",
                    "a\r\n@x",
                    "\"a\rb\"@x",
                    "\xc0\xaf@x",
                    "a@\xed\xa0\x80.bac"})
    EXPECT_EQ(parsed(text), "none") << text;
  EXPECT_EQ(parsed(std::string(65, 'a') + "@x"), "none");
  EXPECT_EQ(parsed("a@" + std::string(64, 'b')), "none");
}

TEST(Address, ATagLeadsToTheSameMailbox) {
  EXPECT_EQ(Address::parse("ali+lists@helper.bac")->key_without_tag(), "ali@helper.bac");
  EXPECT_EQ(Address::parse("+@helper.bac")->key_without_tag(), "+@helper.bac");
}

}  // namespace
}  // namespace lab::mail
