#include <gmock/gmock.h>

#include "tests/unit/dns/dns_world.hpp"

namespace lab::dns::test {
namespace {

class Message : public testing::Test {
 protected:
  Message() { world.serve("helper.bac.", "$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n"); }
  Bytes query(std::string_view n = "ns.helper.bac") { return encode({.name = std::string(n)}); }
  World world;
};

TEST_F(Message, IgnoresResponsesAndWhatIsTooShort) {
  Bytes m = query();
  m[2] |= 0x80;
  EXPECT_FALSE(world.send(m).sent);
  EXPECT_FALSE(world.send(Bytes(11, 0)).sent);
  EXPECT_FALSE(world.send({}).sent);
}

TEST_F(Message, AnswersEveryTruncationWithFormerr) {
  const Bytes whole = encode({.name = "ns.helper.bac", .edns = true});
  for (std::size_t n = 12; n < whole.size(); ++n)
    EXPECT_EQ(world.send(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n))).rcode,
              "FORMERR")
        << n;
}

TEST_F(Message, AnswersTrailingBytesWithFormerr) {
  Bytes m = query();
  m.push_back(0);
  EXPECT_EQ(world.send(m).rcode, "FORMERR");
}

TEST_F(Message, WantsExactlyOneQuestion) {
  Bytes none(12, 0);
  EXPECT_EQ(world.send(none).rcode, "FORMERR");
  Bytes two = query();
  two[5] = 2;
  two.insert(two.end(), two.begin() + 12, two.begin() + 12 + 19);
  EXPECT_EQ(world.send(two).rcode, "FORMERR");
}

TEST_F(Message, RejectsACompressedQuestion) {
  EXPECT_EQ(world.send({0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1}).rcode, "FORMERR");
}

TEST_F(Message, RejectsLabelsAndNamesThatAreTooLong) {
  Bytes m = query();
  m[12] = 0x40;  // a reserved label type
  EXPECT_EQ(world.send(m).rcode, "FORMERR");
  Bytes name_of_256{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 4; ++i) {
    name_of_256.push_back(63);
    name_of_256.insert(name_of_256.end(), 63, 'a');
  }
  name_of_256.insert(name_of_256.end(), {0, 0, 1, 0, 1});
  EXPECT_EQ(world.send(name_of_256).rcode, "FORMERR");
}

TEST_F(Message, SaysNotimpToUnknownOpcodes) {
  for (const int opcode : {1, 2, 3, 6, 7, 15}) {
    Bytes m = query();
    m[2] = static_cast<std::uint8_t>(opcode << 3);
    const Reply r = world.send(m);
    EXPECT_EQ(r.rcode, "NOTIMP") << opcode;
    EXPECT_EQ(r.bytes[2] >> 3 & 15, opcode);
  }
}

TEST_F(Message, RefusesOtherClasses) {
  EXPECT_EQ(world.ask(Question{.name = "ns.helper.bac", .qclass = 3}).rcode, "REFUSED");
  EXPECT_EQ(world.ask(Question{.name = "ns.helper.bac", .qclass = 77}).rcode, "REFUSED");
  EXPECT_EQ(world.ask(Question{.name = "ns.helper.bac", .qclass = 255}).rcode, "NOERROR");
}

TEST_F(Message, RejectsQuestionsForTypesThatAreNoRecords) {
  EXPECT_EQ(world.ask("helper.bac", "OPT").rcode, "FORMERR");
  EXPECT_EQ(world.ask("helper.bac", "TSIG").rcode, "FORMERR");
  EXPECT_EQ(world.ask("helper.bac", "TYPE0").rcode, "FORMERR");
  EXPECT_EQ(world.ask("helper.bac", "MAILB").rcode, "NOTIMP");
  EXPECT_EQ(world.ask("helper.bac", "AXFR").rcode, "FORMERR");
}

TEST_F(Message, AnswersEdnsWithEdns) {
  const Reply r =
      world.ask(Question{.name = "ns.helper.bac", .edns = true, .udp_size = 4096, .dnssec_ok = true});
  EXPECT_TRUE(r.has_opt);
  EXPECT_EQ(r.opt_size, 1232);
  EXPECT_TRUE(r.dnssec_ok) << "DO comes back (RFC 3225 3)";
  EXPECT_FALSE(world.ask(Question{.name = "ns.helper.bac", .edns = true}).dnssec_ok);
}

TEST_F(Message, SaysBadversToEdnsOfTheFuture) {
  const Reply r = world.ask(Question{.name = "ns.helper.bac", .edns = true, .version = 1});
  EXPECT_EQ(r.rcode, "BADVERS");
  EXPECT_TRUE(r.has_opt);
  EXPECT_THAT(r.answer, testing::IsEmpty());
}

TEST_F(Message, IgnoresUnknownEdnsOptionsAndFlags) {
  Bytes m = encode({.name = "ns.helper.bac", .edns = true});
  m[m.size() - 3] = 0x55;  // flags that mean nothing
  m[m.size() - 1] = 6;
  m.insert(m.end(), {0xfd, 0xe9, 0, 2, 1, 2});
  const Reply r = world.send(m);
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_EQ(r.options, "") << "an unknown option does not come back (RFC 8906)";
  EXPECT_EQ(r.answer.size(), 1U);
}

TEST_F(Message, TellsItsNameToThoseWhoAskForIt) {
  world.options.nsid = "srv";
  Bytes m = encode({.name = "ns.helper.bac", .edns = true});
  EXPECT_EQ(world.send(m).options, "");
  m[m.size() - 1] = 4;
  m.insert(m.end(), {0, 3, 0, 0});
  EXPECT_EQ(world.send(m).options, std::string("\0\3\0\3srv", 7));
}

TEST_F(Message, SaysWhyItRefuses) {  // RFC 8914
  EXPECT_EQ(world.ask(Question{.name = "www.example.org", .edns = true}).options,
            std::string("\0\x0f\0\2\0\x14", 6));
  EXPECT_FALSE(world.ask("www.example.org", "A").has_opt);
  world.serve(Zone::placeholder(name("gone.bac")));
  EXPECT_EQ(world.ask("gone.bac", "SOA").rcode, "SERVFAIL");
}

TEST_F(Message, RejectsAMalformedOpt) {
  Bytes two = encode({.name = "ns.helper.bac", .edns = true});
  two[11] = 2;
  two.insert(two.end(), two.end() - 11, two.end());
  EXPECT_EQ(world.send(two).rcode, "FORMERR");
  Bytes option = encode({.name = "ns.helper.bac", .edns = true});
  option[option.size() - 1] = 5;
  option.insert(option.end(), {0, 10, 0, 9, 1});  // an option longer than the record
  EXPECT_EQ(world.send(option).rcode, "FORMERR");
}

TEST_F(Message, RejectsTwoSignaturesAndOneThatIsNotLast) {  // ldns#317 leaks with two; RFC 8945 5.1
  const Bytes tsig = {3,  'k', 'e', 'y', 0,   0,   250, 0,   255, 0,   0,   0,   0, 0, 29,
                      11, 'h', 'm', 'a', 'c', '-', 's', 'h', 'a', '2', '5', '6', 0, 0, 0,
                      0,  0,   0,   0,   1,   44,  0,   0,   0,   0,   0,   0,   0, 0};
  Bytes one = query();
  one[11] = 1;
  one.insert(one.end(), tsig.begin(), tsig.end());
  Bytes two = one;
  two[11] = 2;
  two.insert(two.end(), tsig.begin(), tsig.end());
  EXPECT_EQ(world.send(two).rcode, "FORMERR");
  Bytes before = one;  // an OPT record behind it
  before[11] = 2;
  before.insert(before.end(), {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(world.send(before).rcode, "FORMERR");
}

TEST_F(Message, TakesSmallEdnsSizesAs512) {
  EXPECT_EQ(world.ask(Question{.name = "ns.helper.bac", .edns = true, .udp_size = 0}).rcode, "NOERROR");
}

TEST_F(Message, LetsNoCompressionLoopThrough) {
  // A record in the additional section whose name points to itself, then one that points forwards.
  Bytes m = query();
  m[11] = 1;
  const auto here = static_cast<std::uint8_t>(m.size());
  m.insert(m.end(), {0xc0, here, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(world.send(m).sent);
  std::size_t at = here;
  EXPECT_FALSE(Name::from_message(m, at));
  at = 0;
  EXPECT_FALSE(Name::from_message(Bytes{1, 'a', 0xc0, 0}, at));
}

TEST(NameTest, ReadsEscapesAndWritesThem) {
  EXPECT_EQ(name("a\\.b.c").text(), "a\\.b.c.");
  EXPECT_EQ(name("a\\032b").text(), "a\\032b.");
  EXPECT_EQ(name(".").text(), ".");
  EXPECT_EQ(Name::parse("@", name("helper.bac"))->text(), "helper.bac.");
  EXPECT_EQ(Name::parse("www", name("helper.bac"))->text(), "www.helper.bac.");
  for (const char* bad : {"", "a..b", ".a", "a\\", "a\\25", "a\\256"}) EXPECT_FALSE(Name::parse(bad)) << bad;
  EXPECT_TRUE(Name::parse(std::string(63, 'a')));
  EXPECT_FALSE(Name::parse(std::string(64, 'a')));
}

TEST(NameTest, AllowsExactly255Bytes) {
  std::string text;
  for (int i = 0; i < 3; ++i) text += std::string(63, 'a') + ".";
  EXPECT_EQ(Name::parse(text + std::string(61, 'b'))->size(), 255U);
  EXPECT_EQ(Name::parse(text + std::string(61, 'b') + ".")->size(), 255U);
  EXPECT_FALSE(Name::parse(text + std::string(62, 'b')));
}

TEST(NameTest, SortsInCanonicalOrder) {  // the example of RFC 4034 6.1
  const char* sorted[] = {"example.",         "a.example.",      "yljkjljk.a.example.",
                          "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                          "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
  for (std::size_t i = 0; i + 1 < std::size(sorted); ++i)
    EXPECT_LT(name(sorted[i]), name(sorted[i + 1])) << sorted[i];
  EXPECT_EQ(name("HELPER.bac"), name("helper.BAC"));
}

TEST(NameTest, KnowsWhatIsBelowWhat) {
  EXPECT_TRUE(name("a.b.c").is_within(name("b.c")));
  EXPECT_TRUE(name("b.c").is_within(name("b.c")));
  EXPECT_FALSE(name("ab.c").is_within(name("b.c")));
  EXPECT_TRUE(name("b.c").is_within(Name()));
  EXPECT_EQ(name("a.b.c").suffix(2).text(), "b.c.");
}

}  // namespace
}  // namespace lab::dns::test
