#include "directory/policy.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "directory/effective.hpp"
#include "directory/flavour.hpp"
#include "directory/given_rules.hpp"
#include "directory/rule_options.hpp"
#include "directory/tree.hpp"
#include "settings.hpp"

namespace lab::directory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kRules = R"(domain: helper.bac
data: /state
listen: {ldapi: /run/ldapi}
users:
  ali: {groups: [students, chess], policy: {quota: 7M}}
  awa: {groups: [teachers]}
  eric: {groups: [chess, students]}
  fati: {}
groups:
  students: {order: 1, groups: [everybody], policy: {quota: 50M, max_message: 5M, passwords: {least_length: 12}}}
  chess: {order: 2, policy: {max_message: 1M, protocols: [imap]}}
  teachers: {order: 3, groups: [staff]}
  staff: {order: 4, groups: [everybody], policy: {send_outside: true}}
  everybody: {order: 5, policy: {send_outside: false, protocols: []}}
policy: {quota: 100M, passwords: {lock_after: 5}}
)";

/// The rules as the mail server works them out, from the entries of the tree.
EffectivePolicy rules_of(const std::string& uid, const std::string& text = kRules) {
  const auto tree = build_tree(settings_of(text), {});
  std::vector<Entry> policies;
  for (auto& e : tree)
    for (auto& c : e.values("objectClass"))
      if (c == "labPolicy") policies.push_back(e);
  for (auto& e : tree)
    if (e.first("uid") == uid) return resolve_policy(e, policies);
  ADD_FAILURE() << "nobody is called " << uid;
  return {};
}

TEST(Policy, TheNearestWordCountsForEachRuleByItself) {
  const auto ali = rules_of("ali");
  EXPECT_EQ(ali.quota, (Ruled<std::uint64_t>{7 << 20, "user ali"}));
  EXPECT_EQ(ali.max_message, (Ruled<std::uint64_t>{5 << 20, "group students"}));
  EXPECT_EQ(ali.send_outside, (Ruled<bool>{false, "group everybody (through students)"}));
  EXPECT_EQ(ali.protocols, (Ruled<std::vector<std::string>>{{"imap"}, "group chess"}));
  EXPECT_TRUE(ali.allows("imap"));
  EXPECT_FALSE(ali.allows("pop3"));
}

TEST(Policy, TheOrderOfTheFileCountsNotThatOfTheMembership) {
  EXPECT_EQ(rules_of("eric").max_message, (Ruled<std::uint64_t>{5 << 20, "group students"}));
}

TEST(Policy, ANearerGroupOverrulesItsOwnGroup) {
  const auto awa = rules_of("awa");
  EXPECT_EQ(awa.send_outside, (Ruled<bool>{true, "group staff (through teachers)"}));
  EXPECT_EQ(awa.protocols, (Ruled<std::vector<std::string>>{{}, "group everybody (through staff)"}));
  EXPECT_FALSE(awa.allows("imap"));
}

TEST(Policy, WhoIsInNoGroupHasTheDomainsRules) {
  const auto fati = rules_of("fati");
  EXPECT_EQ(fati.quota, (Ruled<std::uint64_t>{100 << 20, "domain helper.bac"}));
  EXPECT_FALSE(fati.max_message);
  EXPECT_TRUE(fati.allows("pop3"));
}

TEST(Policy, PasswordRulesOfAGroupAreThoseOfTheDomainWithItsOwnOverThem) {
  const auto tree = build_tree(settings_of(kRules), {});
  for (auto& e : tree) {
    if (e.first("uid") == "ali") {
      EXPECT_EQ(e.first("pwdPolicySubentry"), "cn=students,ou=groups,dc=helper,dc=bac");
    }
    if (e.first("uid") == "fati") {
      EXPECT_THAT(e.values("pwdPolicySubentry"), IsEmpty());
    }
    if (e.dn.starts_with("cn=students,")) {
      EXPECT_EQ(e.first("pwdMinLength"), "12");
      EXPECT_EQ(e.first("pwdMaxFailure"), "5");
    }
  }
}

TEST(Policy, GroupsComeAfterTheGroupsInThem) {
  const auto tree = build_tree(settings_of(kRules), {});
  auto place = [&](const std::string& name) {
    return std::find_if(tree.begin(), tree.end(), [&](auto& e) { return e.dn.starts_with("cn=" + name + ",ou=g"); });
  };
  EXPECT_LT(place("students"), place("everybody"));
  EXPECT_LT(place("teachers"), place("staff"));
  EXPECT_THAT(place("everybody")->values("member"),
              ElementsAre("cn=staff,ou=groups,dc=helper,dc=bac", "cn=students,ou=groups,dc=helper,dc=bac"));
}

TEST(Policy, AGroupInItselfIsRefused) {
  const auto read = config::load_text<Settings>(
      "directory.yaml", replaced(kRules, "everybody: {order: 5,", "everybody: {order: 5, groups: [staff],"));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr("group 'everybody' is a member of itself"));
}

TEST(Policy, TheEffectiveRulesAreShownWithTheirOrigin) {
  const auto tree = build_tree(settings_of(kRules), {});
  User user;
  user.uid = "ali";
  user.display_name = "Ali Traoré";
  user.groups = {"chess", "students"};
  user.policy = rules_of("ali");
  Entry rules;
  for (auto& e : tree)
    if (e.dn == user.policy.passwords->value) rules = e;
  EXPECT_EQ(effective_text(user, &rules),
            "ali (Ali Traoré), in chess, students\n"
            "  quota         7M                                                         user ali\n"
            "  max message   5M                                                         group students\n"
            "  send outside  no                                                         group everybody "
            "(through students)\n"
            "  protocols     imap                                                       group chess\n"
            "  passwords     at least 12 characters; locked for 10m after 5 wrong ones  group students\n");
  EXPECT_THAT(effective_json(user, &rules),
              HasSubstr(R"("max_message":{"value":5242880,"from":"group students"})"));
  // A directory outside of the lab keeps its rules for passwords to itself.
  EXPECT_THAT(effective_text(user, nullptr),
              HasSubstr("  passwords     its own rules  the directory itself\n"));
  EXPECT_THAT(effective_json(user, nullptr), HasSubstr(R"("passwords":{"value":null,"from":null})"));
}

TEST(GivenRules, StandOnTheGroupsADirectoryHasWithoutRulesOfItsOwn) {
  const std::string base = "DC=ad,DC=school,DC=test";
  const auto rule = [](const char* attribute, const char* value) {
    Entry e;
    return e.add(attribute, std::string(value));
  };
  GivenRules rules;
  rules.everybody = rule("labMaxMessage", "1000");
  rules.groups["staff"] = rule("labSendOutside", "FALSE").add("labMaxMessage", std::string("5000"));
  rules.groups["teachers"] = rule("labSendOutside", "TRUE");
  rules.users["awa"] = rule("labMailQuota", "9000");
  User ali, awa, eric;
  ali.uid = "ali", awa.uid = "awa", eric.uid = "eric";
  Entry person, teachers, staff;
  person.add("memberOf", "CN=Teachers,CN=Users," + base);
  teachers.dn = "CN=Teachers,CN=Users," + base;
  teachers.add("cn", std::string("Teachers")).add("memberOf", "CN=Everybody here,CN=Users," + base);
  staff.dn = "CN=Everybody here,CN=Users," + base;
  staff.add("cn", std::string("Everybody here")).add("sAMAccountName", std::string("Staff"));
  auto found = resolve_given(rules, base, ali, person, {staff, teachers});
  EXPECT_EQ(found.send_outside, (Ruled<bool>{true, "group Teachers"}));
  EXPECT_EQ(found.max_message, (Ruled<std::uint64_t>{5000, "group Everybody here (through Teachers)"}));
  EXPECT_FALSE(found.quota);
  // A server that tells of no groups but those in her own entry.
  found = resolve_given(rules, base, awa, person, {});
  EXPECT_EQ(found.send_outside, (Ruled<bool>{true, "group Teachers"}));
  EXPECT_EQ(found.max_message, (Ruled<std::uint64_t>{1000, "domain ad.school.test"}));
  EXPECT_EQ(found.quota, (Ruled<std::uint64_t>{9000, "user awa"}));
  EXPECT_EQ(resolve_given(rules, base, eric, {}, {}).max_message,
            (Ruled<std::uint64_t>{1000, "domain ad.school.test"}));
}

TEST(RuleOptions, SayWhatTheyMeanOrWhatIsWrong) {
  auto text = [](const RuleOptions& o) {
    const auto parts = modifications_of(o);
    if (!parts) return parts.error().text();
    std::string out;
    for (auto& p : *parts) out += fmt::format("{}=[{}] ", p.attribute, fmt::join(p.values, ","));
    return out;
  };
  EXPECT_EQ(text({.quota = "200M", .max_message = "default", .send_outside = "no", .protocols = "imap,smtp"}),
            "labMailQuota=[209715200] labMaxMessage=[] labSendOutside=[FALSE] labProtocol=[imap,smtp] ");
  EXPECT_EQ(text({.quota = {}, .max_message = {}, .send_outside = {}, .protocols = "none"}), "labProtocol=[none] ");
  EXPECT_EQ(text({.quota = "much", .max_message = {}, .send_outside = {}, .protocols = {}}),
            "--quota: 'much' is not a size; write 200M, 1G, or default");
  EXPECT_EQ(text({.quota = {}, .max_message = {}, .send_outside = "maybe", .protocols = {}}),
            "--send-outside: 'maybe' is neither yes nor no; or write default");
  EXPECT_EQ(text({.quota = {}, .max_message = {}, .send_outside = {}, .protocols = "imap,ftp"}),
            "--protocols: 'ftp' is not a protocol; name some of imap,pop3,smtp, or none");
}

}  // namespace
}  // namespace lab::directory
