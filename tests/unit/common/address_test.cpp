#include "common/address.hpp"

#include <gtest/gtest.h>

namespace lab {
namespace {

TEST(Address, PrintsWhatItRead) {
  for (const char* text :
       {"0.0.0.0", "192.168.56.10", "255.255.255.255", "::", "fd00:56::1", "2001:db8::ff00:42:8329"})
    EXPECT_EQ(IpAddress::parse(text).value().text(), text);
}

TEST(Address, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "01.2.3.4x", "fd00::1::2", "lan"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(Address, NamesItselfInTheReverseTree) {
  EXPECT_EQ(IpAddress::parse("192.168.56.10")->reverse_name(), "10.56.168.192.in-addr.arpa.");
  EXPECT_EQ(IpAddress::parse("2001:db8::567:89ab")->reverse_name(),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");  // RFC 3596 2.5
}

TEST(Address, CountsOnOverByteBounds) {
  EXPECT_EQ(IpAddress::parse("10.0.0.250")->plus(10).text(), "10.0.1.4");
  EXPECT_EQ(IpAddress::parse("fd00::ffff")->plus(1).text(), "fd00::1:0");
}

TEST(NetworkTest, KnowsItsHosts) {
  const auto lan = Network::parse("192.168.56.0/24").value();
  EXPECT_EQ(lan.first_host().text(), "192.168.56.1");
  EXPECT_EQ(lan.last_host().text(), "192.168.56.254");
  EXPECT_EQ(lan.broadcast().text(), "192.168.56.255");
  EXPECT_EQ(lan.netmask().text(), "255.255.255.0");
  EXPECT_TRUE(lan.contains(*IpAddress::parse("192.168.56.10")));
  EXPECT_FALSE(lan.contains(*IpAddress::parse("192.168.57.10")));
  EXPECT_FALSE(lan.contains(*IpAddress::parse("fd00::1")));
}

TEST(NetworkTest, ASlash31HasTwoHosts) {  // RFC 3021
  const auto link = Network::parse("10.0.0.2/31").value();
  EXPECT_EQ(link.first_host().text(), "10.0.0.2");
  EXPECT_EQ(link.last_host().text(), "10.0.0.3");
}

TEST(NetworkTest, RefusesHostBits) {
  EXPECT_FALSE(Network::parse("192.168.56.10/24"));
  EXPECT_FALSE(Network::parse("192.168.56.0/33"));
  EXPECT_FALSE(Network::parse("192.168.56.0/-1"));
  EXPECT_FALSE(Network::parse("192.168.56.0"));
}

TEST(NetworkTest, SeesOverlapsBothWays) {
  const auto wide = Network::parse("10.0.0.0/8").value();
  const auto narrow = Network::parse("10.1.0.0/16").value();
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(narrow.overlaps(*Network::parse("10.2.0.0/16")));
}

TEST(AddressRangeTest, CountsBothEnds) {
  const auto range = AddressRange::parse("192.168.56.100-192.168.56.200").value();
  EXPECT_EQ(range.size(), 101U);
  EXPECT_TRUE(range.contains(*IpAddress::parse("192.168.56.200")));
  EXPECT_FALSE(range.contains(*IpAddress::parse("192.168.56.201")));
  EXPECT_EQ(AddressRange::parse("10.0.0.255-10.0.1.0")->size(), 2U);
  EXPECT_EQ(AddressRange::parse("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")->size(),
            std::uint64_t{1} << 63);
}

TEST(AddressRangeTest, RefusesBackwards) { EXPECT_FALSE(AddressRange::parse("10.0.0.9-10.0.0.1")); }

TEST(Mac, ReadsBothSpellings) {
  EXPECT_EQ(MacAddress::parse("02:4C:61:00:00:05")->text(), "02:4c:61:00:00:05");
  EXPECT_EQ(MacAddress::parse("02-4c-61-00-00-05")->text(), "02:4c:61:00:00:05");
  for (const char* text : {"", "02:4c:61:00:00", "02:4c:61:00:00:0g", "024c61000005", "02:4c:61:00:00:05:"})
    EXPECT_FALSE(MacAddress::parse(text)) << text;
}

TEST(EndpointTest, WantsBracketsAroundIpv6Only) {
  EXPECT_EQ(Endpoint::parse("192.168.56.10:53")->text(), "192.168.56.10:53");
  EXPECT_EQ(Endpoint::parse("[fd00::1]:53")->text(), "[fd00::1]:53");
  for (const char* text : {"fd00::1:53", "[10.0.0.1]:53", "10.0.0.1", "10.0.0.1:65536", ":53"})
    EXPECT_FALSE(Endpoint::parse(text)) << text;
}

}  // namespace
}  // namespace lab
