#include "dhcp/config.hpp"

#include <filesystem>

#include "common/config.hpp"
#include "dhcp/host_name.hpp"
#include "dhcp/option_reader.hpp"
#include "dhcp/option_types.hpp"
#include "dhcp/tsig.hpp"

namespace lab::config {

template <>
struct EnumNames<dhcp::Match> {
  static constexpr std::pair<const char*, dhcp::Match> names[] = {{"client-id", dhcp::Match::ClientId},
                                                                  {"mac", dhcp::Match::Mac}};
};

template <>
struct EnumNames<dhcp::Guard> {
  static constexpr std::pair<const char*, dhcp::Guard> names[] = {
      {"off", dhcp::Guard::Off}, {"alert", dhcp::Guard::Alert}, {"refuse", dhcp::Guard::Refuse}};
};
template <>
struct EnumNames<dhcp::Role> {
  static constexpr std::pair<const char*, dhcp::Role> names[] = {{"primary", dhcp::Role::Primary},
                                                                 {"standby", dhcp::Role::Standby}};
};

}  // namespace lab::config

namespace lab::dhcp {
namespace {

using config::Table;
using yaml::Value;

constexpr config::Limits kLeaseLimits{.min = 10, .max = 0xFFFFFFFFLL};

/// Reports at the key's value where the key is there, else at the map.
void complain(const Value& at, const char* key, std::string what, std::string remedy = {}) {
  const auto map = at.map("");
  const auto found = map.find(key);
  (found ? *found : at).error(std::move(what), std::move(remedy));
}

void check_range(const Value& at, const char* key, const ScopeConfig& scope, const AddressRange& range) {
  if (!scope.network.contains(range.first) || !scope.network.contains(range.last))
    return complain(at, key, range.text() + " is not inside " + scope.network.text());
  if (scope.network.prefix() < 31 &&
      (range.contains(scope.network.address()) || range.contains(scope.network.broadcast())))
    complain(at, key, range.text() + " includes the network's own or its broadcast address",
             "hosts are " + scope.network.first_host().text() + " to " + scope.network.last_host().text());
}

void check_scope(const Value& at, ScopeConfig& scope) {
  if (!scope.network.address().is_v4()) return complain(at, "network", "a scope's network is IPv4");
  for (const auto& range : scope.ranges) check_range(at, "ranges", scope, range);
  for (std::size_t i = 0; i < scope.ranges.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (scope.ranges[i].contains(scope.ranges[j].first) || scope.ranges[j].contains(scope.ranges[i].first))
        complain(at, "ranges", scope.ranges[i].text() + " and " + scope.ranges[j].text() + " overlap");
  for (const auto& range : scope.exclude)
    if (!scope.network.contains(range.first) || !scope.network.contains(range.last))
      complain(at, "exclude", range.text() + " is not inside " + scope.network.text());
  if (scope.ranges.empty() && scope.reservations.empty())
    at.error("a scope without ranges and without reservations lends nothing", "add 'ranges: [first-last]'");
  if (scope.min_lease && *scope.min_lease > scope.lease)
    complain(at, "min_lease", "min_lease is longer than lease");
  if (scope.max_lease && *scope.max_lease < scope.lease)
    complain(at, "max_lease", "max_lease is shorter than lease");

  std::map<IpAddress, std::string> owners;
  for (const auto& [name, r] : scope.reservations) {
    if (!scope.network.contains(r.address))
      complain(at, "reservations", name + ": " + r.address.text() + " is not inside " + scope.network.text());
    if (host_label(name) != name)
      complain(at, "reservations", "'" + name + "' is no host name", "letters, digits and hyphens");
    if (auto [other, fresh] = owners.emplace(r.address, name); !fresh)
      complain(at, "reservations",
               r.address.text() + " is reserved for both " + other->second + " and " + name);
  }
}

void check_reservation(const Value& at, ReservationConfig& r) {
  if (!r.mac && r.client_id.empty() && r.circuit.empty())
    at.error("a reservation needs 'mac', 'client_id' or 'circuit'");
  if (!r.client_id.empty())
    if (auto bytes = encode_option(OptionType::Hex, {r.client_id}); !bytes || bytes->empty())
      complain(at, "client_id", "not a client identifier", "bytes such as 01:02:4c:61:00:00:05");
}

void check_config(const Value& at, Config& config) {
  if (config.scopes.empty() && config.scopes6.empty())
    at.error("no scopes", "add 'scopes: {lan: {interface: eth0, network: …, ranges: […]}}'");
  for (auto i = config.scopes6.begin(); i != config.scopes6.end(); ++i)
    for (auto j = config.scopes6.begin(); j != i; ++j)
      if (i->second.network.overlaps(j->second.network))
        complain(at, "scopes6",
                 "scopes " + j->first + " and " + i->first + " overlap: " + i->second.network.text());
  for (auto i = config.scopes.begin(); i != config.scopes.end(); ++i)
    for (auto j = config.scopes.begin(); j != i; ++j)
      if (i->second.network.overlaps(j->second.network))
        complain(at, "scopes",
                 "scopes " + j->first + " and " + i->first + " overlap: " + i->second.network.text());
  for (const auto& [name, scope] : config.scopes) {
    if (scope.shared_with.empty()) continue;
    const auto first = config.scopes.find(scope.shared_with);
    if (first == config.scopes.end() || !first->second.shared_with.empty())
      complain(at, "scopes",
               name + ": shared_with names no scope with a wire of its own: '" + scope.shared_with + "'");
    else if (!scope.interface.empty() && scope.interface != first->second.interface)
      complain(at, "scopes",
               name + ": it is on the wire of " + scope.shared_with + ", whose interface counts",
               "leave 'interface' out");
  }
}

/// A client that is given option 121 ignores option 3 (RFC 3442), so that the default route must be among the
/// routes; and Windows before Vista asks for the same under number 249.
void complete_routes(Options& options) {
  const Bytes* routes = options.find(option::kClasslessRoutes);
  if (routes == nullptr) return;
  auto all = decode_routes(*routes);
  const auto routers = options.addresses(option::kRouters);
  const bool has_default =
      std::ranges::any_of(all, [](const ClasslessRoute& r) { return r.destination.prefix() == 0; });
  if (!has_default && !routers.empty()) all.push_back({*Network::parse("0.0.0.0/0"), routers.front()});
  options.set(option::kClasslessRoutes, encode_routes(all));
  if (!options.has(option::kMicrosoftRoutes)) options.set(option::kMicrosoftRoutes, encode_routes(all));
}

}  // namespace

const Table<ReservationConfig>& table_of(const ReservationConfig*) {
  static const auto table =
      Table<ReservationConfig>("reservation")
          .row("mac", &ReservationConfig::mac,
               "the machine's hardware address; matches whatever client identifier it sends")
          .row("client_id", &ReservationConfig::client_id,
               "its client identifier (option 61) in hex, for machines without a fixed MAC")
          .row("circuit", &ReservationConfig::circuit,
               "the relay's port it is on (option 82, circuit id), as text or hex:…")
          .required("address", &ReservationConfig::address,
                    "the address it always gets; inside or outside the ranges")
          .row("options", &ReservationConfig::options, "options for this machine, over those of the scope")
          .rule(check_reservation);
  return table;
}

const Table<ClassConfig>& table_of(const ClassConfig*) {
  static const auto table =
      Table<ClassConfig>("class")
          .row("vendor_class", &ClassConfig::vendor_class,
               "its clients' vendor class (option 60) begins so: PXEClient")
          .row("user_class", &ClassConfig::user_class, "its clients' user class (option 77) is this: iPXE")
          .row("architectures", &ClassConfig::architectures,
               "its clients' firmware (option 93): 0 BIOS, 7 and 9 UEFI x64")
          .row("options", &ClassConfig::options, "options for the class, over those of the scope")
          .row("next_server", &ClassConfig::next_server, "the boot server's address (siaddr)")
          .row("boot_file", &ClassConfig::boot_file, "the boot file (file)")
          .rule([](const Value& at, ClassConfig& c) {
            if (c.vendor_class.empty() && c.user_class.empty() && c.architectures.empty())
              at.error("a class that every client belongs to",
                       "say 'vendor_class', 'user_class' or 'architectures'");
          });
  return table;
}

const Table<ScopeConfig>& table_of(const ScopeConfig*) {
  static const auto table =
      Table<ScopeConfig>("scope")
          .row("interface", &ScopeConfig::interface,
               "where its clients are; without it, only relays reach the scope. Two scopes on one "
               "interface share its wire")
          .row("shared_with", &ScopeConfig::shared_with,
               "the scope whose wire this one shares, also behind relays (a shared network): who finds no "
               "address there "
               "gets one here; interface, authoritative, match and guard are that scope's")
          .required("network", &ScopeConfig::network, "the subnet served, 192.168.56.0/24")
          .row("ranges", &ScopeConfig::ranges, "addresses to lend, [192.168.56.100-192.168.56.200]")
          .row("exclude", &ScopeConfig::exclude, "addresses inside the ranges that are not lent")
          .row("lease", &ScopeConfig::lease,
               "how long an address is lent when the client does not ask for a time", kLeaseLimits)
          .row("min_lease", &ScopeConfig::min_lease,
               "the shortest time a client may ask for; default: a minute or 'lease'", kLeaseLimits)
          .row("max_lease", &ScopeConfig::max_lease, "the longest; default: 'lease'", kLeaseLimits)
          .row("authoritative", &ScopeConfig::authoritative,
               "refuse addresses that are wrong on this network; false where another DHCP "
               "server lives")
          .row("match", &ScopeConfig::match,
               "what makes two requests the same client: its client identifier, or only its MAC (one lease "
               "for PXE, installer and system)")
          .row("echo_client_id", &ScopeConfig::echo_client_id,
               "send option 61 back (RFC 6842); false for old devices that refuse it")
          .row("nul_terminate", &ScopeConfig::nul_terminate,
               "end option 67 with a NUL, for old PXE ROMs that read on behind it")
          .row("guard", &ScopeConfig::guard,
               "about other DHCP servers on the wire: refuse does not begin to serve while one answers, "
               "alert only says so")
          .row("per_port", &ScopeConfig::per_port,
               "the most addresses lent behind one port (relay and circuit, or the station frames come "
               "from), against "
               "starvation; 0: no limit",
               {.min = 0, .max = 65536})
          .row("overload", &ScopeConfig::overload,
               "use the boot fields for options that do not fit (option 52); old clients fail on it")
          .row("probe", &ScopeConfig::probe,
               "how long to ask the wire whether somebody uses an address (ARP) before it is offered, 200ms; "
               "it delays every new lease",
               {.min = 0, .max = 5})
          .row("quarantine", &ScopeConfig::quarantine, "how long an address rests that a client found in use",
               {.min = 1, .max = 604800})
          .row("options", &ScopeConfig::options,
               "what clients are told: routers, domain-name-servers, domain-name, domain-search, … or "
               "numbers; {type: uint16, value: 5} for options without a known type")
          .row("next_server", &ScopeConfig::next_server, "the boot server's address (siaddr)")
          .row("server_name", &ScopeConfig::server_name, "the boot server's name (sname)")
          .row("boot_file", &ScopeConfig::boot_file, "the boot file (file)")
          .row("classes", &ScopeConfig::classes,
               "kinds of clients and what they are told; the first that matches, by name, counts")
          .row("reservations", &ScopeConfig::reservations,
               "machines with a fixed address; the name is sent as host name (option 12)")
          .rule(check_scope);
  return table;
}

const Table<TsigConfig>& table_of(const TsigConfig*) {
  static const auto table =
      Table<TsigConfig>("key")
          .required("name", &TsigConfig::name, "the key's name, as the name server has it")
          .row("algorithm", &TsigConfig::algorithm, "hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1")
          .required("secret", &TsigConfig::secret, "the shared secret in base64, as tsig-keygen prints it")
          .rule([](const Value& at, TsigConfig& c) {
            if (auto key = TsigKey::make(c.name, c.algorithm, c.secret); !key)
              at.error(key.error().what, key.error().remedy);
          });
  return table;
}

const Table<DnsUpdateConfig>& table_of(const DnsUpdateConfig*) {
  static const auto table =
      Table<DnsUpdateConfig>("dns_update")
          .required("server", &DnsUpdateConfig::server, "the primary name server, 127.0.0.1:53")
          .required("forward", &DnsUpdateConfig::forward, "the zone that gets the A records of clients")
          .row("reverse", &DnsUpdateConfig::reverse,
               "the zones that get the PTR records, also those of RFC 2317; default: from the networks")
          .row("ttl", &DnsUpdateConfig::ttl, "time to live of the records", {.min = 0, .max = 86400})
          .row("key", &DnsUpdateConfig::key, "signs each update (TSIG, RFC 8945); default: unsigned");
  return table;
}

const Table<FailoverConfig>& table_of(const FailoverConfig*) {
  static const auto table =
      Table<FailoverConfig>("failover")
          .required("role", &FailoverConfig::role,
                    "primary answers while both are up; standby keeps the same leases and takes over")
          .required("partner", &FailoverConfig::partner,
                    "the other server; the primary connects to this port, the standby listens on its own, "
                    "10.0.0.3:647")
          .row("listen", &FailoverConfig::listen, "where the standby listens; default: 0.0.0.0:647")
          .required("secret", &FailoverConfig::secret,
                    "what both know and nobody else, 16 characters or more")
          .row("startup", &FailoverConfig::startup,
               "how long a server that was just started waits for the partner's leases in silence; then it "
               "confirms what "
               "runs, and lends nothing new before it has heard the partner",
               {.min = 0, .max = 600})
          .row("silence", &FailoverConfig::silence,
               "after how long without a word the partner counts as lost; no unanswered client is waited for",
               {.min = 1, .max = 600})
          .row("partner_down", &FailoverConfig::partner_down,
               "after how long a lost partner counts as down: until then each lends its own half of a pool "
               "only, lest both "
               "live and the wire between them be cut; 0: only when a person says so (lab-leases "
               "--partner-down), which is "
               "the one way that never gives an address twice",
               {.min = 0, .max = 86400})
          .row("reach", &FailoverConfig::reach,
               "the longest promise to a client that the partner does not know of (MCLT), and how long the "
               "partner's half "
               "rests once it is known to be down",
               {.min = 1, .max = 86400})
          .rule([](const Value& at, FailoverConfig& c) {
            constexpr std::size_t kShortest = 16;
            if (c.secret.size() < kShortest)
              complain(at, "secret", "the secret is too short", "openssl rand -base64 24 prints a good one");
            if (!c.partner.address.is_v4())
              complain(at, "partner", "an IPv4 address and a port, 10.0.0.3:647");
          });
  return table;
}

const Table<Config>& table_of(const Config*) {
  static const auto table =
      Table<Config>("dhcp.yaml")
          .required("leases", &Config::leases,
                    "the database of leases (SQLite); a relative path counts from this file's folder")
          .row("offer_hold", &Config::offer_hold,
               "how long an offered address waits for the client's request", {.min = 1, .max = 600})
          .row("lease_query", &Config::lease_query,
               "relays and switches that may ask who has a lease (RFC 4388), 10.2.0.1/32; default: nobody")
          .row("control", &Config::control,
               "the Unix socket that answers 'status', 'leases' and 'revoke ADDRESS'; default: none")
          .row("dns_update", &Config::dns_update, "register clients' names in DNS (RFC 2136)")
          .row("failover", &Config::failover, "another lab-dhcpd that shares these networks (hot standby)")
          .row("scopes", &Config::scopes, "one entry per IPv4 subnet")
          .row("leases6", &Config::leases6, "the database of DHCPv6 leases")
          .row("scopes6", &Config::scopes6, "one entry per IPv6 subnet; DHCPv6 is served where there is one")
          .rule(check_config);
  return table;
}

std::expected<Config, std::string> load_config(const std::string& path) {
  auto config = config::load_file<Config>(path);
  if (!config) return config;
  const auto folder = std::filesystem::path(path).parent_path();
  config->leases = (folder / config->leases).string();
  // Beside the other database, where only a file name is given.
  config->leases6 = (std::filesystem::path(config->leases).parent_path() / config->leases6).string();
  if (!config->control.empty()) config->control = (folder / config->control).string();
  return config;
}

std::string config_reference() {
  return table_of(static_cast<const Config*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const ScopeConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const ClassConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const ReservationConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const DnsUpdateConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const TsigConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const FailoverConfig*>(nullptr)).reference() + "\n" +
         v6::table_of(static_cast<const v6::ScopeConfig*>(nullptr)).reference() + "\n" +
         v6::table_of(static_cast<const v6::PrefixPoolConfig*>(nullptr)).reference() + "\n" +
         v6::table_of(static_cast<const v6::ReservationConfig*>(nullptr)).reference();
}

Settings settings_of(const Config& config) {
  Settings settings;
  settings.offer_hold = config.offer_hold;
  settings.lease_query = config.lease_query;
  if (config.dns_update) settings.dns_forward = config.dns_update->forward;
  for (const auto& [name, c] : config.scopes) {
    constexpr std::chrono::seconds kMinute(60);
    Scope scope{.name = name,
                .interface = c.shared_with.empty() ? c.interface : config.scopes.at(c.shared_with).interface,
                .shared_with = c.shared_with,
                .network = c.network,
                .server_id = {},
                .ranges = c.ranges,
                .excluded = c.exclude,
                .lease = c.lease,
                .min_lease = c.min_lease.value_or(std::min(kMinute, c.lease)),
                .max_lease = c.max_lease.value_or(c.lease),
                .authoritative = c.authoritative,
                .match = c.match,
                .echo_client_id = c.echo_client_id,
                .nul_terminate = c.nul_terminate,
                .guard = c.guard,
                .per_port = c.per_port,
                .overload = c.overload,
                .probe = c.probe,
                .quarantine = c.quarantine,
                .options = c.options,
                .next_server = c.next_server.value_or(IpAddress{}),
                .server_name = c.server_name,
                .boot_file = c.boot_file,
                .classes = {},
                .reservations = {}};
    complete_routes(scope.options);
    for (const auto& [kind, k] : c.classes)
      scope.classes.push_back({.name = kind,
                               .vendor_class = k.vendor_class,
                               .user_class = k.user_class,
                               .architectures = k.architectures,
                               .options = k.options,
                               .next_server = k.next_server,
                               .boot_file = k.boot_file});
    for (const auto& [host, r] : c.reservations) {
      Reservation reservation{.name = host,
                              .mac = r.mac,
                              .client_id = std::nullopt,
                              .circuit = std::nullopt,
                              .address = r.address,
                              .options = r.options};
      if (!r.client_id.empty())
        reservation.client_id = encode_option(OptionType::Hex, {r.client_id}).value_or(Bytes{});
      if (!r.circuit.empty())
        reservation.circuit =
            encode_option(r.circuit.starts_with("hex:") ? OptionType::Hex : OptionType::Text, {r.circuit})
                .value_or(Bytes{});
      scope.reservations.push_back(std::move(reservation));
    }
    settings.scopes.push_back(std::move(scope));
  }
  return settings;
}

}  // namespace lab::dhcp
