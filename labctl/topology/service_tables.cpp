// The rows of a node's services.
#include "dhcp/option_reader.hpp"
#include "labctl/topology/tables.hpp"

namespace lab::topology {

using config::Table;

namespace {

constexpr config::Limits kLeaseTimes{10, 31'536'000};

/// Names and values of options, by the reader the server has for them.
template <class Options>
void check_options_of(const yaml::Value& at, const char* key) {
  Options ignored;
  if (const auto options = at.map("").find(key)) config::Reader<Options>::read(*options, ignored, {});
}

void check_options(const yaml::Value& at) { check_options_of<dhcp::Options>(at, "options"); }

/// A further subnet on a wire is IPv4 only, and who is who on the wire is said once.
void check_further(const yaml::Value& at, const Scope& scope) {
  const auto map = at.map("");
  if (scope.subnet && !scope.network)
    return at.error("a scope with a subnet of its own is on the wire of a network",
                    "add network: and the network's name");
  if (scope.gateway && !scope.subnet)
    return map.find("gateway")->error(
        "the gateway of a network is said at the network",
        "write it below networks:, or add network: and subnet: for a further subnet");
  if (!scope.network) return;
  if (!scope.subnet) map.missing("subnet");
  for (const auto* key : {"authoritative", "match", "guard"})
    if (const auto value = map.find(key))
      value->error(std::string("'") + key + "' is of the whole wire",
                   "write it in the scope of " + scope.network->value);
  for (const auto* key : {"range6", "preferred", "prefixes", "options6"})
    if (const auto value = map.find(key))
      value->error(std::string("'") + key + "' is about IPv6, and a further subnet is IPv4",
                   "write it in the scope of " + scope.network->value);
}

}  // namespace

const Table<Scope>& table_of(const Scope*) {
  static const auto table =
      Table<Scope>("scope")
          .row("network", &Scope::network,
               "for a further subnet on the wire of a network that has a scope already (a shared network): "
               "that network's "
               "name; the scope then has a name of its own")
          .row("subnet", &Scope::subnet, "the further subnet, such as 192.168.57.0/24")
          .row("gateway", &Scope::gateway,
               "the address its clients get as default route, which the network's gateway has besides its "
               "own; the "
               "first of the subnet if left out")
          .row("range", &Scope::range,
               "addresses to lend, first-last; the upper half of the subnet if left out")
          .row("range6", &Scope::range6,
               "IPv6 addresses to lend; those that end in ::1:0 to ::1:ffff if left out")
          .row("lease", &Scope::lease, "how long an address is lent", {10, 31'536'000})
          .row("preferred", &Scope::preferred,
               "how long an IPv6 address is used for new connections; as long as it is lent if left out",
               {10, 31'536'000})
          .row("prefixes", &Scope::prefixes,
               "IPv6 prefixes to delegate to routers among the clients: {pool: fd00:100::/48, length: 56}")
          .row("exclude", &Scope::exclude, "addresses inside the range never to lend")
          .row("min_lease", &Scope::min_lease, "the shortest time a client may ask for", kLeaseTimes)
          .row("max_lease", &Scope::max_lease, "the longest; as lease if left out", kLeaseTimes)
          .row("reservations", &Scope::reservations,
               "addresses kept: node to address, or name to {mac:, client_id:, circuit:, address:, options:}")
          .row("options", &Scope::options,
               "DHCP options over the derived ones, by name or number; {type:, value:} for one without a "
               "known type")
          .row("classes", &Scope::classes,
               "kinds of clients, by vendor or user class or firmware, and what they are told")
          .row("authoritative", &Scope::authoritative,
               "refuse addresses that are wrong here; false where another DHCP server lives")
          .row("match", &Scope::match,
               "what makes two requests the same client: its client identifier, or its MAC alone")
          .row("echo_client_id", &Scope::echo_client_id,
               "send option 61 back (RFC 6842); false for old devices that refuse it")
          .row("overload", &Scope::overload,
               "use the boot fields for options that do not fit; old clients fail on it")
          .row("nul_terminate", &Scope::nul_terminate,
               "end the boot file's name (option 67) with a NUL, for old PXE ROMs that read on")
          .row("probe", &Scope::probe,
               "how long to ask the wire whether an address is used (ARP) before offering it, 200ms", {0, 5})
          .row("quarantine", &Scope::quarantine, "how long an address rests that a client found in use",
               {1, 604'800})
          .row("per_port", &Scope::per_port,
               "the most addresses lent to one port of a relay or switch, against one that takes them all; "
               "0: no limit",
               {0, 65'536})
          .row("guard", &Scope::guard,
               "about other DHCP servers on the wire: refuse does not serve while one answers (so where the "
               "network is "
               "attached to a physical one), alert only says so, off")
          .row("next_server", &Scope::next_server, "the boot server's address, for PXE")
          .row("server_name", &Scope::server_name, "the boot server's name (sname)")
          .row("boot_file", &Scope::boot_file, "the boot file, for PXE")
          .row("options6", &Scope::options6, "DHCPv6 options over the derived ones, by name or number")
          .rule([](const yaml::Value& at, Scope& scope) {
            check_options(at);
            check_options_of<dhcp::v6::Options>(at, "options6");
            check_further(at, scope);
          });
  return table;
}

const Table<ClientClass>& table_of(const ClientClass*) {
  static const auto table =
      Table<ClientClass>("class")
          .row("vendor_class", &ClientClass::vendor_class, "their vendor class (option 60) begins so: PXEClient")
          .row("user_class", &ClientClass::user_class, "their user class (option 77) is this: iPXE")
          .row("architectures", &ClientClass::architectures, "their firmware (option 93): 0 BIOS, 7 and 9 UEFI x64")
          .row("options", &ClientClass::options, "what they are told over the scope's options")
          .row("next_server", &ClientClass::next_server, "the boot server's address")
          .row("boot_file", &ClientClass::boot_file, "the boot file")
          .rule([](const yaml::Value& at, ClientClass& c) {
            check_options(at);
            if (c.vendor_class.empty() && c.user_class.empty() && c.architectures.empty())
              at.error("a class that every client belongs to", "say vendor_class, user_class or architectures");
          });
  return table;
}

const Table<Reservation>& reservation_table() {
  static const auto table =
      Table<Reservation>("reservation")
          .required("address", &Reservation::address, "the address kept")
          .row("address6", &Reservation::address6, "the IPv6 address kept")
          .row("mac", &Reservation::mac, "hardware address of a machine that is not a node of the lab")
          .row("client_id", &Reservation::client_id, "its client identifier (option 61) in hex")
          .row("circuit", &Reservation::circuit, "the relay's port it is on (option 82), as text or hex:…")
          .row("options", &Reservation::options, "options for this machine, over those of the scope")
          .rule([](const yaml::Value& at, Reservation&) { check_options(at); });
  return table;
}

const Table<PrefixPool>& table_of(const PrefixPool*) {
  static const auto table =
      Table<PrefixPool>("prefixes")
          .required("pool", &PrefixPool::pool, "the range prefixes are cut from, such as fd00:100::/48")
          .row("length", &PrefixPool::length, "bits of each prefix", {1, 128});
  return table;
}

const Table<DirectoryService>& table_of(const DirectoryService*) {
  static const auto table =
      Table<DirectoryService>("service directory")
          .row("provider", &DirectoryService::provider,
               "slapd: a directory of the lab's own; ldap: an external server")
          .row("url", &DirectoryService::url, "the external server, such as ldaps://dc1.example.org")
          .row("bind_dn", &DirectoryService::bind_dn, "the account that searches the external server")
          .row("bind_password", &DirectoryService::bind_password, "its password")
          .row("base", &DirectoryService::base,
               "where the external server's tree begins; from the domain if left out (dc=helper,dc=bac)")
          .row("ca", &DirectoryService::ca,
               "PEM file below the topology's folder: the CA of the external server; the lab's own if left "
               "out")
          .row("flavour", &DirectoryService::flavour,
               "what the external server is: OpenLDAP or Active Directory")
          .row("referrals", &DirectoryService::referrals,
               "whether the mail server goes where the external server sends it (RFC 4511 4.1.10)")
          .row("replica_of", &DirectoryService::replica_of,
               "the node whose directory this one copies and stands in for")
          .row("kerberos", &DirectoryService::kerberos,
               "a Kerberos realm with the same people and passwords: kinit, then mail without a password")
          .row("certificates", &DirectoryService::certificates,
               "an S/MIME certificate for everybody, published once the lab is up; without it `labctl ca issue` "
               "makes them");
  return table;
}

const Table<DnsService>& table_of(const DnsService*) {
  static const auto table =
      Table<DnsService>("service dns")
          .row("role", &DnsService::role, "primary holds the domain's zones; secondary copies them")
          .row("allow_transfer", &DnsService::allow_transfer, "nodes that may copy the zones")
          .row("transfer_tls", &DnsService::transfer_tls,
               "zones are copied over TLS alone (RFC 9103), so that nobody on the way reads them; the "
               "domain's "
               "secondaries do so by themselves")
          .row("update", &DnsService::update, "who may change the zones: dhcp writes the clients' names")
          .row("tls", &DnsService::tls,
               "answer over TLS, too (RFC 7858, port 853), with a certificate of the lab's CA: kdig +tls")
          .row("https", &DnsService::https,
               "answer over HTTPS, too (RFC 8484, HTTP/2, /dns-query): kdig +https, curl --doh-url, browsers")
          .row("https_port", &DnsService::https_port, "the port of 'https'", {.min = 1, .max = 65535})
          .row("rate_limit", &DnsService::rate_limit,
               "how often a second one network gets the same answer over UDP, against floods from forged "
               "addresses; 0: as often as it asks",
               {.min = 0, .max = 1000000})
          .row("recursion", &DnsService::recursion,
               "look up names of other domains for the lab's nodes, from the lab's own root downwards; true "
               "but for servers of the root or a top-level domain alone")
          .row("forwarders", &DnsService::forwarders,
               "resolvers outside the lab, address:port, asked for what is in none of the lab's zones")
          .row("blocklist", &DnsService::blocklist,
               "names outside the server's own zones that do not exist for the lab's nodes, nor anything "
               "below them");
  return table;
}

const Table<DhcpService>& table_of(const DhcpService*) {
  static const auto table =
      Table<DhcpService>("service dhcp")
          .row("scopes", &DhcpService::scopes,
               "the networks served; every network of the node that has DHCP clients if left out")
          .row("failover", &DhcpService::failover,
               "two servers on one network stand in for each other; the first in the file answers while both are up")
          .row("lease_query", &DhcpService::lease_query, "relays and switches that may ask who has a lease (RFC 4388)");
  return table;
}

const Table<DhcpRelay>& table_of(const DhcpRelay*) {
  static const auto table =
      Table<DhcpRelay>("service dhcp-relay")
          .row("to", &DhcpRelay::to, "the node that runs dhcp; found by itself if there is only one");
  return table;
}

const Table<MailPorts>& table_of(const MailPorts*) {
  static const auto table =
      Table<MailPorts>("ports")
          .row("smtp", &MailPorts::smtp, "from other servers (RFC 5321); 0 = not offered")
          .row("submission", &MailPorts::submission, "from users, with STARTTLS (RFC 6409); 0 = not offered")
          .row("smtps", &MailPorts::smtps, "from users, TLS from the start (RFC 8314); 0 = not offered")
          .row("pop3", &MailPorts::pop3, "POP3 with STLS (RFC 1939); 0 = not offered")
          .row("pop3s", &MailPorts::pop3s, "POP3, TLS from the start; 0 = not offered")
          .row("imap", &MailPorts::imap, "IMAP with STARTTLS (RFC 3501); 0 = not offered")
          .row("imaps", &MailPorts::imaps, "IMAP, TLS from the start; 0 = not offered")
          .row("http", &MailPorts::http, "web mail and autoconfiguration; 0 = not offered")
          .row("https", &MailPorts::https, "the same with TLS; 0 = not offered")
          .rule([](const yaml::Value& at, MailPorts& p) {
            const auto ports = {p.smtp, p.submission, p.smtps, p.pop3, p.pop3s,
                                p.imap, p.imaps,      p.http,  p.https};
            for (auto a = ports.begin(); a != ports.end(); ++a)
              if (*a != 0 && std::find(a + 1, ports.end(), *a) != ports.end())
                at.error("port " + std::to_string(*a) + " is given to two protocols",
                         "one protocol per port");
          });
  return table;
}

const Table<MailService>& table_of(const MailService*) {
  static const auto table =
      Table<MailService>("service mail")
          .row("ports", &MailService::ports, "where it listens")
          .row("tls", &MailService::tls, "required: no password is taken over a connection without TLS");
  return table;
}

const Table<Services>& services_table() {
  static const auto table =
      Table<Services>("services")
          .row("directory", &Services::directory, "LDAP directory of the domain: its users and groups")
          .row("dns", &Services::dns, "name server of the domain and of the lab's subnets")
          .row("dhcp", &Services::dhcp, "lends addresses to the clients of its networks")
          .row("dhcp-relay", &Services::relay,
               "carries DHCP between its networks and a server elsewhere (RFC 1542)")
          .row("mail", &Services::mail, "SMTP, POP3 and IMAP of the domain");
  return table;
}

std::vector<std::string> Services::names() const {
  std::vector<std::string> out;
  if (directory) out.emplace_back("directory");
  if (dns) out.emplace_back("dns");
  if (dhcp) out.emplace_back("dhcp");
  if (relay) out.emplace_back("dhcp-relay");
  if (mail) out.emplace_back("mail");
  return out;
}

}  // namespace lab::topology
