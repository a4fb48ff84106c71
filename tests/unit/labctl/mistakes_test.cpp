// Every mistake a teacher can make is named at its place, with the way out. The messages are the promise:
// they are compared whole.
#include <gmock/gmock.h>

#include <map>

#include "lab.hpp"

namespace lab::topology {
namespace {

using lab::testing::helper_with;
using lab::testing::load;
using lab::testing::mistakes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Mistakes, AreAllReportedAtOnceEachWithItsLineShown) {
  const auto rejected = load(R"(networks:
  lan: 192.168.56.0/24
domains:
  helper.bac: {users: {ali: {}}}
nodes:
  srv:
    networks: {lan: 192.168.56.10}
    services: [directory, dns, dhcp]
    network: lan
  pc1: {networks: lan}
  pc9:
    networks: {lan: 192.168.57.10}
  srv2:
    networks: {lan: 192.168.56.11}
    services: [dhcp]
)");
  ASSERT_FALSE(rejected);
  EXPECT_EQ(rejected.error().mistakes, 3U);
  EXPECT_EQ(rejected.error().text, R"(class.yaml:9:5: error: unknown key 'network'; did you mean 'networks'?
    9 |     network: lan
      |     ^~~~~~~
class.yaml:12:21: error: 192.168.57.10 is outside lan (192.168.56.0/24, defined in line 2)
   12 |     networks: {lan: 192.168.57.10}
      |                     ^~~~~~~~~~~~~
class.yaml:15:16: error: two DHCP servers on lan: srv (line 8) and srv2 (line 15); one per network, or `failover: true` on both
   15 |     services: [dhcp]
      |                ^~~~
)");
}

/// A lab with a change, and the one message it earns.
struct Case {
  const char* from;
  const char* to;
  const char* message;
};

class Mistake : public ::testing::TestWithParam<Case> {};

TEST_P(Mistake, IsNamedAtItsPlace) {
  const auto& [from, to, message] = GetParam();
  EXPECT_THAT(mistakes(helper_with(from, to)), ElementsAre(message)) << to;
}

const char* const kPc1 = "pc1: {networks: lan}";
const char* const kNets = "networks: {lan: 192.168.56.0/24}";
const char* const kAli = "ali: {name: Ali Traoré, password: \"Ali-2026\"}";
const char* const kScope = "{range: 192.168.56.100-192.168.56.200}";
const char* const kServices =
    "{directory: , dns: , dhcp: {scopes: {lan: {range: 192.168.56.100-192.168.56.200}}}, mail: }";

INSTANTIATE_TEST_SUITE_P(
    Networks, Mistake,
    ::testing::Values(
        Case{kNets, "networks: {lan: 192.168.56.1/24}",
             "3:17: '192.168.56.1/24' is an address inside a network, not a network; the network is "
             "192.168.56.0/24"},
        Case{kNets, "networks: {lan: 192.168.56.0/24, wan: 192.168.0.0/16}",
             "3:39: 192.168.0.0/16 overlaps lan (192.168.56.0/24, defined in line 3); each network needs "
             "addresses of its own"},
        Case{kNets, "networks: {lan: 192.168.56.0/24, wan: 10.0.0.0/31}",
             "3:39: 10.0.0.0/31 has a prefix of 31 bits; use /8 to /30; /24 has room for 254 machines"},
        Case{kNets, "networks: {lan: 192.168.56.0/24, w_n: 10.0.0.0/24}",
             "3:34: 'w_n' cannot be the name of a network: it is written like a host name; 'w-n' would do"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, gateway: sru}}",
             "3:52: unknown node 'sru'; did you mean 'srv'?"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, impair: {delay: soon}}}",
             "3:59: expected a duration such as 20ms, 30s, 10m, 1h or 7d; got 'soon'"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, impair: {loss: 120%}}}",
             "3:58: expected a percentage from 0% to 100%, such as 1%; got '120%'"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, impair: {rate: 10mb}}}",
             "3:58: expected a rate from 1kbit to 100gbit, such as 512kbit or 10mbit; got '10mb'"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, impair: {delay: 1ms, jitter: 5ms}}}",
             "3:72: jitter is larger than the delay it varies; raise delay, or lower jitter"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, attach: a-very-long-interface}}",
             "3:51: an interface name has 1 to 15 characters"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, subnet6: \"fd00::1/64\"}}",
             "3:52: 'fd00::1/64' is an address inside a network, not a network; the network is fd00::/64"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, ipv6: slaac}}",
             "3:49: lan has no IPv6 subnet; give it one: subnet6: fd00:56::/64"},
        Case{kNets, "networks: {lan: {subnet: 192.168.56.0/24, subnet6: \"fd00::/80\", ipv6: slaac}}",
             "3:52: hosts make themselves addresses in a /64 only, and fd00::/80 is none; use a /64, or "
             "ipv6: stateful "
             "(RFC 4862 5.5.3)"}));

// A further subnet on a wire, below the scope of the network's own.
const char* const kLanScope = "{lan: {range: 192.168.56.100-192.168.56.200}}";

INSTANTIATE_TEST_SUITE_P(
    SharedNetworks, Mistake,
    ::testing::Values(
        Case{kLanScope, "{lan: , more: {subnet: 192.168.57.0/24}}",
             "12:65: a scope with a subnet of its own is on the wire of a network; add network: and the "
             "network's name"},
        Case{kLanScope, "{lan: , more: {network: lan}}", "12:65: here: 'subnet' is missing"},
        Case{kLanScope, "{lan: , more: {network: lam, subnet: 192.168.57.0/24}}",
             "12:75: unknown network 'lam'; did you mean 'lan'?"},
        Case{kLanScope, "{more: {network: lan, subnet: 192.168.57.0/24}}",
             "12:68: srv has no scope for the subnet of lan itself; add lan: {} to the scopes; more is then "
             "lent from "
             "besides"},
        Case{kLanScope, "{lan: , more: {network: lan, subnet: 192.168.56.128/25}}",
             "12:88: 192.168.56.128/25 overlaps lan (192.168.56.0/24, defined in line 3); each subnet needs "
             "addresses of "
             "its own"},
        Case{
            kLanScope,
            "{lan: , a: {network: lan, subnet: 10.0.0.0/8}, b: {network: lan, subnet: 10.1.0.0/16}}",
            "12:124: 10.1.0.0/16 overlaps 10.0.0.0/8 of a (line 12); each subnet needs addresses of its own"},
        Case{kLanScope, "{lan: , more: {network: lan, subnet: 192.168.57.0/24, gateway: 192.168.56.1}}",
             "12:114: 192.168.56.1 is not the address of a machine in 192.168.57.0/24; its machines have "
             "192.168.57.1 to "
             "192.168.57.254"},
        Case{kLanScope,
             "{lan: , more: {network: lan, subnet: 192.168.57.0/24, range: 192.168.57.1-192.168.57.9}}",
             "12:112: 192.168.57.1-192.168.57.9 holds 192.168.57.1, the gateway of more; move the range, or "
             "add exclude: "
             "[192.168.57.1]"},
        Case{kLanScope,
             "{lan: , more: {network: lan, subnet: 192.168.57.0/24, range: 192.168.56.100-192.168.56.120}}",
             "12:112: 192.168.56.100-192.168.56.120 is outside lan (192.168.57.0/24, defined in line 12); "
             "its machines have "
             "192.168.57.1 to 192.168.57.254"},
        Case{kLanScope, "{lan: , more: {network: lan, subnet: 192.168.57.0/24, match: mac}}",
             "12:112: 'match' is of the whole wire; write it in the scope of lan"},
        Case{kLanScope, "{lan: , more: {network: lan, subnet: 192.168.57.0/24, range6: \"fd00::1-fd00::9\"}}",
             "12:113: 'range6' is about IPv6, and a further subnet is IPv4; write it in the scope of lan"},
        Case{kLanScope, "{lan: {gateway: 192.168.56.1}}",
             "12:67: the gateway of a network is said at the network; write it below networks:, or add "
             "network: and subnet: "
             "for a further subnet"},
        Case{kLanScope, "{lan: {options6: {dns-servrs: \"fd00::1\"}}}",
             "12:69: unknown DHCPv6 option 'dns-servrs'; did you mean 'dns-servers'?"}));

INSTANTIATE_TEST_SUITE_P(
    Nodes, Mistake,
    ::testing::Values(
        Case{kPc1, "pc1: {networks: lam}", "13:19: unknown network 'lam'; did you mean 'lan'?"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.10}}",
             "13:25: 192.168.56.10 is taken: srv has it (line 11); give pc1 another address"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.0}}",
             "13:25: 192.168.56.0 is the address of lan (192.168.56.0/24, defined in line 3) itself; the "
             "first a machine can have is 192.168.56.1"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.255}}",
             "13:25: 192.168.56.255 is the broadcast address of lan (192.168.56.0/24, defined in line 3); "
             "the last a machine can have is 192.168.56.254"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.20/24}}",
             "13:25: '192.168.56.20/24' has a prefix length; the network knows it already; write "
             "192.168.56.20"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.256}}",
             "13:25: expected an IP address such as 192.168.56.10, or dhcp; got '192.168.56.256'"},
        Case{kPc1, "pc1: {networks: {lan: {mac: \"03:00:00:00:00:01\"}}}",
             "13:31: 03:00:00:00:00:01 is a group address; the first byte of an interface's own address is "
             "even, such as 02"},
        Case{kPc1, "pc1: {networks: [lan, lan]}",
             "13:25: 'lan' is here a second time; a node joins a network once"},
        Case{
            kPc1, "PC1: {networks: lan}",
            "13:3: 'PC1' cannot be a node's name: host names are written in lower case here; 'pc1' would do"},
        Case{kPc1, "pc_1: {networks: lan}",
             "13:3: 'pc_1' cannot be a node's name: a host name has only letters, digits and '-' (RFC 1123); "
             "'pc-1' would do"},
        Case{kPc1, "pc1: {networks: lan, domain: helper.bak}",
             "13:32: unknown domain 'helper.bak'; did you mean 'helper.bac'?"},
        Case{kPc1, "pc1: {networks: lan, dhcp_client: dhclint}",
             "13:37: unknown value 'dhclint'; did you mean 'dhclient'?"},
        Case{kPc1, "pc1: {networks: {lan: 192.168.56.20}, count: 2}",
             "13:25: 2 nodes cannot share the address 192.168.56.20; with count, addresses come by DHCP"},
        Case{kPc1, "pc1: {networks: lan, count: 0}", "13:31: expected a number from 1 to 1000; got '0'"},
        Case{kPc1, "pc1: {networks: lan, count: 5000}",
             "13:31: expected a number from 1 to 1000; got '5000'"},
        Case{kPc1, "pc1: {networks: lan, router: true}",
             "13:3: pc1 is a router with 1 network; a router joins two networks or more"},
        Case{kPc1, "pc1: {networks: lan, routes: {10.0.0.0/8: 172.16.0.1}}",
             "13:45: the next hop 172.16.0.1 is on none of pc1's networks; a next hop is a neighbour"},
        Case{kPc1, "pc1: {}", "13:3: pc1 is on no network; say which: networks: lan"},
        Case{kPc1, "mail: {networks: lan}",
             "13:3: mail.helper.bac is the name of the domain's mail server on srv; choose another name for "
             "the node"},
        Case{kPc1, "pc2: {networks: lan}",
             "14:3: 'pc2' is here a second time; it stands in line 13 already"}));

INSTANTIATE_TEST_SUITE_P(
    People, Mistake,
    ::testing::Values(
        Case{kAli, "Ali: {}",
             "7:7: 'Ali' cannot be the name of a user: user names are written in lower case here; 'ali' "
             "would do"},
        Case{kAli, "ali: {password: \"\"}",
             "7:23: ali's password is empty; an empty password never logs in; leave the key out to have one "
             "generated"},
        Case{kAli, "ali: {groups: [teachers]}", "7:22: unknown group 'teachers'; the file has no group"},
        Case{kAli, "ali: {quota: lots}", "7:20: expected a size such as 64k, 200M or 1G; got 'lots'"},
        Case{kAli, "ali: {mail: [awa]}",
             "7:20: awa@helper.bac is taken: awa has it (line 8); an address leads to one mailbox; an alias "
             "can lead to several"},
        Case{kAli, "ali: {mail: [ali@other.org]}",
             "7:20: ali@other.org is not an address of helper.bac; write what stands before the @: ali"},
        Case{"users:", "aliases: {boss: alli}\n    users:", "6:21: unknown user 'alli'; did you mean 'ali'?"},
        Case{"users:", "aliases: {ali: awa}\n    users:",
             "6:15: 'ali' is already an address of ali (line 8); mail would never reach the alias; choose "
             "another name"},
        Case{"users:", "aliases: {boss: []}\n    users:",
             "6:15: the alias 'boss' leads to nobody; name one user or several"},
        Case{"helper.bac:", "helper_bac:",
             "5:3: 'helper_bac' cannot be a domain: a domain name has only letters, digits, '-' and dots; "
             "'helper-bac' would do"}));

INSTANTIATE_TEST_SUITE_P(
    Records, Mistake,
    ::testing::Values(
        Case{"users:", "dns: {records: [\"www AA 192.168.56.20\"]}\n    users:",
             "6:21: this is not a DNS record: unknown record type 'AA'; "
             "write: name [ttl] type data, such as \"www 300 A 192.168.56.20\""},
        Case{"users:", "dns: {records: [\"www A 192.168.56\"]}\n    users:",
             "6:21: this is not a DNS record: '192.168.56' is no data for a record of type A; write: name "
             "[ttl] type data, such as \"www 300 A 192.168.56.20\""},
        Case{"users:", "dns: {records: [\"www.other.org. A 192.168.56.20\"]}\n    users:",
             "6:21: this is not a DNS record: www.other.org. is not below the domain; write: "
             "name [ttl] type data, such as \"www 300 A 192.168.56.20\""},
        Case{"users:", "dns: {records: [\"@ MX 10 mail.helper.bac\"]}\n    users:",
             "6:21: this record leads to mail.helper.bac.helper.bac.; names without a final "
             "dot are below helper.bac: end it with a dot, or leave the domain out"},
        Case{"users:", "dns: {records: [\"www A 192.168.56.9\", \"www CNAME srv\"]}\n    users:",
             "6:43: www.helper.bac. has a CNAME and other records (line 6); a name with a CNAME "
             "has nothing else (RFC 1034 3.6.2)"},
        Case{"users:", "dns: {zonefile: none.zone}\n    users:",
             "6:21: cannot read none.zone: there is no such file"}));

INSTANTIATE_TEST_SUITE_P(
    Services, Mistake,
    ::testing::Values(
        Case{kServices, "[directory, dns, dhcp, mial]",
             "12:38: unknown service 'mial'; did you mean 'mail'?"},
        Case{kServices, "[directory, dns, dhcp, dns]",
             "12:38: 'dns' is here a second time; a node runs a service once"},
        Case{kServices, "[dns, dhcp, mail]",
             "12:27: mail on srv asks the directory of helper.bac who may log in, and no node runs it; add "
             "it: services: [directory, dns, dhcp, mail]"},
        Case{kPc1, "pc1: {networks: lan, services: dns}",
             "13:34: pc1 runs dns but has no fixed address; give it one: networks: {lan: an address}"},
        Case{kPc1, "mx: {networks: {lan: 192.168.56.11}, services: [mail]}",
             "13:51: two mail servers for helper.bac: srv (line 12) and mx (line 13); one per domain"},
        Case{kPc1, "ns2: {networks: {lan: 192.168.56.11}, services: dns}",
             "13:51: two primary name servers for helper.bac: srv (line 12) and ns2 (line 13); the others "
             "have `role: secondary`"},
        Case{kPc1, "r: {networks: {lan: 192.168.56.11}, services: directory}",
             "13:49: two directories for helper.bac: srv (line 12) and r (line 13); one per domain; the "
             "others "
             "have replica_of: it"},
        Case{kPc1, "r: {networks: {lan: 192.168.56.11}, services: {directory: {replica_of: srvv}}}",
             "13:74: unknown node 'srvv'; did you mean 'srv'?"},
        Case{kPc1, "r: {networks: {lan: 192.168.56.11}, services: {directory: {replica_of: r}}}",
             "13:74: r cannot be a replica of itself; name the node that runs the directory"},
        Case{kPc1, "r: {networks: {lan: 192.168.56.11}, services: {directory: {replica_of: pc2}}}",
             "13:74: pc2 has no directory of its own to copy; add it there: services: [directory]"},
        Case{kPc1,
             "r: {networks: {lan: 192.168.56.11}, services: {directory: {replica_of: srv, flavour: ad}}}",
             "13:50: bind_dn, bind_password, base, ca, flavour and referrals are of an external directory; "
             "for one "
             "add provider: ldap and its url; leave them out for the lab's own"},
        Case{kServices, "{directory: {provider: ldap}, dns: , dhcp: , mail: }",
             "12:16: an external directory needs its url; add url: ldaps://dc1.example.org"},
        Case{"mail: }", "mail: {ports: {smtp: 25, imap: 25}}}",
             "12:113: port 25 is given to two protocols; one protocol per port"},
        Case{"mail: }", "mail: {ports: {smtp: 99999}}}",
             "12:120: expected a number from 0 to 65535; got '99999'"}));

INSTANTIATE_TEST_SUITE_P(
    Dhcp, Mistake,
    ::testing::Values(
        Case{kServices, "[directory, dns, mail]",
             "13:19: pc1 asks for an address on lan, where nobody lends one; give pc1 a fixed address, or a "
             "node of lan the service dhcp"},
        Case{kScope, "{range: 192.168.57.100-192.168.57.200}",
             "12:65: 192.168.57.100-192.168.57.200 is outside lan (192.168.56.0/24, defined in line 3); its "
             "machines have 192.168.56.1 to 192.168.56.254"},
        Case{kScope, "{range: 192.168.56.5-192.168.56.200}",
             "12:65: 192.168.56.5-192.168.56.200 holds 192.168.56.10, the fixed address of srv (line 11); "
             "move the range, or add exclude: [192.168.56.10]"},
        Case{kScope, "{range: 192.168.56.200-192.168.56.100}",
             "12:65: expected a range such as 192.168.56.100-192.168.56.200, from the lower to the higher "
             "address; got '192.168.56.200-192.168.56.100'"},
        Case{kScope, "{options: {ntp-sevrers: 192.168.56.10}}",
             "12:68: unknown option 'ntp-sevrers'; did you mean 'ntp-servers'?"},
        Case{kScope, "{classes: {all: {boot_file: x}}}",
             "12:73: a class that every client belongs to; say vendor_class, user_class or architectures"},
        Case{kScope, "{range: 192.168.56.100}",
             "12:65: 2 clients on lan, but 1 address to lend; widen range, or lower the count"},
        Case{kScope, "{lease: 1s}", "12:65: must be from 10 to 31536000 s"},
        Case{kScope, "{reservations: {pc3: 192.168.56.50}}",
             "12:73: unknown node 'pc3'; did you mean 'pc1'?"},
        Case{kScope, "{reservations: {pc1: 10.0.0.1}}",
             "12:78: 10.0.0.1 is outside lan (192.168.56.0/24, defined in line 3)"},
        Case{kScope, "{reservations: {pc1: 192.168.56.10}}",
             "12:78: 192.168.56.10 is the fixed address of srv; reserve another one"},
        Case{kScope, "{reservations: {pc1: 192.168.56.50, pc2: 192.168.56.50}}",
             "12:98: 192.168.56.50 is reserved for 'pc1' already (line 12)"},
        Case{"{lan: {range", "{lam: {range", "12:52: unknown network 'lam'; did you mean 'lan'?"}));

INSTANTIATE_TEST_SUITE_P(
    Promises, Mistake,
    ::testing::Values(
        Case{"domains:", "checks: [{name: x, dns: helper.bac MXX}]\ndomains:",
             "4:25: unknown record type 'MXX'; such as A, AAAA, MX, NS, TXT, SRV, PTR, CNAME, SOA"},
        Case{"domains:", "checks: [{name: x, from: pc9, run: ls}]\ndomains:",
             "4:26: unknown node 'pc9'; did you mean 'pc1'?"},
        Case{"domains:", "checks: [{name: x}]\ndomains:",
             "4:10: this check asks nothing; add one of dns:, mail: or run:"},
        Case{"domains:", "checks: [{mail: {from: ali@helper.bac, to: ava@helper.bac}}]\ndomains:",
             "4:44: unknown user of helper.bac 'ava'; did you mean 'awa'?"},
        Case{"domains:", "checks: [{mail: {from: ali@helper.bac}}]\ndomains:",
             "4:17: mail check: 'to' is missing"},
        Case{"domains:", "points: {MX is right: 2}\ndomains:",
             "4:10: unknown check 'MX is right'; the file has no check"}));

TEST(Mistakes, OfYamlItselfAreToldInWords) {
  EXPECT_THAT(mistakes("nodes:\n  a: {networks: lan}\n\tb: {}\n"),
              ElementsAre("3:1: a tab in the indentation; YAML is indented with spaces"));
  EXPECT_THAT(mistakes("nodes: {a: {networks: lan}\n"), ElementsAre(HasSubstr("a '{' is not closed")));
  EXPECT_THAT(mistakes(""),
              ElementsAre("1:1: the file is empty; `labctl init` writes a topology to start from"));
  EXPECT_THAT(mistakes("networks: {lan: 10.0.0.0/24}\n"),
              ElementsAre("1:1: the lab has no node; add one: nodes: {pc1: {networks: lan}}"));
}

TEST(Mistakes, AnAnchorBombIsRefusedBeforeItGrows) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string row = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) row += (k ? ", *a" : "*a") + std::to_string(i - 1);
    text += row + "]\n";
  }
  EXPECT_THAT(mistakes(text), ElementsAre(HasSubstr("more than 100000 values")));
}

TEST(Mistakes, WhatIsMisspeltIsNotCalledMissingToo) {
  // The server is there under a wrong key: that the clients then have no server is no news.
  EXPECT_THAT(mistakes(helper_with("services:", "service:")),
              ElementsAre("12:5: unknown key 'service'; did you mean 'services'?"));
}

TEST(Mistakes, AliasesThatGoInCirclesAreNamedEach) {
  EXPECT_THAT(mistakes(helper_with("users:", "aliases: {boss: chief, chief: [boss, ali]}\n    users:")),
              ElementsAre("6:21: the alias 'boss' leads back to itself; an alias ends at a user",
                          "6:36: the alias 'chief' leads back to itself; an alias ends at a user"));
}

TEST(Mistakes, OfManyCopiesAreToldOnce) {
  EXPECT_THAT(mistakes(helper_with(kPc1, "pc: {networks: lam, count: 30}")),
              ElementsAre(HasSubstr("unknown network 'lam'")));
}

TEST(Mistakes, ACopyMayNotTakeAnothersName) {
  EXPECT_THAT(mistakes(helper_with(kPc1, "pc-2: {networks: lan}\n  pc: {networks: lan, count: 3}")),
              ElementsAre("14:3: 'pc-2' is also the name of a node in line 13; count makes name-1, name-2, "
                          "…; choose another name"));
}

TEST(Mistakes, ARelayNamesItsServer) {
  const auto lab = helper_with(kNets, "networks: {lan: 192.168.56.0/24, wan: 10.0.0.0/24}");
  EXPECT_THAT(
      mistakes(lab +
               "  r: {networks: {lan: 192.168.56.2, wan: 10.0.0.2}, services: {dhcp-relay: {to: srw}}}\n"),
      ElementsAre("15:81: unknown node 'srw'; did you mean 'srv'?"));
  EXPECT_THAT(
      mistakes(lab +
               "  r: {networks: {lan: 192.168.56.2, wan: 10.0.0.2}, services: {dhcp-relay: {to: pc1}}}\n"),
      ElementsAre("15:81: pc1 does not run dhcp"));
}

TEST(Mistakes, TooManyClientsForTheRangeAreCounted) {
  EXPECT_THAT(
      mistakes(helper_with(kPc1, "pc: {networks: lan, count: 200}")),
      ElementsAre("12:65: 201 clients on lan, but 101 addresses to lend; widen range, or lower the count"));
}

TEST(Mistakes, AServerOfOneOfSeveralDomainsSaysWhich) {
  EXPECT_THAT(
      mistakes(helper_with("domains:", "domains:\n  two.org: {users: {zoe: {}}}")),
      ElementsAre(HasSubstr("for which domain does srv run directory?; add a line to srv: domain: two.org"),
                  HasSubstr("for which domain does srv run mail?; add a line to srv: domain: two.org")));
}

}  // namespace
}  // namespace lab::topology
