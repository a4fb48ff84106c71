// dhcp.yaml: what is right is understood, what is wrong is said, all of it and with its place.
#include "dhcp/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "dhcp/option_types.hpp"

namespace lab::dhcp {
namespace {

using testing::HasSubstr;

std::expected<Config, std::string> load(const std::string& text) {
  const std::string path = testing::TempDir() + "dhcp_config_test_" + std::to_string(::getpid()) + ".yaml";
  std::ofstream(path) << text;
  return load_config(path);
}

std::string mistakes(const std::string& text) {
  auto config = load(text);
  return config ? "no mistakes" : config.error();
}

constexpr char kLab[] = R"(leases: /state/srv/dhcp/leases.db
dns_update: {server: 127.0.0.1:53, forward: helper.bac}
scopes:
  lan:
    interface: eth0
    network: 192.168.56.0/24
    ranges: [192.168.56.100-192.168.56.200]
    exclude: [192.168.56.150]
    lease: 1h
    options: {routers: [192.168.56.1], domain-name-servers: [192.168.56.10], domain-name: helper.bac,
              domain-search: [helper.bac], broadcast-address: 192.168.56.255, 66: "tftp.helper.bac",
              224: {type: uint16, value: 5}}
    reservations:
      pc2: {mac: "02:4c:61:00:00:05", address: 192.168.56.50}
)";

TEST(Config, OfALabIsUnderstood) {
  const auto config = load(kLab);
  ASSERT_TRUE(config) << config.error();
  const Settings settings = settings_of(*config);
  ASSERT_EQ(settings.scopes.size(), 1U);
  const Scope& lan = settings.scopes[0];
  EXPECT_EQ(lan.lease, std::chrono::hours(1));
  EXPECT_EQ(lan.max_lease, std::chrono::hours(1)) << "what the teacher wrote holds";
  EXPECT_EQ(lan.options.text(66), "tftp.helper.bac");
  EXPECT_EQ(lan.options.uint16(224), 5);
  EXPECT_EQ(lan.reservations[0].name, "pc2");
  EXPECT_TRUE(lan.lends(*IpAddress::parse("192.168.56.100")));
  EXPECT_FALSE(lan.lends(*IpAddress::parse("192.168.56.150")));
  EXPECT_EQ(config->dns_update->server.text(), "127.0.0.1:53");
}

TEST(Config, RelativePathCountsFromTheFile) {
  const auto config =
      load("leases: state/l.db\nscopes: {lan: {network: 10.0.0.0/24, ranges: [10.0.0.5-10.0.0.9]}}\n");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->leases, testing::TempDir() + "state/l.db");
}

TEST(Config, EveryMistakeIsSaidAtOnceWithAWayOut) {
  const auto text = mistakes(R"(leases: l.db
scopes:
  lan:
    network: 192.168.56.0/24
    range: [192.168.56.100-192.168.56.200]
    ranges: [192.168.57.100-192.168.57.200]
    options: {routerz: 192.168.56.1, ntp-servers: time.helper.bac, 224: 5, 51: 60}
    reservations:
      pc_2: {address: 192.168.57.2}
)");
  EXPECT_THAT(text, HasSubstr("unknown key 'range'"));
  EXPECT_THAT(text, HasSubstr("did you mean 'ranges'?"));
  EXPECT_THAT(text, HasSubstr("is not inside 192.168.56.0/24"));
  EXPECT_THAT(text, HasSubstr("did you mean 'routers'?"));
  EXPECT_THAT(text, HasSubstr("expected an IPv4 address"));
  EXPECT_THAT(text, HasSubstr("option 224 has no known type"));
  EXPECT_THAT(text, HasSubstr("is the protocol's own"));
  EXPECT_THAT(text, HasSubstr("needs 'mac', 'client_id' or 'circuit'"));
  EXPECT_THAT(text, HasSubstr("'pc_2' is no host name"));
}

TEST(Config, OverlapsAreMistakes) {
  EXPECT_THAT(mistakes(R"(leases: l.db
scopes:
  a: {network: 10.0.0.0/24, ranges: [10.0.0.10-10.0.0.20, 10.0.0.20-10.0.0.30]}
  b: {network: 10.0.0.0/16, ranges: [10.0.3.0-10.0.3.9]}
)"),
              testing::AllOf(HasSubstr("10.0.0.20-10.0.0.30 and 10.0.0.10-10.0.0.20 overlap"),
                             HasSubstr("scopes a and b overlap")));
}

TEST(Config, BroadcastAddressIsNotLent) {
  EXPECT_THAT(
      mistakes("leases: l.db\nscopes: {a: {network: 10.0.0.0/24, ranges: [10.0.0.200-10.0.0.255]}}\n"),
      HasSubstr("hosts are 10.0.0.1 to 10.0.0.254"));
}

TEST(Config, TwoReservationsOfOneAddressAreAMistake) {
  EXPECT_THAT(mistakes(R"(leases: l.db
scopes:
  a:
    network: 10.0.0.0/24
    reservations:
      x: {mac: "02:00:00:00:00:01", address: 10.0.0.5}
      y: {mac: "02:00:00:00:00:02", address: 10.0.0.5}
)"),
              HasSubstr("reserved for both x and y"));
}

TEST(Config, RoutesAreCompletedWithTheDefaultRouteAndWindowsNumber) {
  const auto config = load(R"(leases: l.db
scopes:
  a:
    network: 10.0.0.0/24
    ranges: [10.0.0.10-10.0.0.20]
    options: {routers: 10.0.0.1, classless-static-routes: [172.16.0.0/12 via 10.0.0.2]}
)");
  ASSERT_TRUE(config) << config.error();
  const Settings settings = settings_of(*config);
  const Options& options = settings.scopes[0].options;
  EXPECT_EQ(option_text(121, *options.find(121)), "172.16.0.0/12 via 10.0.0.2, 0.0.0.0/0 via 10.0.0.1");
  EXPECT_EQ(*options.find(249), *options.find(121));
}

TEST(Config, ClassesAndPortsAreUnderstood) {
  const auto config = load(R"(leases: l.db
scopes:
  a:
    network: 10.0.0.0/24
    ranges: [10.0.0.10-10.0.0.20]
    classes:
      uefi: {vendor_class: PXEClient, architectures: [7, 9], boot_file: ipxe.efi}
    reservations:
      desk7: {circuit: p7, address: 10.0.0.77}
)");
  ASSERT_TRUE(config) << config.error();
  const Settings settings = settings_of(*config);
  EXPECT_EQ(settings.scopes[0].classes[0].boot_file, "ipxe.efi");
  EXPECT_EQ(settings.scopes[0].reservations[0].circuit, (Bytes{'p', '7'}));
  EXPECT_THAT(mistakes("leases: l.db\nscopes: {a: {network: 10.0.0.0/24, ranges: [10.0.0.5], classes: {all: "
                       "{boot_file: x}}}}\n"),
              HasSubstr("a class that every client belongs to"));
}

TEST(Config, ASharedWireIsThatOfTheScopeItNames) {
  const auto config = load(R"(
leases: leases.db
scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.200]}
  phones: {shared_with: lan, network: 192.168.57.0/24, ranges: [192.168.57.100-192.168.57.200]}
)");
  ASSERT_TRUE(config) << config.error();
  const auto settings = settings_of(*config);
  EXPECT_EQ(settings.scopes.back().interface, "eth0");
  EXPECT_EQ(settings.scopes.back().shared_with, "lan");
  const auto wrong = load(R"(
leases: leases.db
scopes:
  lan: {interface: eth0, network: 192.168.56.0/24, ranges: [192.168.56.100-192.168.56.200]}
  phones: {shared_with: lam, network: 192.168.57.0/24, ranges: [192.168.57.100-192.168.57.200]}
  more: {shared_with: phones, network: 192.168.58.0/24, ranges: [192.168.58.100-192.168.58.200]}
  wifi: {shared_with: lan, interface: eth1, network: 192.168.59.0/24, ranges: [192.168.59.100-192.168.59.200]}
)");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error(),
              testing::HasSubstr("phones: shared_with names no scope with a wire of its own: 'lam'"));
  EXPECT_THAT(wrong.error(),
              testing::HasSubstr("more: shared_with names no scope with a wire of its own: 'phones'"));
  EXPECT_THAT(wrong.error(), testing::HasSubstr("wifi: it is on the wire of lan, whose interface counts"));
}

TEST(Config, ReferenceNamesEveryKey) {
  const auto text = config_reference();
  for (const auto* key : {"ranges", "reservations", "dns_update", "quarantine", "client_id"})
    EXPECT_THAT(text, HasSubstr(key));
}

}  // namespace
}  // namespace lab::dhcp
