#include "directory/dn.hpp"

#include <gtest/gtest.h>

#include "directory/flavour.hpp"

namespace lab::directory {
namespace {

TEST(Filter, WhatAPersonTypesNeverBecomesSyntax) {
  EXPECT_EQ(escape_filter("a*)(uid=b"), "a\\2a\\29\\28uid=b");
  EXPECT_EQ(escape_filter(std::string_view("a\0b", 3)), "a\\00b");
  EXPECT_EQ(escape_filter("a\\b"), "a\\5cb");
  EXPECT_EQ(escape_filter("é"), "\\c3\\a9");
  EXPECT_EQ(escape_filter("ali.traore+x@helper.bac"), "ali.traore+x@helper.bac");
}

TEST(Dn, AValueStaysOneValue) {
  EXPECT_EQ(escape_dn("Doe, John"), "Doe\\2c John");
  EXPECT_EQ(escape_dn(" a "), "\\20a\\20");
  EXPECT_EQ(escape_dn("#a#"), "\\23a#");
  EXPECT_EQ(escape_dn("a=b+c"), "a\\3db\\2bc");
  EXPECT_EQ(escape_dn("Awa Ouédraogo"), "Awa Ouédraogo");
}

TEST(Dn, ItsLeafIsReadBack) {
  EXPECT_EQ(leaf_of_dn("cn=Doe\\2c John,ou=people,dc=a"), "Doe, John");
  EXPECT_EQ(leaf_of_dn("cn=Doe\\, John,ou=people"), "Doe, John");
  EXPECT_EQ(leaf_of_dn("cn=x"), "x");
  EXPECT_EQ(leaf_of_dn("nonsense"), "");
  for (const std::string value : {" a ", "#", "a,b", "é", "\\", "\"q\""})
    EXPECT_EQ(leaf_of_dn("cn=" + escape_dn(value) + ",dc=a"), value);
}

TEST(Dn, SpellsItsDomain) {
  EXPECT_EQ(domain_of_dn("dc=helper,dc=bac"), "helper.bac");
  EXPECT_EQ(domain_of_dn("ou=x, DC=helper, DC=bac"), "helper.bac");
  EXPECT_EQ(domain_of_dn("o=school"), "");
}

}  // namespace
}  // namespace lab::directory
