// The picture of a lab, in three formats.
#include "labctl/teaching/graph.hpp"

#include <gmock/gmock.h>

#include "lab.hpp"

namespace lab::teaching {
namespace {

using lab::testing::kHelper;
using lab::testing::planned;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Graph, AsMermaid) {
  EXPECT_EQ(graph(planned(kHelper), GraphFormat::Mermaid), R"(---
title: "helper-bac: helper.bac"
---
flowchart TB
  net_lan(["lan  192.168.56.0/24"])
  node_srv["<b>srv</b><br/>directory dns dhcp mail"]
  net_lan ---|".10"| node_srv
  node_pc1["<b>pc1</b>"]
  net_lan ---|"by DHCP"| node_pc1
  node_pc2["<b>pc2</b>"]
  net_lan ---|"by DHCP"| node_pc2
)");
}

TEST(Graph, AsDotJoinsARouterToBothItsNetworks) {
  const auto text =
      graph(planned(lab::testing::read_source("topologies/two-domains.yaml")), GraphFormat::Dot);
  EXPECT_THAT(text, AllOf(HasSubstr("net_north -- node_router [label=\".1\"]"),
                          HasSubstr("net_south -- node_router [label=\".1\"]"), HasSubstr("shape=hexagon")));
}

TEST(Graph, AsSvgHasEveryNodeOnce) {
  const auto text = graph(planned(kHelper), GraphFormat::Svg);
  EXPECT_TRUE(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(text.ends_with("</svg>\n"));
  for (const auto* name : {">srv<", ">pc1<", ">pc2<", ">lan  192.168.56.0/24<"}) {
    const auto first = text.find(name);
    EXPECT_NE(first, std::string::npos) << name;
    EXPECT_EQ(text.find(name, first + 1), std::string::npos) << name;
  }
}

TEST(Graph, ACrowdIsOneBox) {
  const auto text =
      graph(planned(lab::testing::read_source("topologies/class-room.yaml")), GraphFormat::Mermaid);
  EXPECT_THAT(text, AllOf(HasSubstr("pc-1 … pc-30"), Not(HasSubstr("pc-17"))));
}

TEST(Graph, OfARunningLabShowsLeasesAndWhoIsIll) {
  const auto text = graph(
      planned(kHelper), GraphFormat::Mermaid,
      {.leases = {{"pc1/eth0", "192.168.56.100"}}, .services = {{"srv/dns", true}, {"srv/mail", false}}});
  EXPECT_THAT(text, AllOf(HasSubstr(".100 (leased)"), HasSubstr("dns ✓"), HasSubstr("mail ✗")));
}

TEST(Graph, FormatsAreKnownByTheirNames) {
  EXPECT_EQ(graph_format("svg"), GraphFormat::Svg);
  EXPECT_EQ(graph_format("png"), std::nullopt);
}

}  // namespace
}  // namespace lab::teaching
