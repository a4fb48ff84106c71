#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "dns/signer.hpp"
#include "dns/zone_editor.hpp"
#include "dns/zonemd.hpp"
#include "tests/unit/dns/dns_world.hpp"

namespace lab::dns::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr std::uint32_t kNow = 1'800'000'000;

constexpr const char* kZone = R"($TTL 60
@ SOA ns root 7 2 3 4 5
@ NS ns
ns A 10.0.0.1
www A 10.0.0.2
a.b.c TXT "deep"
*.wild A 10.0.0.3
sub NS ns.sub
ns.sub A 10.0.0.4
safe NS ns.safe
safe DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.safe A 10.0.0.5
)";

class Signing3 : public testing::Test {
 protected:
  Signing3() {
    char pattern[] = "/tmp/lab-test.XXXXXX";
    folder_ = ::mkdtemp(pattern);
    key_.emplace(ZoneKey::open(folder_ + "/key", name("helper.bac")).value());
  }
  ~Signing3() override { std::filesystem::remove_all(folder_); }

  ZonePtr sign(const ZonePtr& z, const Zone* before = nullptr, Signing how = {.denial = Denial::Nsec3},
               std::uint32_t now = kNow) {
    auto done = key_->sign(*z, before, how, now);
    if (!done) ADD_FAILURE() << done.error().text();
    return done ? done->zone : nullptr;
  }
  static Reply ask(const ZonePtr& z, std::string_view n, std::string_view t) {
    World world;
    world.serve(z);
    return world.ask(
        {.name = std::string(n), .type = std::string(t), .edns = true, .udp_size = 4096, .dnssec_ok = true},
        Transport::Tcp);
  }
  static long count(const std::vector<std::string>& records, const std::string& type) {
    return std::count_if(records.begin(), records.end(), [&](const std::string& r) {
      return r.find(" IN " + type + " ") != std::string::npos;
    });
  }

  std::string folder_;
  std::optional<ZoneKey> key_;
};

std::string hashed(std::string_view of) {
  const Name key = name(of);
  const Nsec3Hash hash = nsec3_hash({12, "\xaa\xbb\xcc\xdd"}, {key.data(), key.size()});
  std::uint8_t label[kHashLabel];
  base32hex(hash, label);
  return std::string(as_text(label));
}

TEST(Nsec3, HashesAsTheExamplesOfTheRfc) {  // RFC 5155 appendix A
  EXPECT_EQ(hashed("example."), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
  EXPECT_EQ(hashed("a.example."), "35mthgpgcu1qg68fab165klnsnk3dpvl");
  EXPECT_EQ(hashed("*.w.example."), "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
}

TEST_F(Signing3, NobodyIsProvedByThreeHashes) {
  const Reply r = ask(sign(zone("helper.bac.", kZone)), "x.nobody.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NXDOMAIN");
  EXPECT_GE(count(r.authority, "NSEC3"), 2) << "the encloser, the next closer name, the wildcard";
  EXPECT_LE(count(r.authority, "NSEC3"), 3);
  EXPECT_EQ(count(r.authority, "NSEC"), 0);
}

TEST_F(Signing3, AnEmptyNonTerminalHasAHashOfItsOwn) {
  const Reply r = ask(sign(zone("helper.bac.", kZone)), "b.c.helper.bac", "A");
  EXPECT_EQ(r.rcode, "NOERROR");
  EXPECT_EQ(count(r.authority, "NSEC3"), 1);
}

TEST_F(Signing3, ADelegationWithoutDsIsProvedToHaveNone) {
  const ZonePtr z = sign(zone("helper.bac.", kZone));
  const Reply r = ask(z, "www.sub.helper.bac", "A");
  EXPECT_EQ(count(r.authority, "NSEC3"), 1);
  EXPECT_THAT(r.authority, Contains(HasSubstr("NSEC3 1 0 0 -"))) << "no salt, no iterations, no opt-out";
  EXPECT_EQ(count(ask(z, "www.safe.helper.bac", "A").authority, "DS"), 1);
}

TEST_F(Signing3, AHashIsNoNameToAskFor) {
  const ZonePtr z = sign(zone("helper.bac.", kZone));
  std::string owner;
  z->for_each([&](const Node& n) {
    if (n.is_hashed_owner()) owner = Name::trusted(n.name().data(), n.name().size()).text();
  });
  ASSERT_FALSE(owner.empty());
  EXPECT_EQ(ask(z, owner, "NSEC3").rcode, "NXDOMAIN");
}

TEST_F(Signing3, WhatDidNotChangeKeepsItsSignature) {
  for (const Denial denial : {Denial::Nsec, Denial::Nsec3}) {
    const ZonePtr first = zone("helper.bac.", kZone), first_signed = sign(first, nullptr, {.denial = denial});
    ZoneEditor editor(first);
    editor.add(name("new.helper.bac"), type::A, 60, std::string("\x0a\0\0\x09", 4));
    editor.set_serial(8);
    const ZonePtr second = sign(editor.finish().value(), first_signed.get(), {.denial = denial}, kNow + 60);
    const ZoneDiff diff = difference(*first_signed, *second);
    EXPECT_LE(diff.added.size(), 9U) << "the SOA, the record, two links of the chain, and what signs them";
    EXPECT_LE(diff.removed.size(), 6U);
  }
}

TEST_F(Signing3, SignaturesAreMadeAnewInTime) {
  const ZonePtr plain = zone("helper.bac.", kZone), first = sign(plain);
  EXPECT_TRUE(difference(*first, *sign(plain, first.get(), {.denial = Denial::Nsec3}, kNow + 86400)).empty());
  const ZonePtr later =
      sign(plain, first.get(), {.denial = Denial::Nsec3}, kNow + SigningTimes::kRefresh + 1);
  EXPECT_FALSE(difference(*first, *later).empty());
}

TEST_F(Signing3, AnyOverUdpComesWithItsSignature) {  // RFC 8482 4.1
  for (const Denial denial : {Denial::Nsec, Denial::Nsec3}) {
    World world;
    world.serve(sign(zone("helper.bac.", kZone), nullptr, {.denial = denial}));
    for (const char* name : {"www.helper.bac", "a.b.c.helper.bac", "x.wild.helper.bac"}) {
      const Reply r =
          world.ask({.name = name, .type = "ANY", .edns = true, .udp_size = 4096, .dnssec_ok = true});
      EXPECT_EQ(r.answer.size(), 2U) << name;
      EXPECT_EQ(count(r.answer, "RRSIG"), 1) << name;
    }
    EXPECT_EQ(world.ask("www.helper.bac", "ANY").answer.size(), 1U) << "to those who want it";
  }
}

TEST_F(Signing3, GlueIsNotSigned) {
  const ZonePtr z = sign(zone("helper.bac.", kZone), nullptr, {.denial = Denial::Nsec});
  EXPECT_FALSE(z->find(name("ns.sub.helper.bac"))->has(type::RRSIG));
  EXPECT_FALSE(z->find(name("ns.sub.helper.bac"))->has(type::NSEC));
  EXPECT_FALSE(z->find(name("sub.helper.bac"))->signatures(type::NS));
  EXPECT_TRUE(z->find(name("sub.helper.bac"))->signatures(type::NSEC));
}

// RFC 8976 appendix A.1
constexpr const char* kDigested = R"($ORIGIN example.
@    86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400
@    86400 IN NS ns1
@    86400 IN NS ns2
@    86400 IN ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
ns1  3600  IN A 203.0.113.63
ns2  3600  IN AAAA 2001:db8::63
)";

TEST(Zonemd, IsThatOfTheRfcsExample) {
  EXPECT_EQ(check_zonemd(*zone("example.", kDigested)), DigestCheck::Good);
  std::string changed = kDigested;
  changed.replace(changed.find("113.63"), 6, "113.64");
  EXPECT_EQ(check_zonemd(*zone("example.", changed)), DigestCheck::Bad);
}

TEST_F(Signing3, ADigestIsThereAndGoodInASignedZone) {
  for (const Denial denial : {Denial::Nsec, Denial::Nsec3}) {
    const ZonePtr z = sign(zone("helper.bac.", kZone), nullptr, {.denial = denial, .digest = true});
    EXPECT_EQ(check_zonemd(*z), DigestCheck::Good);
    EXPECT_TRUE(z->apex_node().signatures(type::ZONEMD));
    EXPECT_EQ(check_zonemd(*with_zonemd(zone("helper.bac.", kZone)).value()), DigestCheck::Good);
  }
}

}  // namespace
}  // namespace lab::dns::test
