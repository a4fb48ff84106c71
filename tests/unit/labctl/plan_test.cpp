// What follows from a topology.
#include "labctl/plan/plan.hpp"

#include <gmock/gmock.h>

#include <regex>

#include "lab.hpp"
#include "labctl/plan/difference.hpp"
#include "labctl/plan/json.hpp"

namespace lab::plan {
namespace {

using lab::testing::etc_of;
using lab::testing::file_of;
using lab::testing::helper_with;
using lab::testing::kHelper;
using lab::testing::planned;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(Plan, IsTheSameForTheSameTopology) { EXPECT_EQ(to_json(planned(kHelper)), to_json(planned(kHelper))); }

TEST(Plan, SurvivesBeingPrintedAndReadAgain) {
  for (const auto& name : lab::testing::every_topology()) {
    const auto plan = planned(lab::testing::read_source("topologies/" + name + ".yaml"));
    const auto copy = plan_from_json(to_json(plan));
    ASSERT_TRUE(copy) << copy.error().text();
    EXPECT_EQ(to_json(*copy), to_json(plan)) << name;
    EXPECT_EQ(copy->checks, plan.checks);
    EXPECT_TRUE(difference(plan, *copy).empty()) << name;
  }
}

TEST(Plan, TextThatIsNoPlanIsRefusedWithItsReason) {
  EXPECT_THAT(plan_from_json("{").error().text(), HasSubstr("not JSON"));
  EXPECT_THAT(plan_from_json(R"({"nodes":[{"interfaces":[{"mac":"x"}]}]})").error().text(),
              HasSubstr("nodes: interfaces: mac: expected an address"));
}

TEST(Plan, EveryInterfaceHasAnAddressOfItsOwnThatStays) {
  const auto first = planned(lab::testing::read_source("topologies/class-room.yaml"));
  const auto second = planned(lab::testing::read_source("topologies/class-room.yaml"));
  std::set<MacAddress> macs;
  std::set<std::string> ports;
  for (const auto& node : first.nodes)
    for (const auto& interface : node.interfaces) {
      EXPECT_TRUE(macs.insert(interface.mac).second) << interface.mac.text();
      EXPECT_TRUE(ports.insert(interface.port).second) << interface.port;
      EXPECT_LE(interface.port.size(), 15U);
      EXPECT_EQ(interface.mac.bytes()[0] & 3, 2) << "locally administered, of one interface";
    }
  EXPECT_EQ(first.nodes, second.nodes);
}

TEST(Plan, LongNamesStillFitTheKernel) {
  const auto plan = planned(R"(
networks: {a-network-with-a-very-long-name: 10.0.0.0/24, a-network-with-a-very-long-nose: 10.0.1.0/24}
nodes:
  a-node-with-a-very-long-name: {networks: {a-network-with-a-very-long-name: 10.0.0.1}}
  a-node-with-a-very-long-nose: {networks: {a-network-with-a-very-long-nose: 10.0.1.1}}
)");
  ASSERT_THAT(plan.networks, SizeIs(2));
  EXPECT_LE(plan.networks[0].name.size(), 15U);
  EXPECT_NE(plan.networks[0].name, plan.networks[1].name);
  EXPECT_LE(plan.nodes[0].interfaces[0].port.size(), 15U);
  EXPECT_NE(plan.nodes[0].interfaces[0].port, plan.nodes[1].interfaces[0].port);
}

TEST(Plan, AServerKnowsItselfAndAsksItsOwnNameServer) {
  const auto plan = planned(kHelper);
  EXPECT_EQ(etc_of(plan, "srv", "hostname"), "srv\n");
  EXPECT_THAT(etc_of(plan, "srv", "hosts"), HasSubstr("192.168.56.10\tsrv.helper.bac srv\n"));
  EXPECT_EQ(etc_of(plan, "srv", "resolv.conf"), "search helper.bac\nnameserver 192.168.56.10\n");
}

TEST(Plan, AClientKnowsNoNameServerBeforeItsLease) {
  const auto plan = planned(kHelper);
  EXPECT_THAT(etc_of(plan, "pc1", "resolv.conf"), AllOf(HasSubstr("#"), Not(HasSubstr("nameserver"))));
  EXPECT_THAT(etc_of(plan, "pc1", "hosts"), HasSubstr("127.0.1.1\tpc1.helper.bac pc1\n"));
}

TEST(Plan, ServicesStartAfterWhatTheyNeed) {
  for (const auto& name : lab::testing::every_topology()) {
    const auto plan = planned(lab::testing::read_source("topologies/" + name + ".yaml"));
    std::set<std::string> started;
    for (const auto& service : plan.services) {
      for (const auto& needed : service.after)
        EXPECT_TRUE(started.contains(needed)) << service.id << " before " << needed;
      started.insert(service.id);
    }
    for (const auto& client : plan.clients) {
      EXPECT_FALSE(client.after.empty());
      for (const auto& needed : client.after)
        EXPECT_TRUE(started.contains(needed)) << client.id << " before " << needed;
    }
  }
  EXPECT_THAT(planned(kHelper).service("srv/mail")->after, ElementsAre("srv/directory", "srv/dns"));
}

TEST(Plan, PasswordsThatNobodyWroteAreMadeOnceAndRemembered) {
  const auto text = helper_with("password: \"Ali-2026\"", "quota: 200M");
  const auto first = planned(text);
  EXPECT_TRUE(first.credentials[0].generated);
  EXPECT_GE(first.credentials[0].password.size(), 12U);
  EXPECT_FALSE(first.credentials[1].generated);
  auto in = lab::testing::inputs(first.memory);
  in.random = [] { return 7U; };  // other luck the second time
  const auto again = make_plan(lab::testing::valid(text), in);
  EXPECT_EQ(again.credentials, first.credentials);
  EXPECT_TRUE(difference(first, again).empty());
}

TEST(Plan, MemorySurvivesTheStateFolder) {
  const auto memory = planned(kHelper).memory;
  const auto read = memory_from_json(to_json(memory));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, memory);
}

TEST(Plan, FilesWithPasswordsAreForTheirServiceAlone) {
  for (const auto& service : planned(kHelper).services)
    for (const auto& file : service.files)
      if (file.content.contains("Ali-2026") || file.path.ends_with("password")) {
        EXPECT_EQ(file.mode, 0600U) << file.path;
      }
}

TEST(Plan, TheMailServerReachesTheDirectoryOnItsOwnNodeByASocketElsewhereByLdaps) {
  EXPECT_THAT(file_of(planned(kHelper), "mail.yaml"),
              HasSubstr("urls: [ldapi://%2Frun%2Flabctl%2Fsrv%2Fldapi]"));
  EXPECT_THAT(file_of(planned(lab::testing::read_source("topologies/split-services.yaml")), "mail.yaml"),
              HasSubstr("urls: [ldaps://ldap1.school.lab:636]"));
}

TEST(Plan, AReplicaCopiesItsOriginalAndTheMailServerKnowsBoth) {
  const auto plan = planned(lab::testing::read_source("topologies/replica.yaml"));
  EXPECT_THAT(plan.service("dc2/directory")->after, ElementsAre("dc1/directory"));
  const auto copy = file_of(plan, "dc2/directory/directory.yaml");
  EXPECT_THAT(copy, HasSubstr("replica_of: ldaps://172.16.30.11:636\n"));
  EXPECT_THAT(copy, Not(HasSubstr("mira")));
  EXPECT_THAT(copy, HasSubstr("dn: \"cn=replica,ou=services,dc=campus,dc=lab\"\n"));
  EXPECT_EQ(file_of(plan, "dc1/directory/replica.password"), file_of(plan, "dc2/directory/replica.password"));
  EXPECT_THAT(file_of(plan, "mail.yaml"),
              HasSubstr("urls: [ldaps://dc1.campus.lab:636, ldaps://dc2.campus.lab:636]"));
  EXPECT_EQ(plan.domains.front().directory_node, "dc1");
}

TEST(Plan, AnActiveDirectoryIsAskedInItsOwnWay) {
  const auto plan =
      planned(helper_with("directory: ,",
                          "directory: {provider: ldap, url: \"ldaps://dc1.ad.school.test\", flavour: ad, "
                          "base: \"DC=ad,DC=school,DC=test\", bind_dn: \"CN=mail\", bind_password: s3, "
                          "referrals: follow},"));
  const auto mail = file_of(plan, "mail.yaml");
  for (const auto* line :
       {"base: \"DC=ad,DC=school,DC=test\"\n", "flavour: ad\n", "referrals: follow\n", "bind_dn: \"CN=mail\"\n"})
    EXPECT_THAT(mail, HasSubstr(line));
}

TEST(Plan, TheRulesOfTheTopologyGoWithADirectoryThatCannotHoldThem) {
  auto text = helper_with("directory: ,",
                          "directory: {provider: ldap, url: \"ldaps://dc1.ad.school.test\", flavour: ad, "
                          "base: \"DC=ad,DC=school,DC=test\", bind_dn: \"CN=mail\", bind_password: s3},");
  const std::string domain = "  helper.bac:\n";
  text.insert(text.find(domain) + domain.size(),
              "    policy: {max_message: 5M, passwords: {least_length: 8}}\n"
              "    groups: {staff: {}, students: {policy: {protocols: [imap]}}, "
              "Domain Users: {policy: {quota: 1M}}}\n");
  const auto mail = file_of(planned(text), "mail.yaml");
  for (const auto* line :
       {"policy: {max_message: 5242880}\n", "students: {order: 2, policy: {protocols: [imap]}}\n",
        "\"Domain Users\": {order: 3, policy: {quota: 1048576}}\n"})
    EXPECT_THAT(mail, HasSubstr(line));
  EXPECT_THAT(file_of(planned(kHelper), "mail.yaml"), Not(HasSubstr("order:"))) << "our own has them itself";
}

TEST(Plan, BothSidesOfTheDirectoryHaveTheSamePassword) {
  const auto plan = planned(kHelper);
  EXPECT_EQ(file_of(plan, "directory/mail.password"), file_of(plan, "mail/directory.password"));
}

TEST(Plan, AnExternalDirectoryIsAskedAndNotStarted) {
  const auto plan = planned(helper_with("directory: ,",
                                        "directory: {provider: ldap, url: \"ldaps://dc1.example.org\", "
                                        "bind_dn: \"cn=reader\", bind_password: s3},"));
  EXPECT_EQ(plan.service("srv/directory"), nullptr);
  EXPECT_THAT(file_of(plan, "mail.yaml"),
              AllOf(HasSubstr("urls: [ldaps://dc1.example.org]"), HasSubstr("bind_dn: \"cn=reader\"")));
  EXPECT_EQ(file_of(plan, "mail/directory.password"), "s3\n");
}

/// Without the secrets, which are made anew for each lab.
std::string without_secrets(const std::string& text) {
  return std::regex_replace(text, std::regex("secret: [A-Za-z0-9+/=\"]+"), "secret: …");
}

TEST(Plan, DhcpConfigurationSaysWhatTheTopologySays) {
  EXPECT_EQ(without_secrets(file_of(planned(kHelper), "dhcp.yaml")),
            R"(# The DHCP server srv, for lab-dhcpd. Written by labctl from the topology.
leases: /state/srv/dhcp/leases.db
control: /run/labctl/srv/dhcp/dhcp.sock
# clients' names, told to the name server as RFC 2136 updates
dns_update: {server: 127.0.0.1:53, forward: helper.bac, reverse: [56.168.192.in-addr.arpa], key: {name: dhcp.helper.bac, secret: …}}
scopes:
  lan:
    interface: eth0
    network: 192.168.56.0/24
    ranges: [192.168.56.100-192.168.56.200]
    lease: 3600s
    options:
      routers: [192.168.56.10]
      domain-name-servers: [192.168.56.10]
      domain-name: helper.bac
      domain-search: [helper.bac]
      broadcast-address: 192.168.56.255
)");
}

TEST(Plan, OptionsOfAScopeReplaceTheDerivedOnesByNameOrNumber) {
  const auto text =
      file_of(planned(helper_with("range: 192.168.56.100-192.168.56.200",
                                  "options: {3: 192.168.56.1, domain-name: other.lab, 66: "
                                  "\"tftp.helper.bac\", ntp-servers: [192.168.56.10, 192.168.56.11]}")),
              "dhcp.yaml");
  EXPECT_THAT(text, Not(HasSubstr("routers")));
  EXPECT_THAT(text, HasSubstr("      3: 192.168.56.1\n"));
  EXPECT_THAT(text, HasSubstr("      domain-name: other.lab\n"));
  EXPECT_THAT(text, HasSubstr("      66: tftp.helper.bac\n"));
  EXPECT_THAT(text, HasSubstr("      ntp-servers: [192.168.56.10, 192.168.56.11]\n"));
  EXPECT_THAT(text, HasSubstr("domain-name-servers: [192.168.56.10]"));
}

TEST(Plan, AReservationIsForTheMacTheNodeWillHave) {
  const auto plan =
      planned(helper_with("range: 192.168.56.100-192.168.56.200", "reservations: {pc2: 192.168.56.50}"));
  const auto mac = plan.node("pc2")->interfaces.front().mac.text();
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), HasSubstr("      pc2:\n        mac: " + mac + "\n        address: 192.168.56.50\n"));
}

TEST(Plan, UpdatesOfNamesAreSignedWithAKeyThatBothServersKeep) {
  const auto plan = planned(kHelper);
  const auto secret = plan.memory.passwords.at("tsig dhcp.helper.bac");
  EXPECT_EQ(secret.size(), 44U) << "32 bytes";
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), HasSubstr(secret));
  EXPECT_THAT(file_of(plan, "dns.yaml"), HasSubstr("dhcp.helper.bac: {algorithm: hmac-sha256, secret: "));
  EXPECT_THAT(file_of(plan, "dns.yaml"), HasSubstr("keys: [dhcp.helper.bac]"));
  EXPECT_EQ(planned(kHelper, plan.memory).memory.passwords.at("tsig dhcp.helper.bac"), secret);
}

TEST(Plan, TwoServersOfOneNetworkStandInForEachOther) {
  const auto plan = planned(lab::testing::read_source("topologies/failover.yaml"));
  const auto text = [&](const std::string& node) { return without_secrets(plan.service(node + "/dhcp")->files.front().content); };
  EXPECT_THAT(text("srv"), HasSubstr("failover: {role: primary, partner: \"192.168.60.11:647\", secret: …}"));
  EXPECT_THAT(text("srv2"), HasSubstr("failover: {role: standby, partner: \"192.168.60.10:647\", secret: …}"));
  const auto scopes = [&](const std::string& node) { return text(node).substr(text(node).find("scopes:")); };
  EXPECT_EQ(scopes("srv"), scopes("srv2")) << "one pool, written once";
}

TEST(Plan, EveryMannerOfAScopeReachesTheServer) {
  const auto text = file_of(
      planned(helper_with("range: 192.168.56.100-192.168.56.200",
                          "match: mac, authoritative: false, echo_client_id: false, nul_terminate: true, probe: 200ms, "
                          "min_lease: 5m, max_lease: 1d, per_port: 8, next_server: 192.168.56.10, boot_file: pxelinux.0, "
                          "options: {224: {type: uint16, value: 5}}, "
                          "classes: {uefi: {vendor_class: PXEClient, architectures: [7, 9], boot_file: ipxe.efi}}, "
                          "reservations: {desk7: {circuit: p7, address: 192.168.56.60, options: {routers: 192.168.56.2}}}")),
      "dhcp.yaml");
  for (const auto* line :
       {"    match: mac\n", "    authoritative: false\n", "    echo_client_id: false\n", "    nul_terminate: true\n",
        "    probe: 200ms\n", "    min_lease: 300s\n", "    max_lease: 86400s\n", "    per_port: 8\n",
        "    next_server: 192.168.56.10\n", "    boot_file: pxelinux.0\n", "      224: {type: uint16, value: 5}\n",
        "        architectures: [7, 9]\n", "        circuit: p7\n", "          routers: 192.168.56.2\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Plan, ASharedNetworkHasAGatewayInEachSubnetAndAWayBetweenThem) {
  const auto plan = planned(helper_with("{lan: {range: 192.168.56.100-192.168.56.200}}",
                                        "{lan: , more: {network: lan, subnet: 192.168.57.0/24, lease: 10m, "
                                        "reservations: {pc2: 192.168.57.50}}}") +
                            "  other: {networks: {lan: 192.168.56.20}}\n");
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), HasSubstr(R"(  more:
    shared_with: lan
    network: 192.168.57.0/24
    ranges: [192.168.57.128-192.168.57.254]
    lease: 600s
    options:
      routers: [192.168.57.1]
      domain-name-servers: [192.168.56.10]
      domain-name: helper.bac
      domain-search: [helper.bac]
      broadcast-address: 192.168.57.255
    reservations:
      pc2:
)"));
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), HasSubstr("57.168.192.in-addr.arpa"));
  // No router here: the DHCP server is the gateway of both.
  const auto& srv = plan.node("srv")->interfaces.front();
  ASSERT_GE(srv.addresses.size(), 2U);
  EXPECT_EQ(srv.addresses[1].text(), "192.168.57.1/24");
  EXPECT_EQ(plan.node("srv")->sysctls.at("net.ipv4.ip_forward"), "1");
  EXPECT_THAT(plan.node("other")->routes,
              ElementsAre(Route{*Network::parse("192.168.57.0/24"), *IpAddress::parse("192.168.56.10")}));
  const auto lease_of = [&](const std::string& node) {
    for (const auto& check : plan.checks)
      if (check.node == node)
        if (const auto* lease = std::get_if<LeaseCheck>(&check.what)) return *lease;
    ADD_FAILURE() << node << " is promised no lease";
    return LeaseCheck{};
  };
  EXPECT_THAT(lease_of("pc1").ranges,
              ElementsAre("192.168.56.128-192.168.56.254", "192.168.57.128-192.168.57.254"));
  EXPECT_THAT(lease_of("pc1").routers, ElementsAre("192.168.56.10", "192.168.57.1"));
  EXPECT_THAT(lease_of("pc2").ranges, ElementsAre("192.168.57.50"));
  EXPECT_THAT(lease_of("pc2").routers, ElementsAre("192.168.57.1"));
}

TEST(Plan, TheMachinesOwnDhcpClientsWriteTheLeaseLikeOurs) {
  const auto plan = planned(helper_with("pc1: {networks: lan}", "pc1: {networks: lan, dhcp_client: udhcpc}"));
  const auto& client = plan.clients.front();
  EXPECT_EQ(client.flavour, "udhcpc");
  EXPECT_EQ(client.ready, Ready::Forks);
  EXPECT_EQ(file_of(plan, "lease-script"),
            "#!/bin/sh\n# What udhcpc runs when a lease comes or goes. Written by labctl.\n"
            "export LAB_LEASE_FILE='/run/labctl/pc1/eth0.lease.json' LAB_RESOLV_CONF=/etc/resolv.conf "
            "LAB_SEARCH=''\n"
            "exec '/opt/labctl/share/labctl/dhcp/udhcpc.sh' \"$@\"\n");
}

TEST(Plan, ARouterForwardsAndEverybodyFindsTheWay) {
  const auto plan = planned(R"(
networks: {a: 10.0.1.0/24, b: 10.0.2.0/24, c: 10.0.3.0/24}
nodes:
  left: {networks: {a: 10.0.1.1, b: 10.0.2.1}, router: true}
  right: {networks: {b: 10.0.2.2, c: 10.0.3.1}, router: true}
  host: {networks: {a: 10.0.1.10}}
)");
  EXPECT_EQ(plan.node("left")->sysctls.at("net.ipv4.ip_forward"), "1");
  ASSERT_THAT(plan.node("left")->routes, SizeIs(1));
  EXPECT_EQ(plan.node("left")->routes[0].to.text(), "10.0.3.0/24");
  EXPECT_EQ(plan.node("left")->routes[0].via.text(), "10.0.2.2");
  EXPECT_EQ(plan.node("right")->routes[0].to.text(), "10.0.1.0/24");
  EXPECT_EQ(plan.node("right")->routes[0].via.text(), "10.0.2.1");
  ASSERT_THAT(plan.node("host")->routes, SizeIs(1));
  EXPECT_EQ(plan.node("host")->routes[0].to.text(), "0.0.0.0/0");
  EXPECT_EQ(plan.node("host")->routes[0].via.text(), "10.0.1.1");
}

TEST(Plan, ARelayCarriesToItsServerWhichFindsTheWayBack) {
  const auto plan = planned(lab::testing::read_source("topologies/relay.yaml"));
  EXPECT_THAT(file_of(plan, "dhcp-relay.yaml"),
              AllOf(HasSubstr("interfaces: [eth1]\n"), HasSubstr("servers: [10.1.0.10]\n")));
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), AllOf(HasSubstr("  ground:\n    interface: eth0\n"),
                                                HasSubstr("  upstairs:\n    network: 10.2.0.0/24\n")));
  EXPECT_THAT(plan.node("srv")->routes,
              Contains(Route{*Network::parse("10.2.0.0/24"), *IpAddress::parse("10.1.0.1")}));
  EXPECT_THAT(plan.clients.back().after, Contains("router/dhcp-relay"));
}

TEST(Plan, AddressesByIpv6ComeFromDhcpWhereSomebodyLends) {
  const auto plan = planned(lab::testing::read_source("topologies/ipv6.yaml"));
  const auto dhcp = file_of(plan, "dhcp.yaml");
  EXPECT_THAT(dhcp, HasSubstr("scopes6:\n  lan:\n    interface: eth0\n"));
  EXPECT_THAT(dhcp, HasSubstr("fd00:1::1:0-fd00:1::1:ffff"));
  EXPECT_THAT(dhcp, HasSubstr("fd00:1::50")) << "the reservation";
  EXPECT_THAT(dhcp, Not(HasSubstr("fd00:2::1:0"))) << "a stateless network lends nothing";
  const auto said = file_of(plan, "ra.yaml");
  EXPECT_THAT(said, HasSubstr("eth0:\n    managed: true\n    other: true\n"));
  EXPECT_THAT(said, HasSubstr("eth1:\n    managed: false\n    other: true\n"));
  EXPECT_THAT(file_of(plan, "dhcp-relay.yaml"), HasSubstr("fd00:1::10"));
  EXPECT_THAT(plan.node("srv")->routes,
              Contains(Route{*Network::parse("fd00:2::/64"), *IpAddress::parse("fd00:1::1")}));
  EXPECT_THAT(plan.clients.front().argv, Contains("--ipv6"));
  EXPECT_THAT(plan.clients.front().after, Contains("router/ra"));
}

TEST(Plan, WithoutARouterTheDhcpServerSaysThatItIsNone) {
  const auto plan = planned(R"(
networks: {lan: {subnet: 10.0.0.0/24, subnet6: "fd00:56::/64"}}
domains: {x.lab: }
nodes: {s: {networks: {lan: [10.0.0.10, "fd00:56::abcd"]}, services: [dns, dhcp]}, pc: {networks: lan}}
)");
  EXPECT_THAT(file_of(plan, "ra.yaml"), AllOf(HasSubstr("managed: true"), HasSubstr("lifetime: 0s")));
  std::vector<std::string> addresses;
  for (const auto& address : plan.node("s")->interfaces.front().addresses) addresses.push_back(address.text());
  EXPECT_THAT(addresses, Contains("fd00:56::abcd/64"));
  EXPECT_EQ(plan.node("s")->sysctls.at("net.ipv6.conf.default.accept_ra"), "0");
  EXPECT_EQ(plan.node("pc")->sysctls.at("net.ipv6.conf.default.accept_ra"), "1");
}

TEST(Plan, ALabWithoutIpv6HasNoneOfIt) {
  const auto plan = planned(kHelper);
  EXPECT_EQ(plan.service("srv/ra"), nullptr);
  EXPECT_THAT(file_of(plan, "dhcp.yaml"), Not(HasSubstr("scopes6")));
  EXPECT_THAT(plan.clients.front().argv, Not(Contains("--ipv6")));
}

TEST(Plan, ARootServersCertificateHasTheNameTheRootZoneGivesIt) {
  const auto plan = planned(lab::testing::read_source("topologies/dns-delegation.yaml"));
  EXPECT_EQ(plan.certificates[0].id, "root/dns");
  EXPECT_THAT(plan.certificates[0].dns_names, ElementsAre("a.root-servers", "root.root-servers"));
  EXPECT_TRUE(std::ranges::any_of(plan.checks, [](const auto& check) {
    return check.title.find("a.root-servers:853") != std::string::npos;
  })) << "and clients look at it";
}

TEST(Plan, ZonesThatLeaveOverTlsAloneAreFetchedOverTls) {  // RFC 9103
  const auto plan = planned(lab::testing::read_source("topologies/encrypted-dns.yaml"));
  const auto text = [&](const std::string& node) {
    return plan.service(node + "/dns")->files.front().content;
  };
  EXPECT_THAT(
      text("ns1"),
      HasSubstr(
          "private.lab: {file: zones/private.lab.zone, zonemd: true, transfer: {keys: [transfer], tls: true}, notify: "
          "[192.168.70.11:53], key: transfer}"));
  EXPECT_THAT(text("ns2"),
              HasSubstr("private.lab: {primaries: [192.168.70.10:853], key: transfer, primaries_tls: {name: "
                        "ns.private.lab, ca: "));
  EXPECT_THAT(text("ns2"), HasSubstr("}, zonemd: true}")) << "a copy without the digest is not taken (RFC 8976)";
  EXPECT_THAT(lab::testing::load(
                  "networks: {lan: 10.0.0.0/24}\ndomains: {x.lab: }\nnodes: {a: {networks: {lan: 10.0.0.1}, "
                  "services: {dns: {tls: false, transfer_tls: true}}}}\n")
                  .error()
                  .text,
              HasSubstr("zones cannot leave a over TLS, which it does not speak"));
}

TEST(Plan, PointersOfASubnetSmallerThanAnOctetAreUpdatedInItsOwnZone) {  // RFC 2317
  const auto plan = planned(lab::testing::read_source("topologies/reverse-dns.yaml"));
  EXPECT_THAT(plan.service("ns-south/dhcp")->files.front().content,
              HasSubstr("reverse: [128/25.2.0.192.in-addr.arpa, "));
  EXPECT_THAT(plan.service("ns-south/dns")->files.front().content,
              HasSubstr("128/25.2.0.192.in-addr.arpa: {file: zones/128-25.2.0.192.in-addr.arpa.zone}"));
}

TEST(Plan, CertificatesNameWhatClientsConnectTo) {
  const auto plan = planned(kHelper);
  ASSERT_THAT(plan.certificates, SizeIs(3));
  EXPECT_EQ(plan.certificates[0].id, "srv/directory");
  EXPECT_THAT(plan.certificates[0].dns_names, ElementsAre("srv.helper.bac"));
  EXPECT_EQ(plan.certificates[1].id, "srv/dns");
  EXPECT_THAT(plan.certificates[1].dns_names, ElementsAre("ns.helper.bac", "srv.helper.bac"));
  EXPECT_THAT(plan.certificates[2].dns_names,
              ElementsAre("mail.helper.bac", "srv.helper.bac", "autoconfig.helper.bac",
                          "autodiscover.helper.bac", "webmail.helper.bac"));
  EXPECT_THAT(plan.certificates[2].addresses, ElementsAre("192.168.56.10"));
}

TEST(Plan, SaysWhatItDoesNotDoYet) {
  EXPECT_THAT(planned(kHelper).notices, IsEmpty());
  EXPECT_THAT(planned(helper_with("users:", "dns: {dnssec: true}\n    users:")).notices, IsEmpty());
  EXPECT_THAT(planned(helper_with("users:", "mail: {dkim: true}\n    users:")).notices,
              ElementsAre("helper.bac: messages are not signed yet (dkim)"));
}

// --- a second `up`

std::vector<std::string> starts(const std::string& before, const std::string& after) {
  const auto first = planned(before);
  return difference(first, planned(after, first.memory)).start;
}

TEST(SecondUp, OfAnUnchangedFileTouchesNothing) {
  const auto first = planned(kHelper);
  EXPECT_TRUE(difference(first, planned(kHelper, first.memory)).empty());
}

TEST(SecondUp, ANewRecordIsReadByTheRunningNameServer) {
  const auto first = planned(kHelper);
  const auto second =
      planned(helper_with("users:", "dns: {records: [\"www A 192.168.56.20\"]}\n    users:"), first.memory);
  const auto change = difference(first, second);
  EXPECT_THAT(change.reload, ElementsAre("srv/dns"));
  EXPECT_THAT(change.stop, IsEmpty());
  EXPECT_THAT(change.start, IsEmpty());
  EXPECT_GT(second.memory.serials.at("helper.bac").number, first.memory.serials.at("helper.bac").number);
  EXPECT_EQ(second.memory.serials.at("56.168.192.in-addr.arpa"),
            first.memory.serials.at("56.168.192.in-addr.arpa"));
}

TEST(SecondUp, ANewUserRestartsTheDirectoryAlone) {
  EXPECT_THAT(starts(kHelper, helper_with("awa: {", "eric: {password: \"Eric-2026\"}\n      awa: {")),
              ElementsAre("srv/directory"));
}

TEST(SecondUp, ANewClientIsAddedBesideTheOthers) {
  const auto first = planned(kHelper);
  const auto change = difference(first, planned(kHelper + "  pc3: {networks: lan}\n", first.memory));
  EXPECT_THAT(change.nodes_new, ElementsAre("pc3"));
  EXPECT_THAT(change.start, ElementsAre("pc3/eth0"));
  EXPECT_THAT(change.stop, IsEmpty());
  EXPECT_THAT(change.nodes_gone, IsEmpty());
}

TEST(SecondUp, AClientThatIsGoneIsTakenAway) {
  const auto first = planned(kHelper);
  const auto change = difference(first, planned(helper_with("  pc2: {networks: lan}\n", ""), first.memory));
  EXPECT_THAT(change.nodes_gone, ElementsAre("pc2"));
  EXPECT_THAT(change.stop, ElementsAre("pc2/eth0"));
  EXPECT_THAT(change.start, IsEmpty());
}

TEST(SecondUp, AMovedServerIsMadeAnewWithItsServicesStoppedInReverse) {
  const auto first = planned(kHelper);
  const auto change =
      difference(first, planned(helper_with("{lan: 192.168.56.10}", "{lan: 192.168.56.11}"), first.memory));
  EXPECT_THAT(change.nodes_gone, ElementsAre("srv"));
  EXPECT_THAT(change.nodes_new, ElementsAre("srv"));
  EXPECT_THAT(change.stop,
              ElementsAre("pc2/eth0", "pc1/eth0", "srv/mail", "srv/dhcp", "srv/dns", "srv/directory"));
  EXPECT_THAT(change.start,
              ElementsAre("srv/directory", "srv/dns", "srv/dhcp", "srv/mail", "pc1/eth0", "pc2/eth0"));
  EXPECT_THAT(change.certificates, ElementsAre("srv/directory", "srv/dns", "srv/mail"));
}

TEST(SecondUp, AnImpairmentChangesTheNetworkInPlace) {
  const auto first = planned(kHelper);
  const auto change =
      difference(first, planned(helper_with("{lan: 192.168.56.0/24}",
                                            "{lan: {subnet: 192.168.56.0/24, impair: {delay: 20ms}}}"),
                                first.memory));
  EXPECT_THAT(change.networks_changed, ElementsAre("lan"));
  EXPECT_THAT(change.nodes_gone, IsEmpty());
  EXPECT_THAT(change.start, IsEmpty());
}

TEST(SecondUp, AnotherLeaseTimeRestartsTheDhcpServerAlone) {
  EXPECT_THAT(starts(kHelper, helper_with("{range: 192.168.56.100-192.168.56.200}",
                                          "{range: 192.168.56.100-192.168.56.200, lease: 2h}")),
              ElementsAre("srv/dhcp"));
}

}  // namespace
}  // namespace lab::plan
