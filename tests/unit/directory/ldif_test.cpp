#include "directory/ldif.hpp"

#include <gtest/gtest.h>

namespace lab::directory {
namespace {

TEST(Ldif, WhatIsWrittenReadsBackWhateverItIs) {
  Entry e{.dn = "cn=Zoé,dc=a", .attributes = {}};
  e.add("cn", std::string("Zoé"))
      .add("description", std::vector<std::string>{" leading", "trailing ", ":colon", "<url", "line\nbreak",
                                                   std::string("nul\0in", 6), std::string(300, 'x'), ""});
  auto back = parse_ldif(to_ldif({e, e}));
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->size(), 2U);
  EXPECT_EQ((*back)[1], e);
}

TEST(Ldif, LongLinesFoldAndSafeOnesStayReadable) {
  Entry e{.dn = "cn=x",
          .attributes = {{"mail", {"ali@helper.bac"}}, {"description", {std::string(100, 'y')}}}};
  EXPECT_EQ(to_ldif(e), "dn: cn=x\nmail: ali@helper.bac\ndescription: " + std::string(63, 'y') + "\n " +
                            std::string(37, 'y') + "\n\n");
}

TEST(Ldif, SlapcatsOutputIsRead) {
  auto back = parse_ldif(
      "version: 1\n\n# a comment\n  folded\ndn: dc=a\r\nobjectClass: domain\r\n\r\n\n\ndn:: Y249w6k=\ncn:: "
      "w6k=\n");
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->size(), 2U);
  EXPECT_EQ((*back)[1].dn, "cn=é");
  EXPECT_EQ((*back)[1].first("CN"), "é");
}

TEST(Ldif, AMistakeNamesItsLine) {
  EXPECT_EQ(parse_ldif("dn: dc=a\nno colon here\n").error().where, "line 2");
  EXPECT_FALSE(parse_ldif("cn: x\n"));
  EXPECT_FALSE(parse_ldif("dn: x\nchangetype: modify\n"));
  EXPECT_FALSE(parse_ldif("dn: x\njpegPhoto:< file:///etc/passwd\n"));
  EXPECT_FALSE(parse_ldif("dn: x\ncn:: ***\n"));
}

}  // namespace
}  // namespace lab::directory
