#include "directory/changes.hpp"

#include <gmock/gmock.h>

#include "directory/secrets.hpp"
#include "settings.hpp"

namespace lab::directory {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Salt fixed_salt() { return Salt{1, 2, 3}; }

/// The changes that lead from the tree of one file to that of another, as lines.
std::vector<std::string> changes(const std::string& before, const std::string& after) {
  const auto old_settings = settings_of(before), new_settings = settings_of(after);
  const auto old = build_tree(old_settings, store_passwords(old_settings, {}, {}, fixed_salt));
  const auto now = build_tree(new_settings, store_passwords(new_settings, {}, old, random_salt), old);
  std::vector<std::string> lines;
  for (auto& change : changes_between(old, now)) {
    auto line = change.text();
    for (const std::string tail = ",dc=helper,dc=bac"; auto at = line.find(tail); line.erase(at, tail.size()))
      if (at == std::string::npos) break;
    lines.push_back(line);
  }
  return lines;
}

TEST(Changes, TheSameTopologyChangesNothing) { EXPECT_THAT(changes(kHelper, kHelper), IsEmpty()); }

TEST(Changes, ANewNameTouchesNothingElseOfThePerson) {
  EXPECT_THAT(changes(kHelper, replaced(kHelper, "Awa Ouédraogo", "Awa Barry")),
              ElementsAre("modify uid=awa,ou=people: replace cn, replace displayName, replace sn"));
}

TEST(Changes, APasswordIsSetAgainOnlyWhereTheFileChangedIt) {
  EXPECT_THAT(changes(kHelper, replaced(kHelper, "Ali-2026", "Ali-2027")),
              ElementsAre("modify uid=ali,ou=people: replace userPassword"));
}

TEST(Changes, WhoLeavesIsDeletedAndTakenOutOfTheirGroups) {
  EXPECT_THAT(
      changes(
          kHelper,
          replaced(
              replaced(kHelper,
                       "  ali: {name: Ali Traoré, password: \"Ali-2026\", groups: [teachers], quota: 200M}\n",
                       ""),
              "{contact: [ali, awa], root: ali}", "{contact: [awa], root: awa}")),
      ElementsAre("modify cn=teachers,ou=groups: delete member", "delete uid=ali,ou=people",
                  "modify cn=contact,ou=aliases: delete rfc822MailMember",
                  "modify cn=root,ou=aliases: delete rfc822MailMember, add rfc822MailMember"));
}

TEST(Changes, TheLastMemberAndItsPlaceholderSwapInOneOperation) {
  EXPECT_THAT(changes(kHelper, replaced(kHelper, "groups: [teachers, students]", "groups: [teachers]")),
              ElementsAre("modify cn=students,ou=groups: delete member, add member"));
}

TEST(Changes, WhoLeavesAGroupThatSomebodyNewJoinsIsReplacedOnceTheNewOneIsThere) {
  EXPECT_THAT(
      changes(kHelper, replaced(replaced(kHelper, "groups: [teachers, students]", "groups: [teachers]"),
                                "  eric: {}", "  eric: {}\n  fati: {groups: [students]}")),
      ElementsAre("add uid=fati,ou=people", "modify cn=students,ou=groups: delete member, add member"));
}

/// What would be done to an entry that is there and of which nobody remembers the last time.
std::vector<std::string> taking_over(const Entry& there, const Entry& wanted) {
  std::vector<std::string> lines;
  for (auto& change : changes_between({known_part(there, wanted)}, {wanted})) {
    lines.push_back(change.text());
    for (auto& m : change.modifications)
      for (auto& value : m.values) lines.back() += " " + value;
  }
  return lines;
}

TEST(Changes, AnEntryTakenOverKeepsItsPasswordAndWhatTheTopologyDoesNotSpeakOf) {
  Entry there{.dn = "uid=zoe", .attributes = {}};
  there.add("userPassword", std::string("{ARGON2}hers"))
      .add("mail", std::string("z@a.b"))
      .add("cn", std::string("Zoe"));
  there.add("jpegPhoto", std::string("photo"));
  Entry wanted{.dn = "uid=zoe", .attributes = {}};
  wanted.add("userPassword", std::string("{ARGON2}the file's"))
      .add("mail", std::string("zoe@a.b"))
      .add("cn", std::string("Zoé"));
  EXPECT_THAT(taking_over(there, wanted), ElementsAre("modify uid=zoe: add mail, replace cn zoe@a.b Zoé"));
}

TEST(Changes, AGroupTakenOverHoldsItsPlaceWithNobodyOnlyWhileItIsEmpty) {
  const auto group = [](std::vector<std::string> members) {
    Entry e{.dn = "cn=g", .attributes = {}};
    return e.add("member", std::move(members));
  };
  EXPECT_THAT(taking_over(group({"uid=a"}), group({"cn=nobody,x"})), IsEmpty());
  EXPECT_THAT(taking_over(group({"cn=nobody,x"}), group({"cn=nobody,x"})), IsEmpty());
  EXPECT_THAT(taking_over(group({"cn=nobody,x"}), group({"uid=b"})),
              ElementsAre("modify cn=g: delete member, add member cn=nobody,x uid=b"));
  EXPECT_THAT(taking_over(group({"uid=a"}), group({"uid=b"})), ElementsAre("modify cn=g: add member uid=b"));
}

/// What a copy of the tree of `before`, to which `by_hand` was added, has to change to be that of `after`.
std::vector<std::string> promoted(const std::string& before, const std::string& after,
                                  std::vector<Entry> by_hand = {},
                                  const std::map<std::string, std::string>& joined = {}) {
  const auto old_settings = settings_of(before), new_settings = settings_of(after);
  auto there = build_tree(old_settings, store_passwords(old_settings, {}, {}, fixed_salt));
  there.insert(there.end(), by_hand.begin(), by_hand.end());
  for (auto& entry : there)
    if (const auto found = joined.find(entry.dn); found != joined.end()) entry.add("member", found->second);
  const auto now = build_tree(new_settings, store_passwords(new_settings, {}, there, random_salt), there);
  std::vector<std::string> lines;
  for (auto& change : changes_between(known_tree(there, now), now)) {
    lines.push_back(change.text());
    for (auto& m : change.modifications)
      for (auto& value : m.values) lines.back() += " " + value;
  }
  return lines;
}

TEST(Changes, WhomTheFileNamesNoMoreLeavesACopyThatBecomesTheOriginal) {
  const std::string ali =
      "  ali: {name: Ali Traoré, password: \"Ali-2026\", groups: [teachers], quota: 200M}\n";
  const auto without =
      replaced(replaced(kHelper, ali, ""), "{contact: [ali, awa], root: ali}", "{contact: [awa], root: awa}");
  EXPECT_THAT(promoted(kHelper, kHelper), IsEmpty());
  EXPECT_THAT(
      promoted(kHelper, without),
      ElementsAre(
          "modify cn=teachers,ou=groups,dc=helper,dc=bac: delete member uid=ali,ou=people,dc=helper,dc=bac",
          "delete uid=ali,ou=people,dc=helper,dc=bac",
          "modify cn=contact,ou=aliases,dc=helper,dc=bac: delete rfc822MailMember ali@helper.bac",
          "modify cn=root,ou=aliases,dc=helper,dc=bac: delete rfc822MailMember, add rfc822MailMember "
          "ali@helper.bac awa@helper.bac"));
}

TEST(Changes, WhoWasAddedByHandStaysInACopyThatBecomesTheOriginal) {
  const Entry salif{.dn = "uid=salif,ou=people,dc=helper,dc=bac",
                    .attributes = {{"objectClass", {"inetOrgPerson"}}, {"mail", {"salif@helper.bac"}}}};
  EXPECT_THAT(promoted(kHelper, kHelper, {salif}, {{"cn=students,ou=groups,dc=helper,dc=bac", salif.dn}}),
              IsEmpty());
  // The last one the file named leaves a group: with somebody of another hand in it, nobody is not needed.
  const auto alone = replaced(kHelper, "  awa: {", "  zoe: {groups: [guests]}\n  awa: {");
  EXPECT_THAT(promoted(alone, kHelper),
              ElementsAre("modify cn=guests,ou=groups,dc=helper,dc=bac: delete member, add member "
                          "uid=zoe,ou=people,dc=helper,dc=bac cn=nobody,dc=helper,dc=bac",
                          "delete uid=zoe,ou=people,dc=helper,dc=bac"));
  EXPECT_THAT(promoted(alone, kHelper, {salif}, {{"cn=guests,ou=groups,dc=helper,dc=bac", salif.dn}}),
              ElementsAre("modify cn=guests,ou=groups,dc=helper,dc=bac: delete member "
                          "uid=zoe,ou=people,dc=helper,dc=bac",
                          "delete uid=zoe,ou=people,dc=helper,dc=bac"));
}

TEST(Changes, ANewPersonComesBeforeTheGroupThatNamesThem) {
  EXPECT_THAT(changes(kHelper, replaced(kHelper, "  eric: {}", "  eric: {}\n  fati: {groups: [guests]}")),
              ElementsAre("add uid=fati,ou=people", "modify cn=guests,ou=groups: delete member, add member"));
}

TEST(Changes, AMovedAddressIsTakenBeforeItIsGiven) {
  EXPECT_THAT(changes(kHelper, replaced(replaced(kHelper, "mail: [awa@helper.bac, awa.ouedraogo]",
                                                 "mail: [awa@helper.bac]"),
                                        "eric: {}", "eric: {mail: [eric@helper.bac, awa.ouedraogo]}")),
              ElementsAre("modify uid=awa,ou=people: delete mail", "modify uid=eric,ou=people: add mail"));
}

}  // namespace
}  // namespace lab::directory
