#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>

#include "dns/block_arena.hpp"
#include "dns/record_text.hpp"
#include "dns/zone_editor.hpp"
#include "tests/unit/dns/dns_world.hpp"

namespace lab::dns::test {
namespace {

using testing::HasSubstr;
constexpr const char* kTop = "$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\n";

std::vector<std::string> records(const Zone& z) {
  std::vector<std::string> out;
  for (const Node* n : z.in_order())
    for (std::size_t i = 0; i < n->rrset_count(); ++i)
      for (const auto rdata : n->rrset(i))
        out.push_back(record_text(Name::trusted(n->name().data(), n->name().size()), n->rrset(i).type,
                                  n->rrset(i).ttl, rdata));
  return out;
}

TEST(ZoneFile, ReadsWhatRfc1035Shows) {
  const ZonePtr z = zone("isi.edu.", R"(
@   IN  SOA     VENERA      Action\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA

A       A       26.3.0.103

VENERA  A       10.1.0.52
        A       128.9.0.32
)");
  EXPECT_THAT(records(*z),
              testing::UnorderedElementsAre(
                  "isi.edu. 60 IN SOA VENERA.isi.edu. Action\\.domains.isi.edu. 20 7200 600 3600000 60",
                  "isi.edu. 60 IN NS A.ISI.EDU.", "isi.edu. 60 IN NS VENERA.isi.edu.",
                  "isi.edu. 60 IN MX 10 VENERA.isi.edu.", "A.isi.edu. 60 IN A 26.3.0.103",
                  "VENERA.isi.edu. 60 IN A 10.1.0.52", "VENERA.isi.edu. 60 IN A 128.9.0.32"));
}

TEST(ZoneFile, ReadsTtlAndClassInEitherOrderAndUnits) {
  const ZonePtr z = zone("a.", std::string(kTop) + "x 5 IN A 1.1.1.1\ny IN 1h30m A 1.1.1.2\nz A 1.1.1.3\n");
  EXPECT_EQ(z->find(name("x.a"))->find(type::A).ttl, 5U);
  EXPECT_EQ(z->find(name("y.a"))->find(type::A).ttl, 5400U);
  EXPECT_EQ(z->find(name("z.a"))->find(type::A).ttl, 60U);
}

TEST(ZoneFile, FollowsOrigin) {
  const ZonePtr z =
      zone("a.", std::string(kTop) + "$ORIGIN deep\nx A 1.1.1.1\n$ORIGIN a.\nx A 1.1.1.2\n@ MX 1 @\n");
  EXPECT_NE(z->find(name("x.deep.a")), nullptr);
  EXPECT_NE(z->find(name("x.a")), nullptr);
}

TEST(ZoneFile, IncludesFilesAndComesBackToItsOrigin) {
  const Includer includer = [](const std::string& path) -> Result<IncludedFile> {
    if (path != "hosts.inc") return fail("no such file", path);
    return IncludedFile{path, "h A 1.1.1.1\n$ORIGIN elsewhere.\n"};
  };
  const auto load = load_zone_text(name("a."), "a.zone",
                                   std::string(kTop) + "$INCLUDE hosts.inc sub\nb A 1.1.1.2\n", includer);
  ASSERT_TRUE(load.zone) << load.problems[0].text();
  EXPECT_NE(load.zone->find(name("h.sub.a")), nullptr);
  EXPECT_NE(load.zone->find(name("b.a")), nullptr);
}

TEST(ZoneFile, EndsAnIncludeOfItself) {
  const Includer includer = [](const std::string& path) -> Result<IncludedFile> {
    return IncludedFile{path, "$INCLUDE again\n"};
  };
  const auto load = load_zone_text(name("a."), "a.zone", "$INCLUDE again\n", includer);
  ASSERT_FALSE(load.problems.empty());
  EXPECT_THAT(load.problems[0].text(), HasSubstr("too deeply"));
}

TEST(ZoneFile, NamesFileLineAndReason) {
  auto refused = [](std::string_view line) {
    return refusal("a.", std::string(kTop) + std::string(line) + "\n");
  };
  EXPECT_EQ(refused("x A 1.2.3.400"), "test.zone:4: '1.2.3.400' is not an IPv4 address");
  EXPECT_EQ(refused("x TEXT hello"), "test.zone:4: 'TEXT' is not a record type; did you mean 'TXT'?");
  EXPECT_EQ(refused("x MX mail"), "test.zone:4: MX takes a preference and a name");
  EXPECT_EQ(refused("x MX ten mail"), "test.zone:4: 'ten' is not a preference; a number from 0 to 65535");
  EXPECT_EQ(refused("www.b. A 1.2.3.4"),
            "test.zone:4: www.b. is not in the zone a.; a name without a final dot is taken as below a.");
  EXPECT_EQ(refused("x CH TXT hello"), "test.zone:4: class CH is not served, only IN");
  EXPECT_EQ(refused("x"), "test.zone:4: the record has no type");
  EXPECT_EQ(refused("$TLL 5"), "test.zone:4: unknown directive '$TLL'; known are $ORIGIN, $TTL and $INCLUDE");
  EXPECT_EQ(refused("x TXT \"open"), "test.zone:4: a quoted text is not closed on its line");
  EXPECT_EQ(refused("x TXT ( a"), "test.zone:4: a '(' is not closed before the end of the file");
  EXPECT_EQ(refused("x ANY 1"), "test.zone:4: ANY is a type of questions; a zone holds none");
  EXPECT_EQ(refused("x\nx CNAME y\nx A 1.1.1.1"), "test.zone:4: the record has no type");
  EXPECT_EQ(refused("x CNAME y\nx A 1.1.1.1"),
            "test.zone:5: x.a.: a CNAME cannot stand beside other records of the same name");
  EXPECT_EQ(refused("x CNAME y\nx CNAME z"), "test.zone:5: x.a.: a name has one CNAME at most");
  EXPECT_EQ(refused("x SOA a b 1 2 3 4 5"), "test.zone:4: x.a.: a SOA stands at the top of its zone only");
  EXPECT_THAT(refused("x SRV 1 2 mail"), HasSubstr("test.zone:4: the data of SRV is not right"));
  EXPECT_THAT(refused("x AAAA 1.2.3.4"), HasSubstr("test.zone:4: the data of AAAA is not right"));
  EXPECT_EQ(refusal("a.", "@ 5 NS ns\n"), "test.zone:1: a.: the zone has no SOA");
  EXPECT_EQ(refusal("a.", "@ 5 SOA a b 1 2 3 4 5\n"), "test.zone:1: a.: the zone has no NS");
  EXPECT_EQ(refusal("a.", "x A 1.2.3.4\n"),
            "test.zone:1: the record has no TTL; put $TTL 3600 at the top of the file");
  EXPECT_EQ(refusal("a.", ""), "test.zone: a.: the zone has no SOA");
}

TEST(ZoneFile, ReportsAllMistakesAtOnce) {
  const auto load = load_zone_text(name("a."), "f", std::string(kTop) + "x A 1\ny A 2\nz A 1.1.1.1\n");
  EXPECT_EQ(load.problems.size(), 2U);
}

TEST(ZoneFile, ReadsEveryTypeLdnsKnows) {
  for (const char* line :
       {"AAAA 2001:db8::1", "TXT \"a b\" c", "SRV 0 1 25 mail.a.", "CAA 0 issue \"ca.example\"",
        "TLSA 3 1 1 aabb", "SSHFP 4 2 aabb", "NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@a!\" .",
        "HTTPS 1 . alpn=h2", "SVCB 1 svc.a. port=8443", "DS 1 13 2 aabb", "DNSKEY 257 3 13 aabb",
        "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m", "HINFO \"PC\" \"Linux\"",
        "RP a.b. c.d.", "TYPE65280 \\# 4 01020304", "A \\# 4 01020304", "SPF \"v=spf1\"",
        "URI 10 1 \"ftp://ftp.a/\"", "DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="}) {
    const auto load = load_zone_text(name("a."), "f", std::string(kTop) + "x " + line + "\n");
    EXPECT_TRUE(load.zone) << line << ": " << (load.problems.empty() ? "" : load.problems[0].text());
  }
}

TEST(ZoneFile, ReadsDataOfAnyLengthAgainThatItHasWritten) {
  const std::string longest(64'000, '\x07');
  const std::string strings = [] {
    std::string out;
    for (int i = 0; i < 250; ++i) out += '\xff' + std::string(255, '\x80');
    return out;
  }();
  for (const auto& [type, data] : {std::pair(Type{65280}, longest), {type::TXT, strings}}) {
    const std::string text = rdata_text(type, as_bytes(data));
    EXPECT_TRUE(rdata_from_text(type, text, name("a.")) == data)
        << type_text(type) << " " << text.substr(0, 60);
  }
}

TEST(ZoneFile, WritesDataThatHasNoOtherTextInTheGenericForm) {
  const std::string no_parameters("\x0a\0\0\1", 4);  // of HTTPS; ldns prints "2560 ." and forgets a byte
  EXPECT_EQ(rdata_text(type_of("HTTPS"), as_bytes(no_parameters)), "\\# 4 0A000001");
  EXPECT_EQ(rdata_text(Type{65281}, {}), "\\# 0");
  EXPECT_EQ(rdata_text(type::TXT, as_bytes(std::string("\3a\"\\"))), R"("a\"\\")");
}

TEST(ZoneFile, ATypeNumberIsDigitsAlone) {
  EXPECT_EQ(type_of("TYPE65"), Type{65});
  EXPECT_EQ(type_of("type262"), Type{262});
  for (const char* wrong : {"TYPE65x", "TYPE", "TYPE65536", "TYPE-1", "TYPE 1"})
    EXPECT_EQ(type_of(wrong), Type{0}) << wrong;
}

TEST(ZoneFile, NamesWhatIsWrongWithTheGenericForm) {  // RFC 3597 5
  auto refused = [](std::string_view data) {
    return refusal("a.", std::string(kTop) + "x TYPE65280 " + std::string(data) + "\n");
  };
  EXPECT_THAT(
      refused("\\# 4 0A0000"),
      HasSubstr(
          "test.zone:4: the data of TYPE65280 is not right: it has another number of bytes than it says"));
  EXPECT_THAT(refused("\\# 2 0A0"), HasSubstr("pairs of hexadecimal digits"));
  EXPECT_THAT(refused("\\# x 00"), HasSubstr("its length is no number of bytes"));
  EXPECT_THAT(refusal("a.", std::string(kTop) + "x A \\# 5 0A00000102\n"), HasSubstr("its bytes are no A"));
}

TEST(ZoneFile, ReadsTheBulkTypesAsLdnsDoes) {
  const Name origin = name("helper.bac");
  for (const auto& [type, text] : {std::pair(type::A, "10.0.0.1"),
                                   {type::NS, "ns"},
                                   {type::CNAME, "www.example.org."},
                                   {type::PTR, "@"},
                                   {type::MX, "10 mail.x"}}) {
    const ZonePtr z = zone("helper.bac.", std::string(kTop) + "x " + type_text(type) + " " + text + "\n");
    EXPECT_EQ(as_text(*z->find(name("x.helper.bac"))->find(type).begin()),
              rdata_from_text(type, text, origin).value())
        << text;
  }
}

TEST(ZoneFile, DropsDuplicatesAndLevelsTtls) {
  const auto load = load_zone_text(
      name("a."), "f",
      std::string(kTop) + "x 10 A 1.1.1.1\nX 10 A 1.1.1.1\nx 5 A 1.1.1.2\nx MX 1 M\nx MX 1 m\n");
  ASSERT_TRUE(load.zone);
  EXPECT_EQ(load.zone->find(name("x.a"))->find(type::A).count, 2);
  EXPECT_EQ(load.zone->find(name("x.a"))->find(type::A).ttl, 5U);
  EXPECT_EQ(load.zone->find(name("x.a"))->find(type::MX).count, 1);
  EXPECT_EQ(load.remarks.size(), 1U);
}

TEST(ZoneFile, FindsEachOfManyNames) {
  std::string text = kTop;
  for (int i = 0; i < 5000; ++i) text += fmt::format("h{} A 10.0.{}.{}\n", i, i / 256, i % 256);
  const ZonePtr z = zone("a.", text);
  EXPECT_EQ(z->names(), 5001U);
  for (int i = 0; i < 5000; ++i) ASSERT_NE(z->find(name(fmt::format("H{}.a", i))), nullptr) << i;
  EXPECT_EQ(z->find(name("h5000.a")), nullptr);
}

TEST(ZoneEditor, ChangesNamesAndLeavesTheOldVersionAlone) {
  const ZonePtr old = zone("a.", std::string(kTop) + "x A 1.1.1.1\n");
  ZoneEditor editor(old);
  EXPECT_TRUE(editor.add(name("y.a"), type::A, 60, {"\1\1\1\2", 4}));
  EXPECT_FALSE(editor.add(name("x.a"), type::A, 60, {"\1\1\1\1", 4}));
  EXPECT_TRUE(editor.remove(name("X.a"), type::A, {"\1\1\1\1", 4}));
  const ZonePtr next = editor.finish().value();
  EXPECT_NE(next->find(name("y.a")), nullptr);
  EXPECT_EQ(next->find(name("x.a")), nullptr);
  EXPECT_NE(old->find(name("x.a")), nullptr);
  EXPECT_EQ(old->find(name("y.a")), nullptr);
}

TEST(ZoneEditor, MakesAndRemovesEmptyNonTerminals) {
  ZonePtr z = zone("a.", kTop);
  ZoneEditor add(z);
  add.add(name("x.y.z.a"), type::A, 60, {"\1\1\1\1", 4});
  add.add(name("*.w.a"), type::A, 60, {"\1\1\1\1", 4});
  z = add.finish().value();
  ASSERT_NE(z->find(name("y.z.a")), nullptr);
  EXPECT_TRUE(z->find(name("z.a"))->is_empty());
  EXPECT_TRUE(z->find(name("w.a"))->has_wildcard());
  ZoneEditor remove(z);
  remove.remove_rrset(name("x.y.z.a"), type::A);
  z = remove.finish().value();
  EXPECT_EQ(z->find(name("y.z.a")), nullptr);
  EXPECT_EQ(z->find(name("z.a")), nullptr);
  EXPECT_NE(z->find(name("w.a")), nullptr);
}

TEST(ZoneEditor, RefusesACnameBesideOtherRecords) {
  ZoneEditor editor(zone("a.", std::string(kTop) + "x A 1.1.1.1\n"));
  editor.add(name("x.a"), type::CNAME, 0, name("y.a").wire());
  EXPECT_FALSE(editor.finish());
}

TEST(ZoneEditor, GrowsAZoneManyTimesOver) {
  ZonePtr z = zone("a.", kTop);
  for (int round = 0; round < 20; ++round) {
    ZoneEditor editor(z);
    for (int i = 0; i < 100; ++i)
      editor.add(name(fmt::format("h{}.a", round * 100 + i)), type::A, 60, {"\1\1\1\1", 4});
    z = editor.finish().value();
  }
  EXPECT_EQ(z->names(), 2001U);
  for (int i = 0; i < 2000; ++i) ASSERT_NE(z->find(name(fmt::format("h{}.a", i))), nullptr);
}

// Big zones lie in large pages, which versions of the zone share and the last of them gives back.
TEST(ZoneEditor, ChangesABigZoneWhoseFirstVersionsAreGone) {
  std::string text = kTop;
  for (int i = 0; i < 30000; ++i) text += fmt::format("h{} A 10.0.{}.{}\n", i, i / 256, i % 256);
  text += "big TXT";
  for (int i = 0; i < 200; ++i) text += fmt::format(" \"{}\"", std::string(250, 'x'));
  ZonePtr z = zone("a.", text + "\n");
  for (int round = 0; round < 30; ++round) {
    ZoneEditor editor(z);
    for (int i = round; i < 30000; i += 30)
      editor.replace(name(fmt::format("h{}.a", i)), type::A, 60, {"\1\1\1\1", 4});
    z = editor.finish().value();
  }
  EXPECT_EQ(z->names(), 30002U);
  for (int i = 0; i < 30000; ++i) {
    const Node* node = z->find(name(fmt::format("h{}.a", i)));
    ASSERT_NE(node, nullptr) << i;
    ASSERT_EQ(as_text(*node->find(type::A).begin()), "\1\1\1\1") << i;
  }
  EXPECT_EQ((*z->find(name("big.a"))->find(type::TXT).begin()).size(), 200U * 251);
}

TEST(BlockArena, KeepsABlockUntilItsRelease) {
  std::vector<char*> blocks;
  {
    BlockArena arena;
    EXPECT_EQ(arena.allocate(BlockArena::kLargestBlock + 1), nullptr);
    for (int i = 0; i < 200; ++i) {
      blocks.push_back(static_cast<char*>(arena.allocate(50001)));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()) % alignof(void*), 0U);
      std::memset(blocks.back(), i, 50001);
    }
    for (std::size_t i = 0; i < 200; i += 2) BlockArena::release(blocks[i]);
  }
  for (std::size_t i = 1; i < 200; i += 2) {
    ASSERT_EQ(blocks[i][0], static_cast<char>(i));
    ASSERT_EQ(blocks[i][50000], static_cast<char>(i));
    BlockArena::release(blocks[i]);
  }
}

}  // namespace
}  // namespace lab::dns::test
