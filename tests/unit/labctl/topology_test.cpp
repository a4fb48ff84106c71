// What a topology may say, and how short it may say it.
#include <gmock/gmock.h>

#include "lab.hpp"
#include "labctl/topology/roles.hpp"

namespace lab::topology {
namespace {

using lab::testing::helper_with;
using lab::testing::kHelper;
using lab::testing::mistakes;
using lab::testing::valid;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Topology, EveryKeyOfTheContractIsKnown) {
  // The sample describes several labs at once, so that it refers to nodes it does not define; but it has no
  // unknown key and no value of a wrong kind.
  const auto sample = lab::testing::read_source("tests/fuzz/labctl/topology_corpus/every-key.yaml");
  ASSERT_FALSE(sample.empty());
  const auto topology = load_text("sample.yaml", sample, [](const std::string&) -> Result<std::string> {
    return std::string("x A 10.0.0.9\n");
  });
  ASSERT_FALSE(topology);
  EXPECT_THAT(topology.error().text, Not(HasSubstr("unknown key")));
  EXPECT_THAT(topology.error().text, Not(HasSubstr("unknown value")));
  EXPECT_THAT(topology.error().text, Not(HasSubstr("unknown service")));
  EXPECT_THAT(topology.error().text, Not(HasSubstr("expected")));
  EXPECT_THAT(topology.error().text, Not(HasSubstr("is missing")));
}

TEST(Topology, ShortAndLongFormsMeanTheSame) {
  const auto brief = valid("networks: {lan: 10.0.0.0/24}\nnodes: {a: {networks: {lan: 10.0.0.1}}}");
  const auto spelled =
      valid("networks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {a: {networks: {lan: {address: 10.0.0.1}}}}");
  EXPECT_EQ(brief.networks.find("lan")->value.subnet->text(),
            spelled.networks.find("lan")->value.subnet->text());
  EXPECT_EQ(address_on(*brief.nodes.find("a"), "lan"), address_on(*spelled.nodes.find("a"), "lan"));
}

TEST(Topology, ANetworkNameAloneMeansDhcp) {
  for (const auto* form : {"networks: lan", "networks: [lan]", "networks: {lan: }", "networks: {lan: dhcp}",
                           "networks: {lan: {address: dhcp}}"}) {
    const auto lab = valid(helper_with("pc1: {networks: lan}", std::string("pc1: {") + form + "}"));
    const auto& networks = lab.nodes.find("pc1")->value.networks;
    ASSERT_EQ(networks.size(), 1U) << form;
    EXPECT_TRUE(networks.begin()->value.dhcp()) << form;
  }
}

TEST(Topology, ServicesAreNamedOrListedOrGivenOptions) {
  for (const auto* form : {"services: [dns, dhcp]", "services: {dns: , dhcp: {}}",
                           "services: {dhcp: {scopes: {lan: {}}}, dns: {role: primary}}"}) {
    const auto lab =
        valid("networks: {lan: 10.0.0.0/24}\ndomains: {a.lab: }\nnodes:\n  s: {networks: {lan: 10.0.0.1}, " +
              std::string(form) + "}\n  c: {networks: lan}\n");
    EXPECT_THAT(lab.nodes.find("s")->value.services.names(), ElementsAre("dns", "dhcp")) << form;
  }
  const auto one = valid(
      "networks: {lan: 10.0.0.0/24}\ndomains: {a.lab: }\nnodes: {s: {networks: {lan: 10.0.0.1}, services: "
      "dns}}");
  EXPECT_THAT(one.nodes.find("s")->value.services.names(), ElementsAre("dns"));
}

TEST(Topology, CountMakesThatManyNodesInTheirPlace) {
  const auto lab = valid(helper_with("pc1: {networks: lan}", "pc: {networks: lan, count: 3}"));
  EXPECT_THAT(lab.nodes.names(), ElementsAre("srv", "pc-1", "pc-2", "pc-3", "pc2"));
  EXPECT_EQ(lab.nodes.find("pc-2")->value.group, "pc");
  EXPECT_EQ(lab.nodes.find("pc-2")->value.index, 2);
}

TEST(Topology, TheLabIsCalledAfterItsFile) {
  const std::string text = "networks: {lan: 10.0.0.0/24}\nnodes: {a: {networks: {lan: 10.0.0.1}}}";
  EXPECT_EQ(load_text("/home/ali/Mail in Class.yaml", text, lab::testing::no_zonefiles)->lab,
            "mail-in-class");
  EXPECT_EQ(load_text("x.yaml", "lab: bac\n" + text, lab::testing::no_zonefiles)->lab, "bac");
}

TEST(Topology, OnlyPeopleMakeADomainTheOneMeant) {
  // A block list beside the one domain with users does not make every server say which domain it is for.
  const auto lab =
      valid(helper_with("domains:", "domains:\n  dnsbl.test: {dns: {records: [\"2.0.0.127 A 127.0.0.2\"]}}"));
  EXPECT_EQ(domain_of(lab, *lab.nodes.find("srv")), "helper.bac");
  EXPECT_EQ(dns_servers(lab, "dnsbl.test").front()->name, "srv");
}

TEST(Topology, AnAddressOfTheSixthVersionFollowsTheFourths) {
  const auto lab = valid(
      "networks: {lan: {subnet: 10.0.0.0/24, subnet6: \"fd00:56::/64\"}}\nnodes: {a: {networks: {lan: "
      "10.0.0.10}}}");
  EXPECT_EQ(address6_on(lab, *lab.nodes.find("a"), "lan")->text(), "fd00:56::10");
}

TEST(Topology, BothAddressesOfANodeCanBeWrittenSideBySide) {
  const auto lab = valid(
      "networks: {lan: {subnet: 10.0.0.0/24, subnet6: \"fd00:56::/64\"}}\nnodes: {a: {networks: {lan: "
      "[10.0.0.10, \"fd00:56::abcd\"]}}}");
  EXPECT_EQ(address_on(*lab.nodes.find("a"), "lan")->text(), "10.0.0.10");
  EXPECT_EQ(address6_on(lab, *lab.nodes.find("a"), "lan")->text(), "fd00:56::abcd");
}

TEST(Topology, TheGatewayIsTheOneNamedElseTheFirstRouter) {
  const std::string text = R"(
networks: {lan: 10.0.0.0/24, wan: 10.1.0.0/24}
nodes:
  r1: {networks: {lan: 10.0.0.1, wan: 10.1.0.1}, router: true}
  r2: {networks: {lan: 10.0.0.2, wan: 10.1.0.2}, router: true}
)";
  EXPECT_EQ(gateway(valid(text), "lan")->text(), "10.0.0.1");
  auto named = text;
  named.replace(named.find("10.0.0.0/24"), 11, "{subnet: 10.0.0.0/24, gateway: r2}");
  EXPECT_EQ(gateway(valid(named), "lan")->text(), "10.0.0.2");
  EXPECT_EQ(gateway(valid(named), "wan")->text(), "10.1.0.1");
}

TEST(Topology, TheUpperHalfOfTheSubnetIsLentUnlessSaidOtherwise) {
  const auto lab = valid(helper_with("{range: 192.168.56.100-192.168.56.200}", "{}"));
  const auto& srv = *lab.nodes.find("srv");
  const auto ranges = lease_ranges(srv, "lan", *lab.networks.find("lan")->value.subnet);
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges.front().text(), "192.168.56.128-192.168.56.254");
}

TEST(Topology, AFixedAddressInTheUpperHalfIsNotLent) {
  const auto lab = valid(helper_with("{range: 192.168.56.100-192.168.56.200}", "{}") +
                         "  printer: {networks: {lan: 192.168.56.222}}\n");
  const auto excluded = exclusions(lab, *lab.nodes.find("srv"), "lan");
  ASSERT_EQ(excluded.size(), 1U);
  EXPECT_EQ(excluded.front().text(), "192.168.56.222");
}

TEST(Topology, LabsThatComeWithItHaveNoMistakes) {
  for (const auto& name : lab::testing::every_topology()) {
    const auto path = std::string(LAB_SOURCE) + "/topologies/" + name + ".yaml";
    const auto lab = load_file(path);
    EXPECT_TRUE(lab) << (lab ? "" : lab.error().text);
    EXPECT_TRUE(lab::testing::read_source("topologies/" + name + ".yaml").starts_with("# "))
        << "says what it teaches";
  }
}

TEST(Topology, AZoneFileStaysInsideTheFolder) {
  for (const auto* path : {"/etc/passwd", "../secret.zone", "zones/../../secret.zone"})
    EXPECT_THAT(mistakes(helper_with("users:", std::string("dns: {zonefile: ") + path + "}\n    users:")),
                ElementsAre(HasSubstr("is outside the topology's folder")))
        << path;
}

}  // namespace
}  // namespace lab::topology
