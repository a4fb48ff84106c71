// The zones that follow from a topology, read back by ldns as a name server would.
#include "labctl/plan/zones.hpp"

#include <gmock/gmock.h>

#include "lab.hpp"

namespace lab::plan {
namespace {

using lab::testing::helper_with;
using lab::testing::kHelper;
using lab::testing::valid;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// The data of the records of one name and type in a zone, as ldns reads it from the zone's text.
std::vector<std::string> data(const std::string& topology, const std::string& zone_name,
                              const std::string& owner, const std::string& type,
                              const topology::ZonefileReader& zonefiles = lab::testing::no_zonefiles) {
  for (const auto& zone : derive_zones(valid(topology, zonefiles))) {
    if (zone.name != zone_name) continue;
    const auto records = topology::parse_zonefile(zone_text(zone, 7), zone_name, 1);
    if (!records) {
      ADD_FAILURE() << zone_name << ":" << records.error().line << ": " << records.error().reason << "\n"
                    << zone_text(zone, 7);
      return {};
    }
    std::vector<std::string> out;
    for (const auto& record : *records)
      if (record.owner == owner && record.type == type) out.push_back(record.data);
    return out;
  }
  ADD_FAILURE() << "no zone " << zone_name;
  return {};
}

const std::string kZone = "helper.bac";

TEST(Zone, HoldsWhatADomainNeeds) {
  EXPECT_THAT(data(kHelper, kZone, "helper.bac.", "SOA"),
              ElementsAre("ns.helper.bac. hostmaster.helper.bac. 7 3600 600 604800 60"));
  EXPECT_THAT(data(kHelper, kZone, "helper.bac.", "NS"), ElementsAre("ns.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "ns.helper.bac.", "A"), ElementsAre("192.168.56.10"));
  EXPECT_THAT(data(kHelper, kZone, "srv.helper.bac.", "A"), ElementsAre("192.168.56.10"));
  EXPECT_THAT(data(kHelper, kZone, "mail.helper.bac.", "A"), ElementsAre("192.168.56.10"));
  EXPECT_THAT(data(kHelper, kZone, "helper.bac.", "MX"), ElementsAre("10 mail.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "helper.bac.", "TXT"), ElementsAre("\"v=spf1 mx -all\""));
  EXPECT_THAT(data(kHelper, kZone, "_dmarc.helper.bac.", "TXT"), ElementsAre("\"v=DMARC1; p=none\""));
  EXPECT_THAT(data(kHelper, kZone, "_submissions._tcp.helper.bac.", "SRV"),
              ElementsAre("0 1 465 mail.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "_imaps._tcp.helper.bac.", "SRV"),
              ElementsAre("0 1 993 mail.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "_pop3._tcp.helper.bac.", "SRV"), ElementsAre("0 1 110 mail.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "_ldap._tcp.helper.bac.", "SRV"), ElementsAre("0 1 389 srv.helper.bac."));
  EXPECT_THAT(data(kHelper, kZone, "_autodiscover._tcp.helper.bac.", "SRV"),
              ElementsAre("0 1 443 mail.helper.bac."));
  for (const auto* name : {"autoconfig", "autodiscover", "webmail"})
    EXPECT_THAT(data(kHelper, kZone, std::string(name) + ".helper.bac.", "A"), ElementsAre("192.168.56.10"));
}

TEST(Zone, BackwardsAnAddressHasAllItsNames) {
  EXPECT_THAT(data(kHelper, "56.168.192.in-addr.arpa", "10.56.168.192.in-addr.arpa.", "PTR"),
              ElementsAre("srv.helper.bac.", "mail.helper.bac."));
}

TEST(Zone, APortThatIsNotOfferedIsNotAnnounced) {
  EXPECT_THAT(data(helper_with("mail: }", "mail: {ports: {pop3: 0, imaps: 1993}}}"), kZone,
                   "_pop3._tcp.helper.bac.", "SRV"),
              IsEmpty());
  EXPECT_THAT(data(helper_with("mail: }", "mail: {ports: {pop3: 0, imaps: 1993}}}"), kZone,
                   "_imaps._tcp.helper.bac.", "SRV"),
              ElementsAre("0 1 1993 mail.helper.bac."));
}

std::string with_records(const std::string& list) {
  return helper_with("users:", "dns: {records: [" + list + "]}\n    users:");
}

TEST(Zone, WhatIsWrittenReplacesWhatIsDerivedOfTheSameType) {
  const auto text = with_records(R"("@ 60 MX 5 mx.example.org.", "mail A 192.168.56.99", "@ TXT \"hello\"")");
  EXPECT_THAT(data(text, kZone, "helper.bac.", "MX"), ElementsAre("5 mx.example.org."));
  EXPECT_THAT(data(text, kZone, "mail.helper.bac.", "A"), ElementsAre("192.168.56.99"));
  EXPECT_THAT(data(text, kZone, "helper.bac.", "TXT"),
              UnorderedElementsAre("\"v=spf1 mx -all\"", "\"hello\""));
}

TEST(Zone, ThereIsOneSenderPolicy) {
  EXPECT_THAT(data(with_records(R"("@ TXT \"v=spf1 ip4:10.0.0.1 -all\"")"), kZone, "helper.bac.", "TXT"),
              ElementsAre("\"v=spf1 ip4:10.0.0.1 -all\""));
}

TEST(Zone, AnAliasReplacesAllThereIs) {
  EXPECT_THAT(data(with_records("\"webmail CNAME srv\""), kZone, "webmail.helper.bac.", "A"), IsEmpty());
  EXPECT_THAT(data(with_records("\"webmail CNAME srv\""), kZone, "webmail.helper.bac.", "CNAME"),
              ElementsAre("srv.helper.bac."));
}

TEST(Zone, AFileStandsBesideRecordsAndItsSerialIsALowerBound) {
  const auto text =
      helper_with("users:", "dns: {zonefile: z, records: [\"www A 192.168.56.20\"]}\n    users:");
  const auto file = [](const std::string&) -> Result<std::string> {
    return std::string(
        "$TTL 1h\n@ SOA ns hostmaster 2026112301 1d 2h 4w 5m\n  MX 20 backup\nbackup A 192.168.56.30\n");
  };
  EXPECT_THAT(data(text, kZone, "helper.bac.", "MX", file), ElementsAre("20 backup.helper.bac."));
  EXPECT_THAT(data(text, kZone, "backup.helper.bac.", "A", file), ElementsAre("192.168.56.30"));
  EXPECT_THAT(data(text, kZone, "www.helper.bac.", "A", file), ElementsAre("192.168.56.20"));
  EXPECT_THAT(data(text, kZone, "mail.helper.bac.", "A", file), ElementsAre("192.168.56.10"));
  EXPECT_THAT(data(text, kZone, "helper.bac.", "SOA", file),
              ElementsAre("ns.helper.bac. hostmaster.helper.bac. 7 86400 7200 2419200 300"));
  EXPECT_EQ(make_plan(valid(text, file), lab::testing::inputs()).memory.serials.at(kZone).number,
            2'026'112'301U);
}

TEST(Zone, AMistakeInAFileIsShownWithItsLine) {
  const auto text = helper_with("users:", "dns: {zonefile: z.zone}\n    users:");
  const auto rejected = lab::testing::load(text, [](const std::string&) -> Result<std::string> {
    return std::string("@ A 192.168.56.1\nwww A nowhere\n");
  });
  ASSERT_FALSE(rejected);
  EXPECT_THAT(rejected.error().text, ::testing::HasSubstr("z.zone:2:"));
}

TEST(Zone, AReservedAddressHasANameBothWays) {
  const auto text =
      helper_with("range: 192.168.56.100-192.168.56.200",
                  "reservations: {printer: {mac: \"02:00:00:00:00:09\", address: 192.168.56.50}}");
  EXPECT_THAT(data(text, kZone, "printer.helper.bac.", "A"), ElementsAre("192.168.56.50"));
  EXPECT_THAT(data(text, "56.168.192.in-addr.arpa", "50.56.168.192.in-addr.arpa.", "PTR"),
              ElementsAre("printer.helper.bac."));
}

TEST(Zone, OfADomainWithoutMailSaysThatItSendsNone) {
  const auto text =
      "networks: {lan: 10.0.0.0/24}\ndomains: {a.lab: }\nnodes: {ns1: {networks: {lan: 10.0.0.1}, services: "
      "dns}}";
  EXPECT_THAT(data(text, "a.lab", "a.lab.", "MX"), IsEmpty());
  EXPECT_THAT(data(text, "a.lab", "a.lab.", "TXT"), ElementsAre("\"v=spf1 -all\""));
}

TEST(Zone, AChildIsDelegatedWithGlue) {
  const auto text = R"(
networks: {lan: 10.0.0.0/24}
domains: {bac: , helper.bac: , a.helper.bac: }
nodes:
  root: {networks: {lan: 10.0.0.1}, domain: bac, services: dns}
  srv: {networks: {lan: 10.0.0.2}, domain: helper.bac, services: dns}
)";
  EXPECT_THAT(data(text, "bac", "helper.bac.", "NS"), ElementsAre("ns.helper.bac."));
  EXPECT_THAT(data(text, "bac", "ns.helper.bac.", "A"), ElementsAre("10.0.0.2"));
  EXPECT_THAT(data(text, "bac", "a.helper.bac.", "NS"), IsEmpty()) << "that is the child's own child";
}

TEST(Zone, IsCutAtWholeOctetsAndNibbles) {
  const auto name = [](const char* subnet) { return reverse_zone(*Network::parse(subnet)); };
  EXPECT_EQ(name("192.168.56.0/24"), "56.168.192.in-addr.arpa");
  EXPECT_EQ(name("10.20.0.0/23"), "20.10.in-addr.arpa");
  EXPECT_EQ(name("10.0.0.0/8"), "10.in-addr.arpa");
  EXPECT_EQ(name("fd00:56::/64"), "0.0.0.0.0.0.0.0.6.5.0.0.0.0.d.f.ip6.arpa");
}

TEST(Zone, KnowsBothFamilies) {
  const auto text = R"(
networks: {lan: {subnet: 10.0.0.0/24, subnet6: "fd00:56::/64"}}
domains: {x.lab: }
nodes: {s: {networks: {lan: 10.0.0.10}, services: dns}}
)";
  EXPECT_THAT(data(text, "x.lab", "s.x.lab.", "AAAA"), ElementsAre("fd00:56::10"));
  EXPECT_THAT(data(text, "0.0.0.0.0.0.0.0.6.5.0.0.0.0.d.f.ip6.arpa",
                   "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.5.0.0.0.0.d.f.ip6.arpa.", "PTR"),
              ElementsAre("s.x.lab."));
}

constexpr const char* kShared = R"(
networks: {north: 192.0.2.0/26, south: 192.0.2.128/25}
domains: {north.lab: , south.lab: }
nodes:
  a: {networks: {north: 192.0.2.10}, domain: north.lab, services: [dns, dhcp]}
  b: {networks: {south: 192.0.2.140}, domain: south.lab, services: [dns, dhcp]}
  pc: {networks: south}
)";

TEST(ReverseZone, OfASubnetSmallerThanAnOctetIsItsOwn) {  // RFC 2317 4
  EXPECT_EQ(reverse_zone(*Network::parse("192.0.2.128/25")), "128/25.2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse_zone(*Network::parse("192.0.2.4/30")), "4/30.2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse_zone(*Network::parse("192.0.2.0/24")), "2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse_zone(*Network::parse("10.0.0.0/20")), "0.10.in-addr.arpa");
  EXPECT_THAT(data(kShared, "128/25.2.0.192.in-addr.arpa", "140.128/25.2.0.192.in-addr.arpa.", "PTR"),
              ElementsAre("b.south.lab."));
  EXPECT_THAT(data(kShared, "128/25.2.0.192.in-addr.arpa", "128/25.2.0.192.in-addr.arpa.", "NS"),
              ElementsAre("ns.south.lab."));
}

TEST(ReverseZone, OfTheOctetHasAnAliasForEachAddressAndDelegates) {
  const auto octet = [](const std::string& owner, const std::string& type) {
    return data(kShared, "2.0.192.in-addr.arpa", owner + ".2.0.192.in-addr.arpa.", type);
  };
  EXPECT_THAT(octet("10", "CNAME"), ElementsAre("10.0/26.2.0.192.in-addr.arpa."));
  EXPECT_THAT(octet("140", "CNAME"), ElementsAre("140.128/25.2.0.192.in-addr.arpa."));
  EXPECT_THAT(octet("254", "CNAME"), ElementsAre("254.128/25.2.0.192.in-addr.arpa."));
  for (const auto* none : {"0", "63", "64", "127", "128", "255"})
    EXPECT_THAT(octet(none, "CNAME"), IsEmpty()) << none;
  EXPECT_THAT(octet("128/25", "NS"), ElementsAre("ns.south.lab."));
  EXPECT_THAT(octet("0/26", "NS"), ElementsAre("ns.north.lab."));
  EXPECT_THAT(data(kShared, ".", "2.0.192.in-addr.arpa.", "NS"), ElementsAre("ns.north.lab."));
}

TEST(ReverseZone, NamesTheRootsOwnAddressWhereTheAliasLeads) {
  EXPECT_THAT(data(kShared, "0/26.2.0.192.in-addr.arpa", "31.0/26.2.0.192.in-addr.arpa.", "PTR"),
              ElementsAre("a.root-servers."))
      << "beside its alias, a PTR could not stand in the octet's zone";
}

TEST(Zone, OfTheRootLeadsToEveryDomain) {
  EXPECT_THAT(data(kHelper, ".", ".", "NS"), ElementsAre("a.root-servers."));
  EXPECT_THAT(data(kHelper, ".", "a.root-servers.", "A"), ElementsAre("192.168.56.99"));
  EXPECT_THAT(data(kHelper, ".", "bac.", "NS"), ElementsAre("a.nic.bac."));
  EXPECT_THAT(data(kHelper, ".", "a.nic.bac.", "A"), ElementsAre("192.168.56.98"));
  EXPECT_THAT(data(kHelper, ".", "56.168.192.in-addr.arpa.", "NS"), ElementsAre("ns.helper.bac."));
  EXPECT_THAT(data(kHelper, ".", "ns.helper.bac.", "A"), ElementsAre("192.168.56.10")) << "glue";
  EXPECT_THAT(data(kHelper, "bac", "helper.bac.", "NS"), ElementsAre("ns.helper.bac."));
  EXPECT_THAT(data(kHelper, "56.168.192.in-addr.arpa", "99.56.168.192.in-addr.arpa.", "PTR"),
              ElementsAre("a.root-servers."));
}

TEST(Zone, OfTheRootIsWhereANodeHasIt) {
  const auto text = R"(
networks: {net: 10.0.0.0/24}
domains: {".": , bac: , helper.bac: }
nodes:
  root: {networks: {net: 10.0.0.1}, domain: ".", services: dns}
  tld: {networks: {net: 10.0.0.2}, domain: bac, services: dns}
  srv: {networks: {net: 10.0.0.3}, domain: helper.bac, services: dns}
)";
  EXPECT_THAT(data(text, ".", "a.root-servers.", "A"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(data(text, ".", "bac.", "NS"), ElementsAre("ns.bac."));
  EXPECT_THAT(data(text, ".", "ns.bac.", "A"), ElementsAre("10.0.0.2"));
  EXPECT_THAT(data(text, ".", "helper.bac.", "NS"), IsEmpty()) << "bac leads there";
}

std::string with_dnsbl(const std::string& list) {
  return "networks: {lan: 10.0.0.0/24}\ndomains: {bl.test: {dns: {dnsbl: [" + list +
         "]}}}\nnodes: {ns1: {networks: {lan: 10.0.0.1}, services: dns}}";
}

TEST(BlockList, ListsAddressesNetworksAndDomains) {
  const auto text =
      with_dnsbl(R"(192.0.2.7, 198.51.100.0/24, 203.0.113.4/30, "2001:db8::/32", spam.example)");
  const auto listed = [&](const std::string& name) { return data(text, "bl.test", name + ".bl.test.", "A"); };
  for (const auto* name : {"7.2.0.192", "*.100.51.198", "4.113.0.203", "7.113.0.203", "*.8.b.d.0.1.0.0.2",
                           "spam.example", "*.spam.example"})
    EXPECT_THAT(listed(name), ElementsAre("127.0.0.2")) << name;
  EXPECT_THAT(listed("8.113.0.203"), IsEmpty());
  EXPECT_THAT(data(text, "bl.test", "7.2.0.192.bl.test.", "TXT"),
              ElementsAre("\"192.0.2.7/32 is on the list bl.test\""));
}

TEST(BlockList, HasTheTestPointsAndNotTheirOpposites) {  // RFC 5782 5
  const auto text = with_dnsbl("192.0.2.7");
  const auto listed = [&](const std::string& name) { return data(text, "bl.test", name + ".bl.test.", "A"); };
  EXPECT_THAT(listed("2.0.0.127"), ElementsAre("127.0.0.2"));
  EXPECT_THAT(listed("1.0.0.127"), IsEmpty());
  EXPECT_THAT(listed("test"), ElementsAre("127.0.0.2"));
  EXPECT_THAT(listed("invalid"), IsEmpty());
  EXPECT_THAT(listed("2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"),
              ElementsAre("127.0.0.2"));
}

TEST(BlockList, ANarrowEntryDoesNotHideAWideOne) {
  const auto text = with_dnsbl("192.0.2.7, 192.0.0.0/16");
  EXPECT_THAT(data(text, "bl.test", "*.0.192.bl.test.", "A"), ElementsAre("127.0.0.2"));
  EXPECT_THAT(data(text, "bl.test", "7.2.0.192.bl.test.", "A"), IsEmpty())
      << "an empty name above it would end the wildcard (RFC 4592 3.3.1)";
}

TEST(Zone, IncludesFilesBesideItAndSaysWhereAMistakeIs) {
  const auto text = helper_with("users:", "dns: {zonefile: zones/z}\n    users:");
  const auto files = [](const std::string& wrong) {
    return [wrong](const std::string& path) -> Result<std::string> {
      if (path == "zones/z") return std::string("@ A 10.0.0.1\n$INCLUDE hosts sub\nlast A 10.0.0.3\n");
      if (path == "zones/hosts") return "www A 10.0.0.2\n" + wrong;
      return fail("there is no such file");
    };
  };
  EXPECT_THAT(data(text, kZone, "www.sub.helper.bac.", "A", files("")), ElementsAre("10.0.0.2"));
  EXPECT_THAT(data(text, kZone, "last.helper.bac.", "A", files("")), ElementsAre("10.0.0.3"));
  const auto rejected = lab::testing::load(text, files("bad A nowhere\n"));
  ASSERT_FALSE(rejected);
  EXPECT_THAT(rejected.error().text, ::testing::HasSubstr("zones/hosts:2:"));
  const auto outside = lab::testing::load(text, [](const std::string&) -> Result<std::string> {
    return std::string("$INCLUDE ../../etc/passwd\n");
  });
  ASSERT_FALSE(outside);
  EXPECT_THAT(outside.error().text, ::testing::HasSubstr("outside the topology's folder"));
}

TEST(Zone, EveryLabThatComesWithItHasZonesThatCanBeRead) {
  for (const auto& name : lab::testing::every_topology())
    for (const auto& zone :
         derive_zones(valid(lab::testing::read_source("topologies/" + name + ".yaml")))) {
      const auto records = topology::parse_zonefile(zone_text(zone, 1), zone.name, 1);
      ASSERT_TRUE(records) << name << " " << zone.name << ": " << records.error().reason;
      EXPECT_EQ(records->size(), zone.records.size() + 1);
    }
}

}  // namespace
}  // namespace lab::plan
