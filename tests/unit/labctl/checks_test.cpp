// What `labctl check` will ask, and from where.
#include <gmock/gmock.h>

#include "lab.hpp"
#include "labctl/plan/json.hpp"

namespace lab::plan {
namespace {

using lab::testing::helper_with;
using lab::testing::kHelper;
using lab::testing::planned;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// "pc1 dns helper.bac MX → …"
std::vector<std::string> promises(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& check : plan.checks) out.push_back(check.node + " " + check.group + " " + check.title);
  return out;
}

template <class T>
const T* first(const Plan& plan, const std::string& node) {
  for (const auto& check : plan.checks)
    if (const auto* what = std::get_if<T>(&check.what); what && check.node == node) return what;
  return nullptr;
}

TEST(Checks, AskEveryClientForWhatEverybodyIsPromised) {
  const auto all = promises(planned(kHelper));
  for (const std::string client : {"pc1", "pc2"}) {
    EXPECT_THAT(all,
                Contains(client + " lease an address in .100–.200, router .10, dns .10, domain helper.bac"));
    EXPECT_THAT(all, Contains(client + " dns " + client + ".helper.bac A → the address leased"));
    EXPECT_THAT(all, Contains(client + " dns mail.helper.bac A → 192.168.56.10"));
    EXPECT_THAT(all, Contains(client + " dns helper.bac MX → 10 mail.helper.bac. → 192.168.56.10"));
    EXPECT_THAT(all, Contains(client + " dns 192.168.56.10 PTR → srv.helper.bac. mail.helper.bac."));
    EXPECT_THAT(
        all, Contains(client + " dns _imaps._tcp.helper.bac SRV → 0 1 993 mail.helper.bac. → 192.168.56.10"));
    EXPECT_THAT(all, Contains(client + " port mail.helper.bac:25 answers (SMTP)"));
    EXPECT_THAT(all, Contains(client + " tls mail.helper.bac:465 TLS"));
    EXPECT_THAT(all, Contains(client + " tls srv.helper.bac:389 STARTTLS"));
  }
}

TEST(Checks, SignEverybodyInAndKeepOneOut) {
  const auto all = promises(planned(kHelper));
  EXPECT_THAT(all, Contains("pc1 login ali@helper.bac signs in to the directory"));
  EXPECT_THAT(all, Contains("pc1 login ali@helper.bac signs in to the mailbox"));
  EXPECT_THAT(all, Contains("pc2 login awa@helper.bac signs in to the mailbox"));
  EXPECT_THAT(all, Contains("pc1 login ali@helper.bac with a wrong password stays outside"));
}

TEST(Checks, LetEverybodyWriteToSomebody) {
  const auto plan = planned(kHelper);
  EXPECT_THAT(promises(plan),
              Contains("pc1 mail ali → awa: sent over smtps 465, read over imaps 993 and pop3s 995"));
  EXPECT_THAT(promises(plan),
              Contains("pc2 mail awa → ali: sent over smtps 465, read over imaps 993 and pop3s 995"));
  const auto* mail = first<MailCheck>(plan, "pc1");
  ASSERT_NE(mail, nullptr);
  EXPECT_EQ(mail->send.url, "smtps://mail.helper.bac:465");
  EXPECT_EQ(mail->send.password, "Ali-2026");
  EXPECT_EQ(mail->read.front().url, "imaps://mail.helper.bac:993");
}

TEST(Checks, LetDomainsWriteToEachOther) {
  const auto all = promises(planned(lab::testing::read_source("topologies/two-domains.yaml")));
  EXPECT_THAT(all, Contains(HasSubstr("ali@helper.bac → zoe@example.org: sent over smtps 465")));
  EXPECT_THAT(all, Contains(HasSubstr("zoe@example.org → ali@helper.bac: sent over smtps 465")));
}

TEST(Checks, HaveNamesOfTheirOwn) {
  for (const auto& name : lab::testing::every_topology()) {
    std::set<std::string> ids;
    for (const auto& check :
         planned(lab::testing::read_source("topologies/" + name + ".yaml")).checks)
      EXPECT_TRUE(ids.insert(check.id).second) << name << ": " << check.id;
  }
}

TEST(Checks, ARecordIntoTheVoidIsABrokenPromise) {
  const auto plan = planned(helper_with("users:", "dns: {records: [\"@ MX 10 nowhere\"]}\n    users:"));
  EXPECT_THAT(promises(plan), Contains("pc1 dns helper.bac MX → 10 nowhere.helper.bac. → 192.168.56.10"));
}

TEST(Checks, AReservedClientHasExactlyItsAddress) {
  const auto plan =
      planned(helper_with("range: 192.168.56.100-192.168.56.200", "reservations: {pc2: 192.168.56.50}"));
  EXPECT_THAT(first<LeaseCheck>(plan, "pc2")->ranges, ElementsAre("192.168.56.50"));
  EXPECT_THAT(first<LeaseCheck>(plan, "pc1")->ranges, ElementsAre("192.168.56.128-192.168.56.254"));
}

TEST(Checks, OfTheFileKeepTheirNamesAndPoints) {
  const auto plan = planned(helper_with("domains:\n  helper.bac:\n", R"(checks:
  - {name: MX leads to mail, from: pc2, dns: helper.bac MX, expect: "10 mail.helper.bac."}
  - {name: The boss reads, mail: {from: ali@helper.bac, to: boss@helper.bac, within: 9s}}
  - {run: "true", expect: [a, b]}
points: {MX leads to mail: 2}
domains:
  helper.bac:
    aliases: {boss: awa}
)"));
  const auto count = plan.checks.size();
  ASSERT_GE(count, 3U);
  const auto& mx = plan.checks[count - 3];
  EXPECT_EQ(mx.id, "MX leads to mail");
  EXPECT_EQ(mx.node, "pc2");
  EXPECT_EQ(mx.points, 2);
  EXPECT_THAT(std::get<DnsCheck>(mx.what).expect, ElementsAre("10 mail.helper.bac."));
  const auto& boss = plan.checks[count - 2];
  EXPECT_EQ(boss.node, "pc1") << "the first client, where none is named";
  EXPECT_EQ(boss.points, 1);
  EXPECT_EQ(std::get<MailCheck>(boss.what).to, "boss@helper.bac");
  EXPECT_EQ(std::get<MailCheck>(boss.what).read.front().user, "awa@helper.bac")
      << "the one the alias leads to";
  EXPECT_EQ(std::get<MailCheck>(boss.what).within, std::chrono::seconds(9));
  EXPECT_THAT(std::get<CommandCheck>(plan.checks[count - 1].what).expect, ElementsAre("a", "b"));
}

TEST(Checks, TravelAsJson) {
  const auto checks = planned(kHelper).checks;
  const auto copy = checks_from_json(to_json(checks));
  ASSERT_TRUE(copy) << copy.error().text();
  EXPECT_EQ(*copy, checks);
  EXPECT_THAT(checks_from_json(R"([{"id":"x","kind":"magic","what":{}}])").error().text(),
              HasSubstr("unknown kind of check 'magic'"));
}

}  // namespace
}  // namespace lab::plan
