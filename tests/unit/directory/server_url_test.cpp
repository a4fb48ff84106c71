#include "directory/server_url.hpp"

#include <gtest/gtest.h>

namespace lab::directory {
namespace {

std::string read(std::string_view text) {
  auto url = ServerUrl::parse(text);
  return url ? url->text() : "refused";
}

TEST(ServerUrl, EachSchemeHasItsPort) {
  EXPECT_EQ(read("ldap://srv.helper.bac"), "ldap://srv.helper.bac:389");
  EXPECT_EQ(read("ldaps://192.168.56.10/"), "ldaps://192.168.56.10:636");
  EXPECT_EQ(read("ldap://[fd00::1]:3890"), "ldap://[fd00::1]:3890");
  EXPECT_EQ(read("ldap://[fd00::1]"), "ldap://[fd00::1]:389");
}

TEST(ServerUrl, ASocketIsNamedPlainlyOrAsOpenLdapsToolsDo) {
  EXPECT_EQ(read("ldapi:///run/labctl/srv/ldapi"), "ldapi:///run/labctl/srv/ldapi");
  EXPECT_EQ(read("ldapi://%2Frun%2Fldapi/"), "ldapi:///run/ldapi");
}

TEST(ServerUrl, WhatIsNoServerIsRefused) {
  for (auto* text :
       {"", "ldap://", "http://x", "ldap://x:0", "ldap://x:70000", "ldap://x:", "ldap://x/dc=a", "ldapi://",
        "ldapi://run", "ldap://[::1", "ldap://[::1]x", "ldapi://%0", "ldapi://%00/", "srv"})
    EXPECT_EQ(read(text), "refused") << text;
}

}  // namespace
}  // namespace lab::directory
