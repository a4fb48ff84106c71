#include "directory/tree.hpp"

#include <gmock/gmock.h>

#include "settings.hpp"

namespace lab::directory {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Entry& entry(const std::vector<Entry>& tree, const std::string& dn) {
  for (auto& e : tree)
    if (e.dn == dn) return e;
  ADD_FAILURE() << "no entry " << dn;
  static const Entry none;
  return none;
}

TEST(Tree, EveryEntryComesAfterItsParent) {
  auto tree = build_tree(settings_of(kHelper), {});
  ASSERT_EQ(tree.front().dn, "dc=helper,dc=bac");
  for (std::size_t i = 1; i < tree.size(); ++i) {
    const auto parent = tree[i].dn.substr(tree[i].dn.find(',') + 1);
    EXPECT_TRUE(std::any_of(tree.begin(), tree.begin() + static_cast<long>(i), [&](auto& e) {
      return e.dn == parent;
    })) << tree[i].dn;
  }
}

TEST(Tree, APersonHasWhatMailAndUnixAsk) {
  auto tree = build_tree(settings_of(kHelper), {{"uid=ali,ou=people,dc=helper,dc=bac", "{ARGON2}x"}});
  auto& ali = entry(tree, "uid=ali,ou=people,dc=helper,dc=bac");
  EXPECT_EQ(ali.first("cn"), "Ali Traoré");
  EXPECT_EQ(ali.first("sn"), "Traoré");
  EXPECT_EQ(ali.first("givenName"), "Ali");
  EXPECT_EQ(ali.first("mail"), "ali@helper.bac");
  EXPECT_EQ(ali.first("labMailQuota"), "209715200");
  EXPECT_EQ(ali.first("homeDirectory"), "/home/ali");
  EXPECT_EQ(ali.first("userPassword"), "{ARGON2}x");
  EXPECT_THAT(ali.values("memberOf"), ElementsAre("cn=teachers,ou=groups,dc=helper,dc=bac"));
}

TEST(Tree, WhoHasNoPasswordHasNoPasswordAttribute) {
  auto tree = build_tree(settings_of(kHelper), {});
  EXPECT_THAT(entry(tree, "uid=eric,ou=people,dc=helper,dc=bac").values("userPassword"), IsEmpty());
}

TEST(Tree, MemberAndMemberOfSayTheSame) {
  auto tree = build_tree(settings_of(kHelper), {});
  EXPECT_THAT(entry(tree, "cn=teachers,ou=groups,dc=helper,dc=bac").values("member"),
              ElementsAre("uid=ali,ou=people,dc=helper,dc=bac", "uid=awa,ou=people,dc=helper,dc=bac"));
  EXPECT_THAT(
      entry(tree, "uid=awa,ou=people,dc=helper,dc=bac").values("memberOf"),
      ElementsAre("cn=teachers,ou=groups,dc=helper,dc=bac", "cn=students,ou=groups,dc=helper,dc=bac"));
}

TEST(Tree, PasswordRulesStandWhereTheServerLooksForThem) {
  auto tree = build_tree(
      settings_of(kHelper +
                  "passwords: {least_length: 8, lock_after: 5, lock_for: 10m, expire_after: 90d}\n"),
      {});
  auto& rules = entry(tree, "cn=default,ou=policies,dc=helper,dc=bac");
  EXPECT_EQ(rules.first("pwdMinLength"), "8");
  EXPECT_EQ(rules.first("pwdMaxFailure"), "5");
  EXPECT_EQ(rules.first("pwdLockoutDuration"), "600");
  EXPECT_EQ(rules.first("pwdMaxAge"), "7776000");
}

TEST(Tree, AnEmptyGroupHoldsNobody) {
  auto tree = build_tree(settings_of(kHelper), {});
  EXPECT_THAT(entry(tree, "cn=guests,ou=groups,dc=helper,dc=bac").values("member"),
              ElementsAre("cn=nobody,dc=helper,dc=bac"));
}

TEST(Tree, PeopleKeepTheirNumbersWhenOthersComeAndGo) {
  auto before = build_tree(settings_of(kHelper), {});
  auto after = build_tree(
      settings_of(replaced(
          kHelper, "  ali: {name: Ali Traoré, password: \"Ali-2026\", groups: [teachers], quota: 200M}\n",
          "  aa: {}\n  ali: {}\n")),
      {}, before);
  const auto dn = [](const std::string& uid) { return "uid=" + uid + ",ou=people,dc=helper,dc=bac"; };
  for (const std::string uid : {"ali", "awa", "eric"})
    EXPECT_EQ(entry(before, dn(uid)).first("uidNumber"), entry(after, dn(uid)).first("uidNumber")) << uid;
  EXPECT_EQ(entry(after, dn("aa")).first("uidNumber"), "10003");
}

}  // namespace
}  // namespace lab::directory
