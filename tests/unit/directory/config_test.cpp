#include <gmock/gmock.h>

#include "settings.hpp"

namespace lab::directory {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string mistakes_in(const std::string& text) {
  auto settings = config::load_text<Settings>("directory.yaml", text);
  return settings ? "" : settings.error();
}

TEST(DirectoryConfig, AFullFileReadsAsWritten) {
  auto s = settings_of(kHelper);
  EXPECT_EQ(s.suffix, "dc=helper,dc=bac");
  EXPECT_EQ(s.users.at("ali").mail, std::vector<std::string>{"ali@helper.bac"});
  EXPECT_THAT(s.users.at("awa").mail, ElementsAre("awa@helper.bac", "awa.ouedraogo@helper.bac"));
  EXPECT_EQ(s.users.at("ali").quota->count, 200U << 20U);
  EXPECT_EQ(s.users.at("eric").name, "eric");
  EXPECT_FALSE(s.users.at("eric").password);
  EXPECT_THAT(s.aliases.at("contact"), ElementsAre("ali@helper.bac", "awa@helper.bac"));
  EXPECT_THAT(s.aliases.at("root"), ElementsAre("ali@helper.bac"));
}

TEST(DirectoryConfig, AnUnknownGroupIsReportedWhereTheUserStandsWithTheNearestOne) {
  EXPECT_THAT(mistakes_in(replaced(kHelper, "[teachers], quota", "[teacher], quota")),
              AllOf(HasSubstr("directory.yaml:6:"), HasSubstr("did you mean 'teachers'?")));
}

TEST(DirectoryConfig, AnAddressBelongsToOneUserOnly) {
  EXPECT_THAT(mistakes_in(replaced(kHelper, "eric: {}", "eric: {mail: [ALI@helper.bac]}")),
              HasSubstr("'ali@helper.bac' belongs to both 'ali' and 'eric'"));
}

TEST(DirectoryConfig, AnEmptyPasswordIsAMistakeAndNotAnOpenDoor) {
  EXPECT_THAT(mistakes_in(replaced(kHelper, "eric: {}", "eric: {password: ''}")),
              HasSubstr("empty password"));
}

TEST(DirectoryConfig, NamesThatCouldBreakOutOfADnOrAPathAreRefused) {
  for (const std::string name : {"a,b", "a=b", "../a", "a b", "-a", "é", "a*", "a\\u0000b"})
    EXPECT_FALSE(mistakes_in(replaced(kHelper, "eric: {}", "\"" + name + "\": {}")).empty()) << name;
}

TEST(DirectoryConfig, NetworkAddressesNeedACertificate) {
  EXPECT_THAT(mistakes_in(replaced(kHelper, "tls: {certificate: /c.pem, key: /k.pem, ca: /ca.pem}\n", "")),
              HasSubstr("'tls' has no certificate"));
}

TEST(DirectoryConfig, ASocketPathTooLongForTheKernelIsReported) {
  EXPECT_THAT(mistakes_in(replaced(kHelper, "/run/ldapi", "/" + std::string(120, 'x'))),
              HasSubstr("107 characters"));
}

TEST(DirectoryConfig, AReplicaHasAnOriginalAnAccountAndNobodyOfItsOwn) {
  const std::string copy = replaced(kHelper.substr(0, kHelper.find("users:")), "/state", "/copy");
  EXPECT_THAT(mistakes_in(copy + "replica_of: ldaps://srv.helper.bac\n"),
              HasSubstr("needs an account to copy with"));
  const std::string account =
      "replication: {dn: \"cn=replica,ou=services,dc=helper,dc=bac\", password_file: /p}\n";
  EXPECT_EQ(mistakes_in(copy + account + "replica_of: ldaps://srv.helper.bac\n"), "");
  EXPECT_THAT(mistakes_in(copy + account + "replica_of: ldap://srv.helper.bac\n"),
              HasSubstr("not an original to copy"));
  EXPECT_THAT(mistakes_in(kHelper + account + "replica_of: ldaps://srv.helper.bac\n"),
              HasSubstr("people of its original"));
}

TEST(DirectoryConfig, TheSuffixFollowsTheDomain) {
  EXPECT_EQ(suffix_of_domain("helper.bac"), "dc=helper,dc=bac");
  EXPECT_EQ(suffix_of_domain("a.b.c"), "dc=a,dc=b,dc=c");
  EXPECT_EQ(suffix_of_domain("test"), "dc=test");
}

}  // namespace
}  // namespace lab::directory
