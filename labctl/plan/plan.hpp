/// plan -- everything a lab is made of, worked out before anything is started: networks, nodes, addresses,
/// the files nodes and services read, certificates, start order, and the promises `labctl check` verifies. A
/// plan is plain values: the same topology and inputs give the same plan; two plans can be compared
/// (difference.hpp) and printed (json.hpp). Nothing here touches the system.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "labctl/plan/check.hpp"

namespace lab::topology {
struct Topology;
}

namespace lab::plan {

/// A file the supervisor writes before what reads it starts.
struct File {
  std::string path;  ///< absolute; for Node::etc the path inside the node
  std::string content;
  unsigned mode = 0644;
  /// What a service does when only this changes: read it again (SIGHUP), start anew, or go on as it is until it
  /// starts the next time.
  enum class Change { Restart, Reload, Keep } on_change = Change::Restart;
  friend bool operator==(const File&, const File&) = default;
};

/// What tc-netem does to every frame of a network, in each direction.
struct Impairment {
  std::chrono::milliseconds delay{0}, jitter{0};
  double loss_percent = 0;
  std::uint64_t rate_bits = 0;  ///< bits per second; 0 = as fast as it goes
  bool any() const { return delay.count() || jitter.count() || loss_percent > 0 || rate_bits; }
  friend bool operator==(const Impairment&, const Impairment&) = default;
};

/// Stands in planned files for the SHA-256 digest of the lab CA's public key, which exists only once the lab
/// is made: as many hexadecimal digits, so that a file with it reads like the file without.
inline const std::string kCaPublicKey = "CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00CA00";

/// One network: a bridge in the supervisor's own network namespace.
struct Bridge {
  std::string network;  ///< "lan"
  std::string name;     ///< the bridge's interface name, at most 15 bytes: "br-lan"
  Network subnet;
  std::optional<Network> subnet6;
  std::optional<IpAddress> gateway;  ///< what clients get as default route
  unsigned mtu = 1500;
  Impairment impair;
  std::string attach;  ///< physical interface to bridge in; empty = none
  friend bool operator==(const Bridge&, const Bridge&) = default;
};

struct InterfaceAddress {
  IpAddress address;
  unsigned prefix = 0;
  std::string text() const { return address.text() + "/" + std::to_string(prefix); }
  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// One end of a veth pair inside a node; the other end is a port of the network's bridge.
struct Interface {
  std::string name;     ///< inside the node: "eth0"
  std::string port;     ///< the bridge's side, at most 15 bytes, unique in the lab: "pc1-eth0"
  std::string network;  ///< "lan"
  MacAddress mac;       ///< from the file, else derived from lab, node and network: always the same
  unsigned mtu = 1500;
  std::vector<InterfaceAddress> addresses;  ///< empty when by DHCP
  bool dhcp = false;
  friend bool operator==(const Interface&, const Interface&) = default;
};

struct Route {
  Network to;  ///< 0.0.0.0/0 is the default route
  IpAddress via;
  friend bool operator==(const Route&, const Route&) = default;
};

struct Node {
  std::string name;    ///< "pc-12"; also its host name
  std::string group;   ///< the name in the file: "pc" for pc-1 … pc-30
  std::string domain;  ///< "helper.bac", may be empty
  bool router = false;
  std::vector<Interface> interfaces;  ///< eth0 first; lo is not listed
  std::vector<Route> routes;          ///< besides connected ones
  std::map<std::string, std::string>
      sysctls;            ///< "net.ipv4.ip_forward" → "1", relative to the node's namespace
  std::string nat;        ///< interface whose outgoing packets are masqueraded; empty = none
  std::vector<File> etc;  ///< /etc/hostname, /etc/hosts, /etc/resolv.conf, bind-mounted over the machine's
  std::vector<std::string> run;  ///< shell commands run once when the lab is up
  bool trust_ca = true;          ///< the lab CA is the one authority its programs trust
  std::string fqdn() const { return domain.empty() ? name : name + "." + domain; }
  friend bool operator==(const Node&, const Node&) = default;
};

/// How a process tells that it is ready.
enum class Ready {
  Notify,   ///< READY=1 on $NOTIFY_SOCKET (sd_notify(3))
  Forks,    ///< the started process ends with status 0 and leaves its daemon behind
  Started,  ///< as soon as it runs
};

/// A daemon of a node.
struct Service {
  std::string id;                            ///< "srv/dns"
  std::string node;                          ///< "srv"
  std::string kind;                          ///< "dns"
  std::vector<std::string> argv;             ///< argv[0] is an absolute path
  std::vector<File> files;                   ///< its configuration first
  std::vector<std::string> state_folders;    ///< kept between runs; made before the start, mode 0700
  std::vector<std::string> runtime_folders;  ///< gone when the lab stops; made before the start, mode 0755
  std::vector<std::string> certificates;  ///< ids of CertificateRequest that must be issued before the start
  std::vector<std::string> after;         ///< ids that must be ready before the start
  Ready ready = Ready::Notify;
  std::chrono::milliseconds ready_within{10'000};
  std::vector<std::string> listens;  ///< for people: "dns 53/udp,tcp"
  friend bool operator==(const Service&, const Service&) = default;
};

/// A DHCP client of one interface. Starts when every service in `after` is ready.
struct Client {
  std::string id;  ///< "pc1/eth0"
  std::string node, interface, network;
  std::string flavour;  ///< builtin, udhcpc, dhclient, dhcpcd, networkd
  std::vector<std::string> argv;
  std::vector<File> files;
  std::vector<std::string> state_folders;
  std::vector<std::string> after;
  std::string lease_file;  ///< JSON about the lease held, written by the client (or its script); gone when
                           ///< the lab stops
  Ready ready = Ready::Notify;
  std::chrono::milliseconds ready_within{20'000};
  friend bool operator==(const Client&, const Client&) = default;
};

/// A certificate the lab CA issues before services start. Renewed at each start of the service that uses it.
struct CertificateRequest {
  std::string id;  ///< "srv/mail"
  std::string common_name;
  std::vector<std::string> dns_names, addresses;
  std::string certificate_path,
      key_path;  ///< PEM; the certificate file holds the CA's certificate after the leaf
  friend bool operator==(const CertificateRequest&, const CertificateRequest&) = default;
};

/// One line of `labctl users`.
struct Credential {
  std::string domain, user;  ///< "helper.bac", "ali"
  std::string name;          ///< "Ali Traoré"
  std::string password;
  bool generated = false;         ///< not written in the file
  std::vector<std::string> mail;  ///< addresses, the first is the main one
  std::vector<std::string> groups;
  friend bool operator==(const Credential&, const Credential&) = default;
};

/// A domain and who does what for it; empty where nobody does.
struct Domain {
  std::string name;
  std::string dns_node, directory_node, mail_node;  ///< "srv"
  std::string mail_host;                            ///< "mail.helper.bac"
  std::string base;                                 ///< "dc=helper,dc=bac"
  friend bool operator==(const Domain&, const Domain&) = default;
};

/// Something to try, shown after `up` and by `labctl shell`.
struct Hint {
  std::string node;     ///< where to type it
  std::string command;  ///< "dig helper.bac MX"
  friend bool operator==(const Hint&, const Hint&) = default;
};

/// What stays the same from one `up` to the next. The caller keeps it in the lab's state folder, mode 0600
/// (json.hpp).
struct Memory {
  struct Serial {
    std::uint32_t number = 0;
    std::uint64_t digest = 0;  ///< of the zone's text without the serial
    friend bool operator==(const Serial&, const Serial&) = default;
  };
  std::map<std::string, std::string>
      passwords;                            ///< "ali@helper.bac" and service accounts "cn=mail@helper.bac"
  std::map<std::string, Serial> serials;    ///< by zone
  std::map<std::string, std::string> keys;  ///< of the name servers: "zone helper.bac", "transfer"; base64
  friend bool operator==(const Memory&, const Memory&) = default;
};

struct Paths {
  std::string state;    ///< absolute; what lasts: <state>/<node>/<service>
  std::string runtime;  ///< absolute; configuration, sockets, lease files: <runtime>/<node>/<service>
  std::string bin;      ///< folder of lab-dnsd and the others
  friend bool operator==(const Paths&, const Paths&) = default;
};

struct PlanInputs {
  Paths paths;
  Memory memory;
  std::uint32_t now = 0;                  ///< seconds since 1970: serial of the zones that changed
  std::function<std::uint32_t()> random;  ///< for generated passwords
};

struct Plan {
  std::string lab;  ///< "helper-bac"
  Paths paths;
  std::vector<Bridge> networks;
  std::vector<Node> nodes;
  std::vector<Service> services;  ///< in an order that respects `after`
  std::vector<Client> clients;
  std::vector<CertificateRequest> certificates;
  std::string ca_name;         ///< common name of the lab CA
  std::string ca_certificate;  ///< path, PEM; trusted inside the nodes
  std::string ca_key;
  std::vector<Domain> domains;
  std::vector<Credential> credentials;
  std::vector<Check> checks;  ///< derived ones first, then the file's own
  std::vector<Hint> hints;
  /// For people: what the file asks for and this version does not do yet, or does differently.
  std::vector<std::string> notices;
  Memory memory;  ///< to be kept for the next `up`

  const Node* node(const std::string& name) const;
  const Service* service(const std::string& id) const;
  const Bridge* network(const std::string& name) const;
};

/// Works the plan out. The topology is one that topology::load accepted.
Plan make_plan(const topology::Topology& topology, const PlanInputs& inputs);

}  // namespace lab::plan
