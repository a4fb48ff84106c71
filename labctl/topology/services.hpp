/// services -- what a node can run, and the options of each service as the topology file spells them.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/config.hpp"
#include "labctl/topology/located.hpp"

namespace lab::topology {

enum class Provider { Slapd, Ldap };
enum class Flavour { Openldap, Ad };
enum class Referrals { Refuse, Follow };

struct DirectoryService {
  Provider provider = Provider::Slapd;
  std::optional<Located<std::string>> url;  ///< of the external server, with provider: ldap
  std::string bind_dn, bind_password;
  std::string base;                        ///< of the external server's tree; empty: from the domain's name
  std::optional<Located<std::string>> ca;  ///< file with the CA of the external server; none: the lab's own
  std::string ca_text;                     ///< read with the topology
  Flavour flavour = Flavour::Openldap;
  bool kerberos = false;      ///< a realm with the same people and passwords
  bool certificates = false;  ///< everybody's S/MIME certificate, made when the lab is up
  Referrals referrals = Referrals::Refuse;
  std::optional<Located<std::string>> replica_of;  ///< the node whose directory this one copies
};

enum class DnsRole { Primary, Secondary };
enum class DnsUpdate { Dhcp, None };

struct DnsService {
  DnsRole role = DnsRole::Primary;
  std::vector<Located<std::string>> allow_transfer;  ///< node names
  Located<bool> transfer_tls;                        ///< zones are given over TLS alone
  DnsUpdate update = DnsUpdate::Dhcp;
  bool tls = true;
  Located<bool> https;
  std::uint16_t https_port = 443;
  unsigned rate_limit = 0;  ///< answers a second; 0: no limit
  std::optional<bool> recursion;
  std::vector<std::string> blocklist;
  std::vector<Endpoint> forwarders;
};

/// One value of a DHCP option, or several; written through to lab-dhcpd. The names and values are checked by its own
/// reader (dhcp/option_reader.hpp).
struct OptionValues {
  std::string type;  ///< for an option without a known one; else empty
  std::vector<std::string> values;
};

/// An address kept for one client: of a node of the lab, or of any machine by its MAC, its client identifier, or the
/// port of the relay it is on.
struct Reservation {
  Located<IpAddress> address;
  std::optional<Located<IpAddress>> address6;
  std::optional<Located<MacAddress>> mac;
  std::string client_id, circuit;
  Dictionary<OptionValues> options;
  bool names_machine() const { return mac || !client_id.empty() || !circuit.empty(); }
};

/// Clients of a kind, told by their vendor or user class or their firmware.
struct ClientClass {
  std::string vendor_class, user_class;
  std::vector<std::uint16_t> architectures;
  Dictionary<OptionValues> options;
  std::optional<IpAddress> next_server;
  std::string boot_file;
};

enum class Match { ClientId, Mac };
enum class Guard { Off, Alert, Refuse };

/// IPv6 prefixes lent to routers among the clients (RFC 8415 6.3).
struct PrefixPool {
  Located<Network> pool;
  unsigned length = 64;
};

struct Scope {
  /// A further subnet on a network's wire (a shared network), of a name of its own; none for the network's
  /// own subnet.
  std::optional<Located<std::string>> network;
  std::optional<Located<Network>> subnet;
  std::optional<Located<IpAddress>>
      gateway;  ///< what its clients get as default route; else its first address
  std::vector<Located<AddressRange>> range;       ///< empty: the upper half of the subnet
  std::vector<Located<AddressRange>> range6;      ///< empty: 65,536 addresses from ::1:0 on
  std::optional<std::chrono::seconds> preferred;  ///< of IPv6 addresses
  std::vector<PrefixPool> prefixes;
  std::chrono::seconds lease{3600};
  std::vector<Located<AddressRange>> exclude;
  std::optional<std::chrono::seconds> min_lease, max_lease;
  Dictionary<Reservation> reservations;
  Dictionary<OptionValues> options;
  Dictionary<ClientClass> classes;
  bool authoritative = true;
  Match match = Match::ClientId;
  bool echo_client_id = true, overload = false, nul_terminate = false;
  std::chrono::milliseconds probe{0};
  std::optional<std::chrono::seconds> quarantine;
  unsigned per_port = 0;       ///< 0: no limit
  std::optional<Guard> guard;  ///< unset: refuse where the network is attached to a physical one, else off
  std::optional<IpAddress> next_server;
  std::string server_name, boot_file;
  Dictionary<OptionValues> options6;
};

struct DhcpService {
  Dictionary<Scope> scopes;  ///< by network; empty: every network of the node that has DHCP clients
  bool failover = false;
  std::vector<Network> lease_query;  ///< who may ask about leases (RFC 4388)
};

struct DhcpRelay {
  std::optional<Located<std::string>> to;  ///< the node that runs dhcp
};

struct MailPorts {
  std::uint16_t smtp = 25, submission = 587, smtps = 465, pop3 = 110, pop3s = 995, imap = 143, imaps = 993,
                http = 80, https = 443;
};

enum class TlsPolicy { Required, Optional };

struct MailService {
  MailPorts ports;
  TlsPolicy tls = TlsPolicy::Required;
};

/// A node's services; `at` is where the service is named.
struct Services {
  std::optional<Located<DirectoryService>> directory;
  std::optional<Located<DnsService>> dns;
  std::optional<Located<DhcpService>> dhcp;
  std::optional<Located<DhcpRelay>> relay;
  std::optional<Located<MailService>> mail;
  bool none() const { return !directory && !dns && !dhcp && !relay && !mail; }
  /// Their names in the order they are shown: directory, dns, dhcp, dhcp-relay, mail.
  std::vector<std::string> names() const;
};

}  // namespace lab::topology
