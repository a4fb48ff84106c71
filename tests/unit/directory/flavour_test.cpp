#include "directory/flavour.hpp"

#include <gmock/gmock.h>

namespace lab::directory {
namespace {

using Outcome = Authentication::Outcome;
constexpr auto kOpen = Flavour::OpenLdap;
constexpr auto kAd = Flavour::ActiveDirectory;
const std::string kBase = "dc=helper,dc=bac";

Entry ali() {
  return {.dn = "uid=ali,ou=people,dc=helper,dc=bac",
          .attributes = {{"objectClass", {"inetOrgPerson"}},
                         {"uid", {"Ali"}},
                         {"cn", {"Ali Traoré"}},
                         {"mail", {"Ali@helper.bac", "at@helper.bac"}},
                         {"memberOf",
                          {"cn=teachers,ou=groups,dc=helper,dc=bac", "cn=a\\2cb,ou=groups,dc=helper,dc=bac"}},
                         {"labMailQuota", {"1048576"}}}};
}

TEST(Flavour, ALoginNameIsSoughtAsOne) {
  EXPECT_EQ(search_login(kOpen, kBase, "ali").filter, "(&(objectClass=inetOrgPerson)(|(uid=ali)))");
  EXPECT_EQ(search_login(kAd, kBase, "ali").filter,
            "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName=ali)))");
}

TEST(Flavour, AnAddressOfTheDomainMayBeTheLoginName) {
  EXPECT_EQ(search_login(kOpen, kBase, "ali@Helper.bac").filter,
            "(&(objectClass=inetOrgPerson)(|(mail=ali@Helper.bac)(uid=ali)))");
  EXPECT_EQ(search_login(kOpen, kBase, "ali@other.bac").filter,
            "(&(objectClass=inetOrgPerson)(|(mail=ali@other.bac)))");
}

TEST(Flavour, InjectionStaysAValue) {
  EXPECT_EQ(search_login(kOpen, kBase, "*)(uid=*").filter,
            "(&(objectClass=inetOrgPerson)(|(uid=\\2a\\29\\28uid=\\2a)))");
  EXPECT_EQ(search_address(kOpen, kBase, "*@helper.bac").filter,
            "(|(&(objectClass=inetOrgPerson)(|(mail=\\2a@helper.bac)(uid=\\2a)))(&(objectClass=nisMailAlias)("
            "|(cn=\\2a@helper.bac)(cn=\\2a))))");
}

TEST(Flavour, AnEntryBecomesAUser) {
  const auto user = user_of(kOpen, ali());
  EXPECT_EQ(user.uid, "ali");
  EXPECT_EQ(user.display_name, "Ali Traoré");
  EXPECT_THAT(user.addresses, testing::ElementsAre("ali@helper.bac", "at@helper.bac"));
  EXPECT_THAT(user.groups, testing::ElementsAre("a,b", "teachers"));
  EXPECT_EQ(user.quota, 1048576U);
}

TEST(Flavour, AMailAddressCountsMoreThanALoginNameThatFits) {
  Entry other{.dn = "uid=at,ou=people,dc=helper,dc=bac",
              .attributes = {{"objectClass", {"inetOrgPerson"}}, {"uid", {"at"}}}};
  Entry alias{.dn = "cn=at,ou=aliases,dc=helper,dc=bac", .attributes = {{"objectClass", {"nisMailAlias"}}}};
  EXPECT_EQ(best_match(kOpen, {alias, other, ali()}, "AT@helper.bac")->dn, ali().dn);
  EXPECT_EQ(best_match(kOpen, {alias, other}, "at@helper.bac")->dn, other.dn);
  EXPECT_EQ(best_match(kOpen, {}, "at@helper.bac"), nullptr);
}

Outcome judged(Flavour flavour, int code, PolicyError policy = PolicyError::None,
               std::string diagnostic = {}) {
  Reply reply;
  reply.code = code;
  reply.policy = policy;
  reply.diagnostic = std::move(diagnostic);
  return judge_bind(flavour, reply).outcome;
}

TEST(Flavour, ABindsAnswerIsUnderstood) {
  EXPECT_EQ(judged(kOpen, 0), Outcome::Ok);
  EXPECT_EQ(judged(kOpen, 0, PolicyError::ChangeAfterReset), Outcome::MustChangePassword);
  EXPECT_EQ(judged(kOpen, 49), Outcome::WrongPassword);
  EXPECT_EQ(judged(kOpen, 49, PolicyError::AccountLocked), Outcome::Locked);
  EXPECT_EQ(judged(kOpen, 49, PolicyError::PasswordExpired), Outcome::Expired);
  EXPECT_EQ(judged(kOpen, 13), Outcome::Unavailable);
}

TEST(Flavour, ALockIsToldApartByWhatTheEntryKeeps) {
  Reply reply;
  reply.code = 49;
  reply.policy = PolicyError::AccountLocked;
  auto judged = [&](const char* attribute, const char* value) {
    Entry entry{.dn = "uid=ali", .attributes = {{attribute, {value}}}};
    return judge_bind(kOpen, reply, entry, 1'795'468'800).outcome;  // 2026-11-23 21:20:00
  };
  EXPECT_EQ(judged("pwdAccountLockedTime", "20261123211900Z"), Outcome::Locked);
  EXPECT_EQ(judged("pwdAccountLockedTime", "000001010000Z"), Outcome::Disabled);
  EXPECT_EQ(judged("pwdEndTime", "20261123211900Z"), Outcome::Expired);
  EXPECT_EQ(judged("pwdEndTime", "20271123211900Z"), Outcome::Locked);
  EXPECT_EQ(judged("pwdEndTime", "tomorrow"), Outcome::Locked);
}

TEST(Flavour, ADomainBeforeABackslashMustBeTheOneServed) {
  EXPECT_EQ(split_login("HELPER\\ali").domain, "HELPER");
  EXPECT_EQ(split_login("HELPER\\ali").user, "ali");
  EXPECT_EQ(split_login("ali").user, "ali");
  EXPECT_TRUE(names_domain("Helper", kBase));
  EXPECT_TRUE(names_domain("helper.bac", kBase));
  for (auto* other : {"", "bac", "help", "other"}) EXPECT_FALSE(names_domain(other, kBase)) << other;
}

TEST(Flavour, ActiveDirectorysPasswordIsQuotedUtf16) {
  EXPECT_EQ(unicode_password("aé"), std::string("\"\0a\0\xe9\0\"\0", 8));
  EXPECT_EQ(unicode_password("\xf0\x9f\x98\x80"), std::string("\"\0\x3d\xd8\x00\xde\"\0", 8));
  for (auto* bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
    EXPECT_EQ(unicode_password(bad), std::nullopt);
}

TEST(Flavour, ActiveDirectorysGroupsAreAliases) {
  const Entry staff{.dn = "CN=Staff,DC=helper,DC=bac",
                    .attributes = {{"objectClass", {"top", "group"}}, {"mail", {"staff@helper.bac"}}}};
  EXPECT_TRUE(is_group(*best_match(kAd, {staff}, "staff@helper.bac")));
  EXPECT_EQ(search_members("dc=helper,dc=bac", {.dn = "CN=a(b),DC=helper", .attributes = {}}).filter,
            "(&(|(&(objectCategory=person)(objectClass=user))(objectClass=group))(memberOf=CN=a\\28b\\29,DC="
            "helper))");
}

TEST(Flavour, ActiveDirectorysPrimaryGroupIsFoundByItsSid) {
  using namespace std::string_literals;
  const auto domain = "\x01\x05\0\0\0\0\0\x05\x15\0\0\0(*)\\\x01\x02\x03\x04\xfc\xfd\xfe\xff"s;
  const auto users = domain + "\x01\x02\0\0"s;  // 513
  const Entry ali{.dn = "CN=Ali,DC=helper",
                  .attributes = {{"objectSid", {domain + "\x51\x04\0\0"s}}, {"primaryGroupID", {"513"}}}};
  EXPECT_EQ(primary_group_sid(ali), users);
  EXPECT_EQ(search_group("dc=helper", users).filter,
            "(&(objectClass=group)(objectSid=\\01\\05\\00\\00\\00\\00\\00\\05\\15\\00\\00\\00\\28\\2a\\29\\5c"
            "\\01\\02\\03\\04\\fc\\fd\\fe\\ff\\01\\02\\00\\00))");
  EXPECT_EQ(search_groups("dc=helper", ali.dn).filter,
            "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:=CN=Ali,DC=helper))");
  const Entry group{.dn = "CN=U", .attributes = {{"objectSid", {users}}}};
  EXPECT_THAT(search_members("dc=helper", group).filter,
              testing::HasSubstr("(|(memberOf=CN=U)(primaryGroupID=513))"));
  // What is no SID of a domain, or no number, means no group: not even one that happens to end alike.
  const auto builtin = "\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x21\x02\0\0"s;
  for (auto& [sid, number] : std::vector<std::pair<std::string, std::string>>{{"", "513"},
                                                                              {builtin, "545"},
                                                                              {users, ""},
                                                                              {users, "-1"},
                                                                              {users, "513x"},
                                                                              {users, "4294967296"},
                                                                              {users + "x", "1"}})
    EXPECT_EQ(
        primary_group_sid({.dn = "", .attributes = {{"objectSid", {sid}}, {"primaryGroupID", {number}}}}),
        "");
  EXPECT_THAT(search_members("dc=helper", {.dn = "CN=B", .attributes = {{"objectSid", {builtin}}}}).filter,
              testing::EndsWith("(memberOf=CN=B))"));
}

TEST(Flavour, ActiveDirectoryHidesTheReasonInItsDiagnostic) {
  auto said = [](const char* data) {
    return judged(
        kAd, 49, PolicyError::None,
        std::string("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data ") + data +
            ", v2580");
  };
  EXPECT_EQ(said("52e"), Outcome::WrongPassword);
  EXPECT_EQ(said("525"), Outcome::UnknownUser);
  EXPECT_EQ(said("775"), Outcome::Locked);
  EXPECT_EQ(said("533"), Outcome::Disabled);
  EXPECT_EQ(said("701"), Outcome::Expired);
  EXPECT_EQ(said("773"), Outcome::MustChangePassword);
}

}  // namespace
}  // namespace lab::directory
