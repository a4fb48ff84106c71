#include <gmock/gmock.h>

#include "tests/unit/dns/dns_world.hpp"

namespace lab::dns::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using V = std::vector<std::string>;

constexpr const char* kHelper = R"($TTL 3600
@        IN SOA ns hostmaster 2026112301 3600 900 604800 300
         IN NS  ns
         IN MX  10 mail
@        TXT    "v=spf1 mx -all"
ns       A      192.168.56.10
mail     A      192.168.56.10
         AAAA   fd00:56::10
www      CNAME  web
web      300 A  192.168.56.20
out      CNAME  www.example.org.
loop1    CNAME  loop2
loop2    CNAME  loop1
_imaps._tcp SRV 0 1 993 mail
a.b.c    A      10.0.0.1
*.wild   TXT    "anything"
*.wild   MX     5 mail
there.wild A    10.0.0.2
x.below.wild A  10.0.0.3
*.alias  CNAME  web
sub      NS     ns.sub
sub      NS     ns.other
sub      NS     ns
ns.sub   A      192.168.57.10
ns.other A      192.168.58.10
old      DNAME  new
host.new A      10.9.9.9
)";

class Answer : public testing::Test {
 protected:
  Answer() { world.serve("helper.bac.", kHelper); }
  Reply ask(std::string_view n, std::string_view t) { return world.ask(n, t); }
  World world;
};

constexpr const char* kSoa =
    "helper.bac. 300 IN SOA ns.helper.bac. hostmaster.helper.bac. 2026112301 3600 900 604800 300";

TEST_F(Answer, GivesTheAddressOfAHost) {
  const Reply r = ask("mail.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_TRUE(r.aa);
  EXPECT_FALSE(r.ra);
  EXPECT_TRUE(r.rd) << "RD comes back as it was";
  EXPECT_EQ(r.question, "mail.helper.bac. A");
  EXPECT_THAT(r.answer, ElementsAre("mail.helper.bac. 3600 IN A 192.168.56.10"));
  EXPECT_THAT(r.authority, IsEmpty());
  EXPECT_FALSE(r.has_opt) << "no OPT to an asker that sent none";
}

TEST_F(Answer, AddsTheAddressesOfAMailExchange) {
  const Reply r = ask("helper.bac", "MX");
  EXPECT_THAT(r.answer, ElementsAre("helper.bac. 3600 IN MX 10 mail.helper.bac."));
  EXPECT_THAT(r.additional, ElementsAre("mail.helper.bac. 3600 IN A 192.168.56.10",
                                        "mail.helper.bac. 3600 IN AAAA fd00:56::10"));
}

TEST_F(Answer, AddsTheAddressesOfASrvTarget) {
  const Reply r = ask("_imaps._tcp.helper.bac", "SRV");
  EXPECT_THAT(r.answer, ElementsAre("_imaps._tcp.helper.bac. 3600 IN SRV 0 1 993 mail.helper.bac."));
  EXPECT_EQ(r.additional.size(), 2U);
}

TEST_F(Answer, SaysNoDataWithTheSoaAndTheNegativeTtl) {
  const Reply r = ask("ns.helper.bac", "AAAA");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_TRUE(r.aa);
  EXPECT_THAT(r.answer, IsEmpty());
  EXPECT_THAT(r.authority, ElementsAre(kSoa));
}

TEST_F(Answer, SaysNxdomainWithTheSoa) {
  const Reply r = ask("nobody.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NXDOMAIN");
  EXPECT_TRUE(r.aa);
  EXPECT_THAT(r.authority, ElementsAre(kSoa));
}

TEST_F(Answer, KnowsEmptyNonTerminals) {
  for (const char* n : {"b.c.helper.bac", "c.helper.bac", "_tcp.helper.bac"}) {
    const Reply r = ask(n, "A");
    EXPECT_EQ(r.rcode, "NOERROR") << n;
    EXPECT_THAT(r.authority, ElementsAre(kSoa)) << n;
  }
  EXPECT_EQ(ask("x.c.helper.bac", "A").rcode, "NXDOMAIN");
}

TEST_F(Answer, RefusesWhatIsNotOurs) {
  const Reply r = ask("www.example.org", "A");
  EXPECT_EQ(r.rcode, "REFUSED");
  EXPECT_FALSE(r.aa);
  EXPECT_EQ(ask("bac", "A").rcode, "REFUSED");
  EXPECT_EQ(ask(".", "NS").rcode, "REFUSED");
}

TEST_F(Answer, FollowsACnameWithinTheZone) {
  EXPECT_THAT(ask("www.helper.bac", "A").answer, ElementsAre("www.helper.bac. 3600 IN CNAME web.helper.bac.",
                                                             "web.helper.bac. 300 IN A 192.168.56.20"));
}

TEST_F(Answer, DoesNotFollowACnameThatWasAskedFor) {
  EXPECT_THAT(ask("www.helper.bac", "CNAME").answer,
              ElementsAre("www.helper.bac. 3600 IN CNAME web.helper.bac."));
}

TEST_F(Answer, SaysNoDataBehindACname) {
  const Reply r = ask("www.helper.bac", "AAAA");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_EQ(r.answer.size(), 1U);
  EXPECT_THAT(r.authority, ElementsAre(kSoa));
}

TEST_F(Answer, LeavesACnameOutOfTheZoneToTheAsker) {
  const Reply r = ask("out.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_TRUE(r.aa);
  EXPECT_THAT(r.answer, ElementsAre("out.helper.bac. 3600 IN CNAME www.example.org."));
  EXPECT_THAT(r.authority, IsEmpty());
}

TEST_F(Answer, FollowsACnameIntoAnotherZoneOfOurs) {
  world.serve("example.org.", "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\nwww 60 A 10.1.1.1\n");
  EXPECT_THAT(ask("out.helper.bac", "A").answer, ElementsAre("out.helper.bac. 3600 IN CNAME www.example.org.",
                                                             "www.example.org. 60 IN A 10.1.1.1"));
  const Reply r = ask("out.helper.bac", "MX");
  EXPECT_THAT(r.authority, ElementsAre("example.org. 5 IN SOA a.example.org. b.example.org. 1 2 3 4 5"));
}

TEST_F(Answer, EndsACnameLoop) {
  const Reply r = ask("loop1.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_GE(r.answer.size(), 2U);
  EXPECT_LE(r.answer.size(), 20U);
}

TEST_F(Answer, MakesRecordsFromAWildcard) {
  EXPECT_THAT(ask("what.ever.wild.helper.bac", "TXT").answer,
              ElementsAre("what.ever.wild.helper.bac. 3600 IN TXT \"anything\""));
  const Reply mx = ask("w.wild.helper.bac", "MX");
  EXPECT_THAT(mx.answer, ElementsAre("w.wild.helper.bac. 3600 IN MX 5 mail.helper.bac."));
  EXPECT_EQ(mx.additional.size(), 2U);
}

TEST_F(Answer, FollowsACnameMadeFromAWildcard) {
  EXPECT_THAT(ask("q.alias.helper.bac", "A").answer,
              ElementsAre("q.alias.helper.bac. 3600 IN CNAME web.helper.bac.",
                          "web.helper.bac. 300 IN A 192.168.56.20"));
}

TEST_F(Answer, AWildcardDoesNotCoverNamesThatExistNorWhatIsBelowThem) {
  const Reply there = ask("there.wild.helper.bac", "TXT");  // RFC 4592 2.2.1
  EXPECT_EQ(there.rcode, "NOERROR");
  EXPECT_THAT(there.answer, IsEmpty());
  EXPECT_EQ(ask("under.there.wild.helper.bac", "TXT").rcode, "NXDOMAIN");
  EXPECT_EQ(ask("below.wild.helper.bac", "TXT").rcode, "NOERROR") << "an empty non-terminal";
  EXPECT_THAT(ask("below.wild.helper.bac", "TXT").answer, IsEmpty());
  EXPECT_EQ(ask("y.below.wild.helper.bac", "TXT").rcode, "NXDOMAIN");
}

TEST_F(Answer, TheWildcardItselfCanBeAskedFor) {
  EXPECT_THAT(ask("*.wild.helper.bac", "TXT").answer,
              ElementsAre("*.wild.helper.bac. 3600 IN TXT \"anything\""));
}

TEST_F(Answer, AWildcardWithoutTheTypeIsNoData) {
  const Reply r = ask("w.wild.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_THAT(r.authority, ElementsAre(kSoa));
}

TEST_F(Answer, RefersToTheServersOfADelegationWithGlue) {
  for (const char* n : {"sub.helper.bac", "www.sub.helper.bac", "a.b.sub.helper.bac", "ns.sub.helper.bac"}) {
    const Reply r = ask(n, "A");
    EXPECT_EQ(r.rcode, "NOERROR") << n;
    EXPECT_FALSE(r.aa) << n;
    EXPECT_THAT(r.answer, IsEmpty()) << n;
    EXPECT_THAT(r.authority, UnorderedElementsAre("sub.helper.bac. 3600 IN NS ns.sub.helper.bac.",
                                                  "sub.helper.bac. 3600 IN NS ns.other.helper.bac.",
                                                  "sub.helper.bac. 3600 IN NS ns.helper.bac."))
        << n;
    EXPECT_THAT(r.additional, ElementsAre("ns.sub.helper.bac. 3600 IN A 192.168.57.10",
                                          "ns.other.helper.bac. 3600 IN A 192.168.58.10",
                                          "ns.helper.bac. 3600 IN A 192.168.56.10"))
        << n;
  }
}

TEST_F(Answer, TheParentAnswersForTheDsOfADelegation) {
  const Reply r = ask("sub.helper.bac", "DS");
  EXPECT_TRUE(r.aa);
  EXPECT_THAT(r.authority, ElementsAre(kSoa));
  world.serve("sub.helper.bac.", "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n");
  EXPECT_THAT(ask("sub.helper.bac", "DS").authority, ElementsAre(kSoa))
      << "also where the child is served here";
  EXPECT_EQ(ask("sub.helper.bac", "SOA").answer.size(), 1U);
  EXPECT_TRUE(ask("x.sub.helper.bac", "A").aa);
}

TEST_F(Answer, SynthesizesFromADname) {
  const Reply r = ask("host.old.helper.bac", "A");
  EXPECT_THAT(r.answer, ElementsAre("old.helper.bac. 3600 IN DNAME new.helper.bac.",
                                    "host.old.helper.bac. 3600 IN CNAME host.new.helper.bac.",
                                    "host.new.helper.bac. 3600 IN A 10.9.9.9"));
  EXPECT_EQ(ask("nope.old.helper.bac", "A").rcode, "NXDOMAIN");
  EXPECT_THAT(ask("old.helper.bac", "A").authority, ElementsAre(kSoa)) << "the owner itself is not renamed";
  EXPECT_EQ(ask("host.old.helper.bac", "CNAME").answer.size(), 2U);
}

TEST_F(Answer, FollowsAChainOfAliasesSoFarAndNoFurther) {  // nsd 4.15.1 caps chains, too
  std::string text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n";
  for (int i = 0; i < 40; ++i) text += "c" + std::to_string(i) + " CNAME c" + std::to_string(i + 1) + "\n";
  world.serve("chain.bac.", text);
  const Reply r = world.ask("c0.chain.bac", "A", Transport::Tcp);
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_EQ(r.answer.size(), world.options.answer.chain + 1U);
}

TEST_F(Answer, AppliesADnameOnceForEachStep) {  // nsd#140: recursion without end
  world.serve("d.bac.",
              "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\nself DNAME x.self\none DNAME two\ntwo DNAME "
              "three\nh.three A 10.0.0.1\n");
  EXPECT_LE(ask("a.self.d.bac", "A").answer.size(), 40U);
  const Reply r = ask("h.one.d.bac", "A");
  EXPECT_THAT(r.answer,
              ElementsAre("one.d.bac. 60 IN DNAME two.d.bac.", "h.one.d.bac. 60 IN CNAME h.two.d.bac.",
                          "two.d.bac. 60 IN DNAME three.d.bac.", "h.two.d.bac. 60 IN CNAME h.three.d.bac.",
                          "h.three.d.bac. 60 IN A 10.0.0.1"));
}

TEST_F(Answer, TakesAnAsteriskInDataAsALabelLikeOthers) {  // nsd#152, coredns#4374: it is no pattern there
  world.serve(
      "s.bac.",
      "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\nto CNAME *.w\n*.w A 10.0.0.1\nmx MX 5 *.w\nno CNAME *.none\n");
  EXPECT_THAT(ask("to.s.bac", "A").answer,
              ElementsAre("to.s.bac. 60 IN CNAME *.w.s.bac.", "*.w.s.bac. 60 IN A 10.0.0.1"));
  EXPECT_THAT(ask("mx.s.bac", "MX").additional, ElementsAre("*.w.s.bac. 60 IN A 10.0.0.1"));
  EXPECT_EQ(ask("no.s.bac", "A").rcode, "NXDOMAIN");
}

TEST_F(Answer, HidesWhatStandsBelowACutEvenFromAnAliasAndFromAdditionalData) {  // pdns#9734
  world.serve("c.bac.",
              "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\nsub NS ns.sub\nns.sub A 10.0.0.1\nsecret.sub TXT "
              "\"no\"\nto CNAME secret.sub\n");
  for (const char* type : {"TXT", "ANY", "A"}) {
    const Reply r = ask("secret.sub.c.bac", type);
    EXPECT_FALSE(r.aa) << type;
    EXPECT_THAT(r.answer, IsEmpty()) << type;
    EXPECT_THAT(r.authority, ElementsAre("sub.c.bac. 60 IN NS ns.sub.c.bac.")) << type;
  }
  const Reply to = ask("to.c.bac", "TXT");
  EXPECT_THAT(to.answer, ElementsAre("to.c.bac. 60 IN CNAME secret.sub.c.bac."));
  EXPECT_THAT(to.authority, ElementsAre("sub.c.bac. 60 IN NS ns.sub.c.bac."));
}

TEST_F(Answer, SaysYxdomainWhenADnameMakesTheNameTooLong) {
  const std::string label(60, 'x');
  world.serve("short.bac.",
              "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\nd 60 DNAME " + label + "." + label + ".bac.\n");
  EXPECT_EQ(ask(label + "." + label + "." + label + ".d.short.bac", "A").rcode, "YXDOMAIN");
}

TEST_F(Answer, KeepsTheCaseOfTheQuestion) {
  const Reply r = ask("MaIl.HELPER.bac", "A");
  EXPECT_EQ(r.question, "MaIl.HELPER.bac. A");
  EXPECT_THAT(r.answer, ElementsAre("MaIl.HELPER.bac. 3600 IN A 192.168.56.10"));
}

TEST_F(Answer, KeepsTheCaseOfTheZone) {
  world.serve("Case.Bac.", "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n@ MX 5 MaiL.case.bac.\nMaiL A 10.0.0.1\n");
  const Reply r = ask("case.bac", "MX");
  EXPECT_THAT(r.answer, ElementsAre("case.bac. 60 IN MX 5 MaiL.case.bac."));
  EXPECT_THAT(r.additional, ElementsAre("MaiL.case.bac. 60 IN A 10.0.0.1"));
}

TEST_F(Answer, GivesOneRRsetToAnyOverUdpAndAllOverTcp) {
  EXPECT_EQ(world.ask("mail.helper.bac", "ANY").answer.size(), 1U);
  EXPECT_EQ(world.ask("mail.helper.bac", "ANY", Transport::Tcp).answer.size(), 2U);
  EXPECT_EQ(world.ask("nobody.helper.bac", "ANY").rcode, "NXDOMAIN");
  EXPECT_EQ(world.ask("c.helper.bac", "ANY").authority.size(), 1U);
}

TEST_F(Answer, CompressesNames) {
  // Header 12, question 16, MX 2+10+2+7 (mail + pointer), A 2+10+4, AAAA 2+10+16.
  EXPECT_EQ(ask("helper.bac", "MX").size, 12U + 16 + 21 + 16 + 28);
}

TEST_F(Answer, TruncatesWhatDoesNotFitAndSaysSo) {
  std::string text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n";
  for (int i = 0; i < 100; ++i) text += "big A 10.0.0." + std::to_string(i) + "\n";
  world.serve("big.bac.", text);
  EXPECT_TRUE(ask("big.big.bac", "A").tc);
  EXPECT_LE(ask("big.big.bac", "A").size, 512U);
  const Reply edns = world.ask(Question{.name = "big.big.bac", .edns = true, .udp_size = 4096});
  EXPECT_TRUE(edns.tc) << "our own limit is 1232";
  EXPECT_TRUE(edns.has_opt);
  EXPECT_LE(edns.size, 1232U);
  EXPECT_EQ(world.ask("big.big.bac", "A", Transport::Tcp).answer.size(), 100U);
}

TEST_F(Answer, LeavesAdditionalRecordsOutWithoutTruncation) {
  std::string text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n";
  for (int i = 0; i < 20; ++i)
    text += "@ MX 10 m" + std::to_string(i) + "\nm" + std::to_string(i) + " A 10.0.0.1\n";
  world.serve("big.bac.", text);
  const Reply r = ask("big.bac", "MX");
  EXPECT_FALSE(r.tc);
  EXPECT_EQ(r.answer.size(), 20U);
  EXPECT_LT(r.additional.size(), 20U);
  EXPECT_LE(r.size, 512U);
}

TEST_F(Answer, SetsTruncatedWhenGlueDoesNotFit) {  // RFC 9471
  std::string text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\n";
  for (int i = 0; i < 13; ++i)
    text += "sub NS n" + std::to_string(i) + ".sub\nn" + std::to_string(i) + ".sub A 10.0.0.1\nn" +
            std::to_string(i) + ".sub AAAA fd00::1\n";
  world.serve("big.bac.", text);
  EXPECT_TRUE(ask("x.sub.big.bac", "A").tc);
  EXPECT_FALSE(world.ask("x.sub.big.bac", "A", Transport::Tcp).tc);
}

}  // namespace
}  // namespace lab::dns::test
