/// topology -- the model of a topology file: what the teacher wrote, key by key, with short forms spelled out
/// and nothing derived yet (plan/ derives). Read it with load.hpp.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/config.hpp"
#include "labctl/topology/located.hpp"
#include "labctl/topology/services.hpp"
#include "labctl/topology/zonefile.hpp"

namespace lab::topology {

/// Sizes of a lab. Beyond these one Linux bridge or one classroom machine is the wrong tool.
struct Limits {
  static constexpr std::int64_t kNodes = 1000;  // a bridge has 1023 ports
  static constexpr std::int64_t kNetworks = 64;
  static constexpr std::int64_t kUsers = 10'000;     // per domain
  static constexpr std::size_t kLabName = 32;        // part of socket paths, which end at 107 bytes (unix(7))
  static constexpr std::size_t kInterfaceName = 15;  // IFNAMSIZ - 1
};

struct Percent {
  double value = 0;
};
struct Rate {
  std::uint64_t bits_per_second = 0;
};

struct Impairment {
  Located<std::chrono::milliseconds> delay, jitter;
  Percent loss;
  Rate rate;
};

/// Where hosts of a network have their IPv6 addresses from.
enum class Ipv6 {
  Stateful,   ///< DHCPv6 lends them
  Stateless,  ///< they make them themselves, and ask DHCPv6 for the rest
  Slaac,      ///< they make them themselves, and routers tell the rest
};

struct NetworkSpec {
  Located<Network> subnet;
  std::optional<Located<Network>> subnet6;
  std::optional<Located<Ipv6>> ipv6;            ///< stateful where somebody lends addresses, else slaac
  std::optional<Located<std::string>> gateway;  ///< a node's name, or an address on the network
  unsigned mtu = 1500;
  Impairment impair;
  std::optional<Located<std::string>> attach;
};

enum class MailProtocol { Imap, Pop3, Smtp };

/// Rules for passwords; what is left out is as one level further out.
struct PasswordRules {
  std::optional<unsigned> least_length, history, lock_after;
  std::optional<std::chrono::seconds> lock_for, expire_after;
  std::optional<bool> must_change;
};

/// What a group of people (and machines) may do: the course's group policies. Each rule by itself comes from
/// the nearest that has it: the user, her groups in the order of the file, their groups, the domain.
struct Policy {
  std::optional<config::Bytes> max_message, quota;
  std::optional<bool> send_outside;
  std::optional<std::vector<MailProtocol>> protocols;
  std::optional<PasswordRules> passwords;
  // For machines in the group.
  std::optional<std::vector<Located<std::string>>> dns_suffix;
  std::vector<std::string> run;
  std::optional<bool> trust_ca;
};

struct Group {
  std::string description;
  std::vector<Located<std::string>> groups;  ///< that it belongs to
  Policy policy;
};

struct User {
  std::string name;                              ///< full name; the user's own name when left out
  std::optional<Located<std::string>> password;  ///< generated when left out
  std::vector<Located<std::string>> groups;
  std::vector<Located<std::string>>
      mail;  ///< further addresses: local parts, or whole addresses of this domain
  std::optional<config::Bytes> quota;
  Policy policy;
};

struct DnsRecords {
  std::vector<Located<std::string>> records;
  std::optional<Located<std::string>> zonefile;
  bool dnssec = false;
  bool nsec3 = false;
  bool zonemd = false;
  std::vector<Located<std::string>> dnsbl;
  Zonefile zonefile_text;  ///< read with the topology
};

enum class Dmarc { None, Quarantine, Reject };

struct Spam {
  double threshold = 5;
};

struct MailDomain {
  bool welcome = true;
  std::optional<Spam> spam;
  bool dkim = false;
  Dmarc dmarc = Dmarc::None;
  config::Bytes max_message{25 << 20};
};

struct Domain {
  Dictionary<User> users;
  Dictionary<Group> groups;
  Dictionary<std::vector<Located<std::string>>> aliases;
  Policy policy;  ///< for everybody
  DnsRecords dns;
  MailDomain mail;
};

/// `dhcp`, or an address.
struct HostAddress {
  bool dhcp = true;
  Located<IpAddress> fixed;
};

/// A node's place on one network.
struct Attachment {
  HostAddress address;
  std::optional<Located<IpAddress>> address6;
  std::optional<Located<MacAddress>> mac;
  bool dhcp() const { return address.dhcp; }
};

/// A node's networks. In the file: one name, a list of names, or a map of name to Attachment.
struct Attachments : Dictionary<Attachment> {};

enum class DhcpClient { Builtin, Udhcpc, Dhclient, Dhcpcd, Networkd };

struct Node {
  Attachments networks;  ///< eth0, eth1, … in this order
  std::optional<Located<std::string>> domain;
  std::vector<Located<std::string>> groups;  ///< of its domain, for their policies
  Services services;
  bool router = false;
  std::optional<Located<std::string>> nat;  ///< network whose side is masqueraded
  Dictionary<Located<IpAddress>> routes;    ///< destination network → next hop
  std::optional<Located<std::int64_t>> count;
  DhcpClient dhcp_client = DhcpClient::Builtin;
  std::vector<std::string> run;

  std::string group;  ///< the name in the file: "pc" for pc-1 … pc-30
  int index = 0;      ///< 1 … count; 0 without `count`
  bool is_router() const { return router || nat; }
  bool is_client() const { return services.none() && !is_router(); }
};

struct MailPromise {
  Located<std::string> from, to;
  std::chrono::milliseconds within{5000};
};

/// One entry of `checks:`. Exactly one of dns, mail and run is there.
struct Promise {
  std::optional<Located<std::string>> name;
  std::optional<Located<std::string>> from;
  std::optional<Located<std::string>> dns;  ///< "helper.bac MX"
  std::optional<MailPromise> mail;
  std::optional<Located<std::string>> run;
  std::vector<std::string> expect;
};

struct Topology {
  std::string file;  ///< as it was named to us; for messages
  std::optional<Located<std::string>> lab_name;
  std::string lab;  ///< `lab:`, else made from the file's stem
  std::string description;
  Dictionary<NetworkSpec> networks;
  Dictionary<Domain> domains;
  Dictionary<Node> nodes;  ///< `count` expanded
  std::vector<Located<Promise>> checks;
  Dictionary<double> points;
};

}  // namespace lab::topology
