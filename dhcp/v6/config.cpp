#include "dhcp/v6/config.hpp"

#include <algorithm>

#include "dhcp/host_name.hpp"
#include "dhcp/option_reader.hpp"
#include "dhcp/option_types.hpp"
#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/message.hpp"

namespace lab::dhcp::v6 {

namespace {

using config::Table;
using yaml::Value;

constexpr config::Limits kTimeLimits{.min = 10, .max = 0xFFFFFFFFLL};

/// Reports at the key's value where the key is there, else at the map.
void complain(const Value& at, const char* key, std::string what, std::string remedy = {}) {
  const auto map = at.map("");
  const auto found = map.find(key);
  (found ? *found : at).error(std::move(what), std::move(remedy));
}

void check_ranges(const Value& at, const char* key, const ScopeConfig& scope,
                  const std::vector<AddressRange>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (!scope.network.contains(ranges[i].first) || !scope.network.contains(ranges[i].last))
      complain(at, key, ranges[i].text() + " is not inside " + scope.network.text());
    // RFC 4291 2.6.1: the subnet's first address means "any router here".
    else if (ranges[i].contains(scope.network.address()))
      complain(at, key, ranges[i].text() + " includes the subnet-router anycast address",
               "begin with " + scope.network.address().plus(1).text());
    for (std::size_t j = 0; j < i; ++j)
      if (ranges[i].contains(ranges[j].first) || ranges[j].contains(ranges[i].first))
        complain(at, key, ranges[i].text() + " and " + ranges[j].text() + " overlap");
  }
}

void check_reservations(const Value& at, const ScopeConfig& scope) {
  std::map<IpAddress, std::string> owners;
  for (const auto& [name, r] : scope.reservations) {
    if (r.address && !scope.network.contains(*r.address))
      complain(at, "reservations",
               name + ": " + r.address->text() + " is not inside " + scope.network.text());
    if (host_label(name) != name)
      complain(at, "reservations", "'" + name + "' is no host name", "letters, digits and hyphens");
    for (const auto& taken : {r.address, r.prefix ? std::optional(r.prefix->address()) : std::nullopt})
      if (taken)
        if (auto [other, fresh] = owners.emplace(*taken, name); !fresh)
          complain(at, "reservations",
                   taken->text() + " is reserved for both " + other->second + " and " + name);
  }
}

void check_scope(const Value& at, ScopeConfig& scope) {
  if (scope.network.address().is_v4())
    return complain(at, "network", "a scope of scopes6 has an IPv6 network", "such as fd00:56::/64");
  check_ranges(at, "ranges", scope, scope.ranges);
  check_ranges(at, "exclude", scope, scope.exclude);
  for (const auto& p : scope.prefixes)
    if (p.pool.overlaps(scope.network))
      complain(at, "prefixes", p.pool.text() + " overlaps " + scope.network.text() + ", the network itself",
               "delegate prefixes of a range of their own, such as fd00:100::/48");
  if (scope.preferred && *scope.preferred > scope.lease)
    complain(at, "preferred", "preferred is longer than lease",
             "an address is valid at least as long (RFC 8415 21.6)");
  const auto rebind = scope.rebind.value_or(scope.lease), renew = scope.renew.value_or(rebind);
  if (renew > rebind || rebind > scope.lease)
    complain(at, "renew", "renew, rebind and lease must come in that order",
             "a client renews before it rebinds");
  check_reservations(at, scope);
}

Bytes hex(const std::string& text) { return encode_option(OptionType::Hex, {text}).value_or(Bytes{}); }

}  // namespace

const Table<ReservationConfig>& table_of(const ReservationConfig*) {
  static const auto table =
      Table<ReservationConfig>("reservation6")
          .row("mac", &ReservationConfig::mac,
               "the machine's hardware address, as its relay, its link-local address or its DUID tells it")
          .row("duid", &ReservationConfig::duid, "its DUID in hex, 00:03:00:01:02:4c:61:00:00:05")
          .row("address", &ReservationConfig::address, "the address it always gets")
          .row("prefix", &ReservationConfig::prefix, "the prefix it is delegated, fd00:100:1::/56")
          .row("options", &ReservationConfig::options, "options for this machine, over those of the scope")
          .rule([](const Value& at, ReservationConfig& r) {
            if (!r.mac && r.duid.empty()) at.error("a reservation needs 'mac' or 'duid'");
            if (!r.address && !r.prefix) at.error("a reservation needs 'address' or 'prefix'");
            if (r.address && r.address->is_v4()) complain(at, "address", "an IPv4 address in scopes6");
            if (r.prefix && r.prefix->address().is_v4()) complain(at, "prefix", "an IPv4 prefix in scopes6");
            if (!r.duid.empty())
              if (const auto bytes = hex(r.duid); bytes.size() < 3 || bytes.size() > kMessageLimits.duid)
                complain(at, "duid", "not a DUID", "bytes such as 00:03:00:01:02:4c:61:00:00:05");
          });
  return table;
}

const Table<PrefixPoolConfig>& table_of(const PrefixPoolConfig*) {
  static const auto table =
      Table<PrefixPoolConfig>("prefixes")
          .required("pool", &PrefixPoolConfig::pool, "the range prefixes are cut from, fd00:100::/48")
          .row("length", &PrefixPoolConfig::length, "bits of each prefix", {.min = 1, .max = 128})
          .rule([](const Value& at, PrefixPoolConfig& p) {
            if (p.pool.address().is_v4()) return complain(at, "pool", "an IPv4 network in scopes6");
            if (p.length <= p.pool.prefix())
              complain(
                  at, "length",
                  "a prefix of " + std::to_string(p.length) + " bits cannot be cut from " + p.pool.text(),
                  "more bits than the pool's");
          });
  return table;
}

const Table<ScopeConfig>& table_of(const ScopeConfig*) {
  static const auto table =
      Table<ScopeConfig>("scope6")
          .row("interface", &ScopeConfig::interface,
               "where its clients are; without it, only relays reach the scope")
          .required("network", &ScopeConfig::network, "the subnet served, fd00:56::/64")
          .row("ranges", &ScopeConfig::ranges,
               "addresses to lend, [fd00:56::1:0-fd00:56::1:ffff]; without any, clients only ask about the "
               "network (stateless)")
          .row("exclude", &ScopeConfig::exclude, "addresses inside the ranges that are not lent")
          .row("prefixes", &ScopeConfig::prefixes,
               "prefixes to delegate to routers, [{pool: fd00:100::/48, length: 56}]")
          .row("lease", &ScopeConfig::lease, "how long an address is valid", kTimeLimits)
          .row("preferred", &ScopeConfig::preferred,
               "how long it is used for new connections; default: as long as it is valid, since some clients "
               "(Windows 11) do not renew in time",
               kTimeLimits)
          .row("renew", &ScopeConfig::renew, "when clients ask us again (T1); default: half of preferred",
               kTimeLimits)
          .row("rebind", &ScopeConfig::rebind,
               "when they ask any server (T2); default: four fifths of preferred", kTimeLimits)
          .row("rapid_commit", &ScopeConfig::rapid_commit,
               "lease with two messages instead of four to clients that wish it; false where another server "
               "lives")
          .row("preference", &ScopeConfig::preference,
               "0 to 255; clients take the server with the highest, and 255 without waiting for others")
          .row("authoritative", &ScopeConfig::authoritative,
               "answer a client that rebinds what we never lent; false where another server lives")
          .row("quarantine", &ScopeConfig::quarantine, "how long an address rests that a client found in use",
               {.min = 1, .max = 604800})
          .row("options", &ScopeConfig::options,
               "what clients are told: dns-servers, domain-search, ntp-server, bootfile-url, … or numbers")
          .row("reservations", &ScopeConfig::reservations, "machines with a fixed address or prefix")
          .rule(check_scope);
  return table;
}

std::vector<Scope> scopes_of(const std::map<std::string, ScopeConfig>& configs) {
  std::vector<Scope> scopes;
  for (const auto& [name, c] : configs) {
    const auto preferred = c.preferred.value_or(c.lease);
    const bool forever = preferred.count() == kForever;
    const auto rebind = c.rebind.value_or(forever ? preferred : preferred * 4 / 5);
    Scope scope{.name = name,
                .interface = c.interface,
                .network = c.network,
                .own = {},
                .ranges = c.ranges,
                .excluded = c.exclude,
                .prefixes = {},
                .valid = c.lease,
                .preferred = preferred,
                .renew = c.renew.value_or(forever ? preferred : std::min(preferred / 2, rebind)),
                .rebind = std::max(rebind, c.renew.value_or(std::chrono::seconds(0))),
                .rapid_commit = c.rapid_commit,
                .preference = c.preference,
                .authoritative = c.authoritative,
                .quarantine = c.quarantine,
                .options = c.options,
                .reservations = {}};
    for (const auto& p : c.prefixes) scope.prefixes.push_back({p.pool, p.length});
    for (const auto& [host, r] : c.reservations) {
      Reservation reservation{.name = host,
                              .mac = r.mac,
                              .duid = {},
                              .address = r.address,
                              .prefix = r.prefix,
                              .options = r.options};
      if (!r.duid.empty()) reservation.duid = hex(r.duid);
      scope.reservations.push_back(std::move(reservation));
    }
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

}  // namespace lab::dhcp::v6
