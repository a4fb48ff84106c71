// Group policies and Kerberos, from the topology to what daemons and machines are told.
#include <gmock/gmock.h>

#include "lab.hpp"
#include "labctl/plan/plan.hpp"

namespace lab::plan {
namespace {

using lab::testing::etc_of;
using lab::testing::file_of;
using lab::testing::mistakes;
using lab::testing::planned;
using lab::testing::read_source;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string school(const std::string& domain, const std::string& node = "{networks: lan}") {
  return "networks: {lan: 192.168.56.0/24}\ndomains:\n  helper.bac: " + domain +
         "\nnodes:\n  srv: {networks: {lan: 192.168.56.10}, services: [directory, dns, dhcp, mail]}\n  pc1: " + node + "\n";
}

TEST(Policies, ReachTheDirectoryInTheOrderOfTheFile) {
  const auto plan = planned(read_source("topologies/policies.yaml"));
  const auto text = file_of(plan, "directory.yaml");
  EXPECT_THAT(text, HasSubstr("postmasters: {order: 1, description: \"Those who help with the mail\", policy: {send_outside: true}}"));
  EXPECT_THAT(text, HasSubstr("students: {order: 2, description: \"Those who learn\", groups: [school], policy: {quota: "
                              "52428800, max_message: 5242880, protocols: [imap, smtp]}}"));
  EXPECT_THAT(text, HasSubstr("policy: {quota: 209715200, passwords: {least_length: 8, lock_after: 5, lock_for: 300s}}"));
  EXPECT_THAT(file_of(plan, "directory/computers.yaml"), HasSubstr("pc1: {description: pc1.helper.bac, macs: ["));
}

TEST(Policies, ReachMachinesThroughTheirGroups) {
  const auto plan = planned(read_source("topologies/policies.yaml"));
  EXPECT_TRUE(plan.node("pc1")->trust_ca);
  EXPECT_FALSE(plan.node("laptop")->trust_ca);
  EXPECT_THAT(plan.node("pc1")->run, ElementsAre(HasSubstr("welcome to room 1")));
  EXPECT_THAT(plan.node("laptop")->run, IsEmpty());
  for (const auto& client : plan.clients)
    if (client.node == "pc1") {
      EXPECT_THAT(client.argv, Contains("room-1.helper.bac"));
    }
}

TEST(Policies, OfAMachineComeFromTheNearestAndItsCommandsFromAll) {
  const auto plan = planned(school("{policy: {run: [domain], dns_suffix: [far.bac]}, groups: {room: {groups: [house], policy: "
                                "{run: [room], dns_suffix: [near.bac]}}, house: {policy: {run: [house], trust_ca: false}}}}",
                                "{networks: {lan: 192.168.56.20}, groups: [room], run: [own]}"));
  EXPECT_THAT(plan.node("pc1")->run, ElementsAre("domain", "house", "room", "own"));
  EXPECT_FALSE(plan.node("pc1")->trust_ca);
  EXPECT_THAT(etc_of(plan, "pc1", "resolv.conf"), HasSubstr("search near.bac helper.bac\n"));
}

TEST(Policies, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(mistakes(school("{groups: {a: {groups: [b]}, b: {groups: [a]}}}")),
              ElementsAre("3:38: the group 'a' would belong to itself; groups nest, but not in a circle",
                          "3:56: the group 'b' would belong to itself; groups nest, but not in a circle"));
  EXPECT_THAT(mistakes(school("{groups: {room: {}}}", "{networks: lan, groups: [rom]}")),
              ElementsAre(HasSubstr("unknown group 'rom'; did you mean 'room'?")));
  EXPECT_THAT(mistakes(school("{users: {ali: {policy: {trust_ca: false}}}}")),
              ElementsAre(HasSubstr("ali's policy has rules for machines")));
  EXPECT_THAT(mistakes(school("{users: {ali: {quota: 1M, policy: {quota: 2M}}}}")),
              ElementsAre(HasSubstr("ali has a quota and another one in the policy")));
  EXPECT_THAT(mistakes(school("{policy: {protocols: [imap, ftp]}}")), ElementsAre(HasSubstr("unknown value 'ftp'")));
}

TEST(Kerberos, RunsBesideTheDirectoryAndTellsEverybodyWhereItIs) {
  const auto plan = planned(read_source("topologies/kerberos.yaml"));
  const auto* kdc = plan.service("srv/kerberos");
  ASSERT_NE(kdc, nullptr);
  EXPECT_THAT(plan.service("srv/directory")->after, Contains("srv/kerberos"));
  EXPECT_THAT(plan.service("srv/mail")->after, Contains("srv/kerberos"));
  EXPECT_THAT(file_of(plan, "kdc.yaml"), HasSubstr("services: [imap/mail.helper.bac, smtp/mail.helper.bac, pop/mail.helper.bac]"));
  EXPECT_THAT(file_of(plan, "mail.yaml"), HasSubstr("realm: HELPER.BAC"));
  EXPECT_THAT(etc_of(plan, "pc1", "krb5.conf"), HasSubstr("default_realm = HELPER.BAC"));
  EXPECT_THAT(file_of(plan, "helper.bac.zone"), HasSubstr("0 1 88 srv.helper.bac."));
}

TEST(Kerberos, IsNowhereUnlessAskedFor) {
  const auto plan = planned(school("{}"));
  EXPECT_EQ(plan.service("srv/kerberos"), nullptr);
  EXPECT_THAT(file_of(plan, "mail.yaml"), Not(HasSubstr("kerberos")));
  for (const auto& file : plan.node("pc1")->etc) EXPECT_NE(file.path, "/etc/krb5.conf");
}

}  // namespace
}  // namespace lab::plan
