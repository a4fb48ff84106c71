#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/ra/advertisement.hpp"

namespace lab::dhcp::ra {
namespace {

using testing::ElementsAre;

Advertisement full() {
  Advertisement a;
  a.managed = true;
  a.other = true;
  a.preference = Preference::High;
  a.lifetime = 1800;
  a.source = MacAddress({2, 0, 0, 0, 0, 1});
  a.mtu = 1500;
  a.prefixes = {{.prefix = *Network::parse("fd00:56::/64"),
                 .on_link = true,
                 .autonomous = false,
                 .valid = 86400,
                 .preferred = 14400}};
  a.routes = {{*Network::parse("fd00:57::/64"), Preference::Low, 600},
              {*Network::parse("::/0"), Preference::Medium, 60}};
  a.name_servers = {*IpAddress::parse("fd00:56::10")};
  a.search = {"helper.bac", "lab.helper.bac"};
  return a;
}

TEST(RouterAdvertisement, IsReadAsItWasWritten) {
  const auto again = Advertisement::parse(full().encode());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->managed && again->other);
  EXPECT_EQ(again->preference, Preference::High);
  EXPECT_EQ(again->source, MacAddress({2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(again->mtu, 1500U);
  ASSERT_EQ(again->prefixes.size(), 1U);
  EXPECT_EQ(again->prefixes[0].prefix.text(), "fd00:56::/64");
  EXPECT_FALSE(again->prefixes[0].autonomous);
  ASSERT_EQ(again->routes.size(), 2U);
  EXPECT_EQ(again->routes[0].destination.text(), "fd00:57::/64");
  EXPECT_EQ(again->routes[0].preference, Preference::Low);
  EXPECT_EQ(again->routes[1].destination.text(), "::/0");
  EXPECT_THAT(again->name_servers, ElementsAre(*IpAddress::parse("fd00:56::10")));
  EXPECT_THAT(again->search, ElementsAre("helper.bac", "lab.helper.bac"));
  EXPECT_EQ(full().encode().size() % 8, 0U) << "options count in units of eight";
}

TEST(RouterAdvertisement, AnOptionOfLengthZeroIsDropped) {  // RFC 4861 6.1.2
  Bytes bytes = full().encode();
  bytes[17] = 0;
  EXPECT_FALSE(Advertisement::parse(bytes));
  EXPECT_FALSE(Advertisement::parse(Bytes{134, 0, 0}));
}

TEST(RouterSolicitation, IsReadAsItWasWritten) {
  Solicitation s;
  s.source = MacAddress({2, 0, 0, 0, 0, 1});
  EXPECT_EQ(Solicitation::parse(s.encode())->source, s.source);
  EXPECT_FALSE(Solicitation::parse(full().encode()));
}

}  // namespace
}  // namespace lab::dhcp::ra
