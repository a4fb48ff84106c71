#include "labctl/plan/zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "labctl/plan/build.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::plan {

using topology::NodeEntry;
using topology::Record;
using topology::Topology;

namespace {

constexpr auto kTtl = ZoneTimers::kTtl;
constexpr int kFallback = 10;

void add(std::vector<Record>& records, std::string owner, std::string type, std::string data) {
  Record record{std::move(owner), kTtl, std::move(type), std::move(data), 0};
  if (std::ranges::find(records, record) == records.end()) records.push_back(std::move(record));
}

void add_address(std::vector<Record>& records, const std::string& owner, const IpAddress& address) {
  add(records, owner, address.is_v4() ? "A" : "AAAA", address.text());
}

std::string soa_names(const std::string& domain) {
  return name_server_name(domain) + " " + below("hostmaster", domain);
}

std::string soa_timers() {
  return fmt::format("{} {} {} {}", ZoneTimers::kRefresh, ZoneTimers::kRetry, ZoneTimers::kExpire,
                     ZoneTimers::kNegative);
}

/// The first server is ns.D, whoever it is; the others have their own names. The root's are lettered.
void add_name_servers(const Topology& topology, const std::string& domain, const std::string& owner,
                      std::vector<Record>& records) {
  std::size_t n = 0;
  for (const auto* server : topology::dns_servers(topology, domain)) {
    const bool lettered = n == 0 || domain == topology::kRootDomain;
    add(records, owner, "NS", lettered ? name_server_name(domain, n) : fqdn_of(topology, *server) + ".");
    ++n;
  }
}

void add_hosts(const Topology& topology, const std::string& domain, std::vector<Record>& records) {
  const auto servers = topology::dns_servers(topology, domain);
  for (std::size_t n = 0; n < (domain == topology::kRootDomain ? servers.size() : 1); ++n)
    for (const auto& address : fixed_addresses(topology, *servers[n]))
      add_address(records, name_server_name(domain, n), address);
  for (const auto& node : topology.nodes) {
    if (topology::domain_of(topology, node) != domain) continue;
    for (const auto& address : fixed_addresses(topology, node))
      add_address(records, fqdn_of(topology, node) + ".", address);
  }
  for (const auto& node : topology.nodes) {
    if (!node->services.dhcp) continue;
    for (const auto& scope : node->services.dhcp->value.scopes)
      if (topology::domain_of_network(topology, topology::wire_of(scope)) == domain)
        for (const auto& reservation : scope->reservations) {
          const auto owner = fmt::format("{}.{}.", reservation.name, domain);
          add_address(records, owner, *reservation->address);
          if (reservation->address6) add_address(records, owner, reservation->address6->value);
        }
  }
}

/// RFC 2782 with the service names of RFC 6186 and RFC 8314; a port of 0 is not offered.
void add_srv(std::vector<Record>& records, const std::string& domain, std::string_view service,
             std::uint16_t port, const std::string& target, int priority = 0) {
  if (port != 0)
    add(records, fmt::format("_{}._tcp.{}.", service, domain), "SRV",
        fmt::format("{} 1 {} {}.", priority, port, target));
}

void add_mail(const Topology& topology, const std::string& domain, std::vector<Record>& records) {
  const auto* server = topology::mail_server(topology, domain);
  const auto apex = absolute(domain);
  if (domain == topology::kRootDomain) return;
  if (!server) {
    // RFC 7208 2.1: a domain that sends no mail says so.
    add(records, apex, "TXT", "\"v=spf1 -all\"");
    return;
  }
  const auto host = mail_host(topology, domain);
  add(records, apex, "MX", fmt::format("10 {}.", host));
  for (const auto& address : fixed_addresses(topology, *server))
    for (const auto& name : {host, "autoconfig." + domain, "autodiscover." + domain, "webmail." + domain})
      add_address(records, name + ".", address);
  add(records, apex, "TXT", "\"v=spf1 mx -all\"");
  static constexpr const char* kDmarc[] = {"none", "quarantine", "reject"};
  const auto& mail = topology.domains.find(domain)->value.mail;
  add(records, "_dmarc." + apex, "TXT",
      fmt::format("\"v=DMARC1; p={}\"", kDmarc[static_cast<int>(mail.dmarc)]));
  const auto& ports = server->value.services.mail->value.ports;
  // RFC 7672 3.1: with DNSSEC, other mail servers need no authority but the DNS to know this one. The lab's
  // CA is named and not the certificate, which is a new one at each start (RFC 7671 5.2).
  if (topology.domains.find(domain)->value.dns.dnssec)
    for (const auto port : {ports.smtp, ports.submission, ports.smtps, ports.imaps, ports.pop3s})
      if (port != 0) add(records, fmt::format("_{}._tcp.{}.", port, host), "TLSA", "2 1 1 " + kCaPublicKey);
  add_srv(records, domain, "submissions", ports.smtps, host);
  add_srv(records, domain, "submission", ports.submission, host);
  add_srv(records, domain, "imaps", ports.imaps, host);
  add_srv(records, domain, "imap", ports.imap, host);
  add_srv(records, domain, "pop3s", ports.pop3s, host);
  add_srv(records, domain, "pop3", ports.pop3, host);
  add_srv(records, domain, "autodiscover", ports.https, host);
}

void add_directory_records(const Topology& topology, const std::string& domain,
                           std::vector<Record>& records) {
  const auto* server = topology::directory_server(topology, domain);
  if (!server || server->value.services.directory->value.provider != topology::Provider::Slapd) return;
  add_srv(records, domain, "ldap", 389, fqdn_of(topology, *server));
  add_srv(records, domain, "ldaps", 636, fqdn_of(topology, *server));
  // RFC 2782: a greater number is a server to fall back to.
  for (const auto* replica : topology::directory_replicas(topology, domain)) {
    add_srv(records, domain, "ldap", 389, fqdn_of(topology, *replica), kFallback);
    add_srv(records, domain, "ldaps", 636, fqdn_of(topology, *replica), kFallback);
  }
  if (!server->value.services.directory->value.kerberos) return;
  // RFC 4120 7.2.3.2: how clients find the realm's server.
  add_srv(records, domain, "kerberos", 88, fqdn_of(topology, *server));
  add(records, fmt::format("_kerberos._udp.{}.", domain), "SRV",
      fmt::format("0 1 88 {}.", fqdn_of(topology, *server)));
  add(records, fmt::format("_kerberos.{}.", domain), "TXT", fmt::format("\"{}\"", realm_of(domain)));
}

/// TXT records of one owner live side by side, but there is one SPF and one DMARC policy (RFC 7208 3.2, RFC
/// 7489 6.6.3).
std::string kind_of(const Record& record) {
  if (record.type != "TXT") return record.type;
  for (const auto* policy : {"v=spf1", "v=DMARC1"})
    if (record.data.starts_with(std::string("\"") + policy)) return policy;
  return "TXT " + record.data;
}

/// What the teacher wrote replaces what was derived for the same name and type; a CNAME replaces all there
/// is.
void override_with(std::vector<Record>& records, const std::vector<Record>& written) {
  std::set<std::pair<std::string, std::string>> taken;
  std::set<std::string> aliases;
  for (const auto& record : written) {
    taken.emplace(record.owner, kind_of(record));
    if (record.type == "CNAME") aliases.insert(record.owner);
  }
  std::erase_if(records, [&](const Record& derived) {
    return taken.contains({derived.owner, kind_of(derived)}) || aliases.contains(derived.owner);
  });
  for (const auto& record : written)
    if (std::ranges::find(records, record) == records.end()) records.push_back(record);
}

/// Takes a zone file's own SOA: its timers stand, its serial is a lower bound.
void take_soa(Zone& zone, std::vector<Record>& records) {
  const auto soa = std::ranges::find(records, "SOA", &Record::type);
  if (soa == records.end()) return;
  std::istringstream fields(soa->data);
  std::string primary, mailbox, refresh, retry, expire, negative;
  fields >> primary >> mailbox >> zone.least_serial >> refresh >> retry >> expire >> negative;
  zone.soa_names = primary + " " + mailbox;
  zone.soa_timers = fmt::format("{} {} {} {}", refresh, retry, expire, negative);
  std::erase_if(records, [](const Record& record) { return record.type == "SOA"; });
}

Zone new_zone(const Topology& topology, const std::string& name, const std::string& domain) {
  return {.name = name,
          .domain = domain,
          .soa_names = soa_names(domain),
          .soa_timers = soa_timers(),
          .least_serial = 0,
          .records = {},
          .servers = topology::dns_servers(topology, domain),
          .address = {},
          .dnssec = false,
          .nsec3 = false,
          .zonemd = false};
}

Zone domain_zone(const Topology& topology, const topology::Named<topology::Domain>& domain) {
  auto zone = new_zone(topology, domain.name, domain.name);
  zone.dnssec = domain->dns.dnssec;
  zone.nsec3 = domain->dns.nsec3;
  zone.zonemd = domain->dns.zonemd;
  const auto apex = absolute(domain.name);
  add_name_servers(topology, domain.name, apex, zone.records);
  add_mail(topology, domain.name, zone.records);
  add_hosts(topology, domain.name, zone.records);
  add_directory_records(topology, domain.name, zone.records);

  std::vector<Record> written;
  if (const auto& text = domain->dns.zonefile_text.text; !text.empty())
    if (auto file = topology::parse_zonefile(text, domain.name, kTtl)) written = std::move(*file);
  for (auto& record : written) record.line = 0;
  take_soa(zone, written);
  for (const auto& text : domain->dns.records)
    if (auto record = topology::parse_record(*text, domain.name, kTtl)) written.push_back(std::move(*record));
  override_with(zone.records, written);
  std::vector<std::string> listed;
  for (const auto& entry : domain->dns.dnsbl) listed.push_back(*entry);
  add_listings(zone, listed);
  return zone;
}

/// Whether a subnet is smaller than what one label of a reverse name stands for, so that several subnets, of
/// several owners perhaps, share the zone of an octet (RFC 2317).
bool is_classless(const Network& subnet) { return subnet.address().is_v4() && subnet.prefix() > 24; }

/// "130.128/26.56.168.192.in-addr.arpa." for an address of such a subnet; its reverse name for others.
std::string owner_in(const Network& subnet, const IpAddress& address) {
  if (!is_classless(subnet)) return address.reverse_name();
  return fmt::format("{}.{}.", address.v4_value() & 0xff, reverse_zone(subnet));
}

/// RFC 2317 4: the octet's zone has, for each address of the subnet, an alias into the subnet's own.
void add_aliases(Zone& octet, const Network& subnet) {
  const bool all = subnet.prefix() >= 31;  // no network and broadcast address (RFC 3021)
  const std::uint64_t last = std::uint64_t{1} << (32 - subnet.prefix());
  for (std::uint64_t host = all ? 0 : 1; host < (all ? last : last - 1); ++host) {
    const auto address = subnet.address().plus(host);
    add(octet.records, address.reverse_name(), "CNAME", owner_in(subnet, address));
  }
}

/// The names an address has, the node's own first.
void add_pointers(const Topology& topology, const NodeEntry& node, const std::string& owner,
                  std::vector<Record>& records) {
  const auto domain = topology::domain_of(topology, node);
  add(records, owner, "PTR", fqdn_of(topology, node) + ".");
  if (topology::mail_server(topology, domain) == &node)
    add(records, owner, "PTR", mail_host(topology, domain) + ".");
}

std::vector<Zone> reverse_zones(const Topology& topology) {
  std::vector<Zone> zones;
  const auto zone_called = [&](const std::string& name, const std::string& domain) -> Zone& {
    const auto found = std::ranges::find(zones, name, &Zone::name);
    if (found != zones.end()) return *found;  // two subnets of one octet share a zone
    auto& zone = zones.emplace_back(new_zone(topology, name, domain));
    if (const auto* written = topology.domains.find(domain)) {
      zone.dnssec = (*written)->dns.dnssec;
      zone.nsec3 = (*written)->dns.nsec3;
    }
    add_name_servers(topology, domain, name + ".", zone.records);
    return zone;
  };
  const auto zone_of = [&](const Network& subnet, const std::string& domain) -> Zone& {
    const auto name = reverse_zone(subnet);
    if (is_classless(subnet)) add_aliases(zone_called(name.substr(name.find('.') + 1), domain), subnet);
    return zone_called(name, domain);
  };
  for (const auto& network : topology.networks) {
    // Who lends the addresses also tells their names: to the servers of its own domain.
    const auto lenders = topology::dhcp_servers(topology, network.name);
    const auto domain = lenders.empty() ? topology::domain_of_network(topology, network.name)
                                        : topology::domain_of(topology, *lenders.front());
    if (domain.empty() || topology::dns_servers(topology, domain).empty()) continue;
    auto& zone = zone_of(*network->subnet, domain);
    for (const auto* node : topology::attached(topology, network.name))
      if (auto address = topology::address_on(*node, network.name))
        add_pointers(topology, *node, owner_in(*network->subnet, *address), zone.records);
    for (const auto* server : topology::dhcp_servers(topology, network.name))
      if (const auto* scope = topology::scope_of(*server, network.name))
        for (const auto& reservation : scope->reservations)
          add(zone.records, owner_in(*network->subnet, *reservation->address), "PTR",
              fmt::format("{}.{}.", reservation.name, domain));
    for (const auto* scope : topology::further_subnets(topology, network.name)) {
      const Network& subnet = **(*scope)->subnet;
      auto& further = zone_of(subnet, domain);
      if (const auto* node = topology::gateway_node(topology, network.name))
        add_pointers(topology, *node, owner_in(subnet, topology::further_gateway(**scope)), further.records);
      for (const auto& reservation : (*scope)->reservations)
        add(further.records, owner_in(subnet, *reservation->address), "PTR",
            fmt::format("{}.{}.", reservation.name, domain));
    }
    if (!network->subnet6) continue;
    auto& zone6 = zone_of(network->subnet6->value, domain);
    for (const auto* node : topology::attached(topology, network.name))
      if (auto address = topology::address6_on(topology, *node, network.name))
        add_pointers(topology, *node, address->reverse_name(), zone6.records);
    for (const auto* server : topology::dhcp_servers(topology, network.name))
      if (const auto* scope = topology::scope_of(*server, network.name))
        for (const auto& reservation : scope->reservations)
          if (reservation->address6)
            add(zone6.records, reservation->address6->value.reverse_name(), "PTR",
                fmt::format("{}.{}.", reservation.name, domain));
  }
  return zones;
}

/// A name as written under `$ORIGIN zone`.
std::string relative(const std::string& name, const std::string& zone) {
  if (name == absolute(zone)) return "@";
  if (zone == topology::kRootDomain) return name;
  const auto suffix = "." + zone + ".";
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace

std::string pointer_owner(const std::vector<Zone>& zones, const IpAddress& address) {
  const auto owner = address.reverse_name();
  for (const auto& zone : zones)
    for (const auto& record : zone.records)
      if (record.owner == owner && record.type == "CNAME") return record.data;
  return owner;
}

std::string reverse_zone(const Network& subnet) {
  if (is_classless(subnet))
    return fmt::format("{}/{}.{}", subnet.address().v4_value() & 0xff, subnet.prefix(),
                       reverse_zone(Network::of(subnet.address(), 24)));
  const unsigned step = subnet.address().is_v4() ? 8 : 4;
  // At least one label, so that the zone is never in-addr.arpa itself; at most all but the last, which hosts
  // have.
  const unsigned whole = std::clamp(subnet.prefix() / step, 1U, subnet.address().bits() / step - 1);
  auto name = subnet.address().reverse_name();
  name.pop_back();
  for (unsigned label = whole; label < subnet.address().bits() / step; ++label)
    name.erase(0, name.find('.') + 1);
  return name;
}

std::vector<Zone> derive_zones(const Topology& topology) {
  std::vector<Zone> zones;
  for (const auto& domain : topology.domains)
    if (!topology::dns_servers(topology, domain.name).empty()) zones.push_back(domain_zone(topology, domain));
  std::ranges::move(reverse_zones(topology), std::back_inserter(zones));
  add_upper_zones(topology, zones);
  delegate(zones);
  return zones;
}

std::string zone_text(const Zone& zone, std::uint32_t serial) {
  auto text = fmt::format(
      "; {}: derived from the topology by labctl, and written anew at each `labctl up`.\n$ORIGIN {}\n$TTL "
      "{}\n",
      zone.name, absolute(zone.name), kTtl);
  std::size_t widest = 1;
  for (const auto& record : zone.records) widest = std::max(widest, relative(record.owner, zone.name).size());
  widest = std::min<std::size_t>(widest, 32);
  const auto line = [&](const std::string& owner, std::uint32_t ttl, const std::string& type,
                        const std::string& data) {
    text += fmt::format("{:<{}}  {:<6}  IN  {:<5}  {}\n", owner, widest,
                        ttl == kTtl ? "" : std::to_string(ttl), type, data);
  };
  line("@", kTtl, "SOA", fmt::format("{} {} {}", zone.soa_names, serial, zone.soa_timers));
  for (const auto& record : zone.records)
    line(relative(record.owner, zone.name), record.ttl, record.type, record.data);
  return text;
}

}  // namespace lab::plan
