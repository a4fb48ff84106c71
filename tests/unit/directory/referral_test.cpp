#include "directory/referral.hpp"

#include <gtest/gtest.h>

namespace lab::directory {
namespace {

TEST(Referral, NamesAServerAndWhatToAskThere) {
  const auto r = parse_referral("ldap://srv.helper.bac:1389/dc=helper,dc=bac??one?(uid=ali)");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->server.text(), "ldap://srv.helper.bac:1389");
  Search search;
  search.base = "dc=elsewhere";
  search.filter = "(uid=awa)";
  search = at_referral(search, *r);
  EXPECT_EQ(search.base, "dc=helper,dc=bac");
  EXPECT_EQ(search.filter, "(uid=ali)");
  EXPECT_EQ(search.scope, Scope::One);
}

TEST(Referral, KeepsWhatItDoesNotSay) {
  const auto r = parse_referral("ldaps://[fd00::1]");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->server.text(), "ldaps://[fd00::1]:636");
  Search search;
  search.base = "dc=helper,dc=bac";
  search.filter = "(uid=awa)";
  search = at_referral(search, *r);
  EXPECT_EQ(search.base, "dc=helper,dc=bac");
  EXPECT_EQ(search.filter, "(uid=awa)");
  EXPECT_EQ(search.scope, Scope::Subtree);
}

TEST(Referral, LeadsToNoSocketOfOursAndNoOtherProtocol) {
  for (const auto* text : {"ldapi:///run/ldapi", "http://a/", "ldap:///dc=a",
                           "ldap://a/dc=a???"
                           "?!strange=1",
                           "", "x", "ldap://a:99999/"})
    EXPECT_FALSE(parse_referral(text)) << text;
}

}  // namespace
}  // namespace lab::directory
