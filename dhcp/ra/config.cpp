#include "dhcp/ra/config.hpp"

#include <algorithm>

#include "dhcp/domain_list.hpp"

namespace lab::config {

template <>
struct EnumNames<dhcp::ra::Preference> {
  static constexpr std::pair<const char*, dhcp::ra::Preference> names[] = {
      {"low", dhcp::ra::Preference::Low},
      {"medium", dhcp::ra::Preference::Medium},
      {"high", dhcp::ra::Preference::High}};
};

}  // namespace lab::config

namespace lab::dhcp::ra {

namespace {

using config::Table;
using yaml::Value;

constexpr config::Limits kLifetime{.min = 0, .max = 0xFFFFFFFFLL};

/// Reports at the key's value where the key is there, else at the map.
void complain(const Value& at, const char* key, std::string what, std::string remedy = {}) {
  const auto map = at.map("");
  const auto found = map.find(key);
  (found ? *found : at).error(std::move(what), std::move(remedy));
}

std::uint32_t seconds(std::chrono::seconds time) { return static_cast<std::uint32_t>(time.count()); }

}  // namespace

const Table<PrefixConfig>& table_of(const PrefixConfig*) {
  static const auto table =
      Table<PrefixConfig>("prefix")
          .required("prefix", &PrefixConfig::prefix, "the prefix of the wire, fd00:56::/64")
          .row("on_link", &PrefixConfig::on_link, "its addresses are reached without a router")
          .row("autonomous", &PrefixConfig::autonomous,
               "hosts make themselves addresses in it (RFC 4862); false where DHCPv6 lends them")
          .row("valid", &PrefixConfig::valid, "how long that holds", kLifetime)
          .row("preferred", &PrefixConfig::preferred,
               "how long addresses made so are used for new connections", kLifetime)
          .rule([](const Value& at, PrefixConfig& p) {
            if (p.prefix.address().is_v4()) complain(at, "prefix", "an IPv4 network", "such as fd00:56::/64");
            if (p.preferred > p.valid) complain(at, "preferred", "preferred is longer than valid");
            if (p.autonomous && p.prefix.prefix() != 64)
              complain(at, "prefix", "hosts make addresses in a /64 only (RFC 4862 5.5.3)",
                       "or autonomous: false");
          });
  return table;
}

const Table<RouteConfig>& table_of(const RouteConfig*) {
  static const auto table =
      Table<RouteConfig>("route")
          .required("to", &RouteConfig::to, "the network beyond this router")
          .row("lifetime", &RouteConfig::lifetime, "how long that holds", kLifetime)
          .row("preference", &RouteConfig::preference, "over the same route by another router (RFC 4191)")
          .rule([](const Value& at, RouteConfig& r) {
            if (r.to.address().is_v4()) complain(at, "to", "an IPv4 network");
          });
  return table;
}

const Table<InterfaceConfig>& table_of(const InterfaceConfig*) {
  static const auto table =
      Table<InterfaceConfig>("interface")
          .row("managed", &InterfaceConfig::managed, "addresses come by DHCPv6 (flag M)")
          .row("other", &InterfaceConfig::other, "name servers and the like come by DHCPv6 (flag O)")
          .row("lifetime", &InterfaceConfig::lifetime,
               "how long hosts use this router by default; 0: it is no default router",
               {.min = 0, .max = 9000})
          .row("preference", &InterfaceConfig::preference, "over other default routers (RFC 4191)")
          .row("interval", &InterfaceConfig::interval,
               "the longest time between two advertisements nobody asked for", {.min = 4, .max = 1800})
          .row("answer_delay", &InterfaceConfig::answer_delay,
               "the longest time an answer is held back so that two routers do not collide",
               {.min = 0, .max = 5})
          .row("hop_limit", &InterfaceConfig::hop_limit, "what hosts give their packets",
               {.min = 0, .max = 255})
          .row("mtu", &InterfaceConfig::mtu, "the largest packet of the wire", {.min = 1280, .max = 65535})
          .row("prefixes", &InterfaceConfig::prefixes, "prefixes of the wire")
          .row("routes", &InterfaceConfig::routes,
               "networks beyond this router, also without a default route")
          .row("dns_servers", &InterfaceConfig::dns_servers, "name servers (RDNSS, RFC 8106)")
          .row("dns_search", &InterfaceConfig::dns_search, "search list (DNSSL, RFC 8106)")
          .rule([](const Value& at, InterfaceConfig& c) {
            for (const auto& server : c.dns_servers)
              if (server.is_v4()) complain(at, "dns_servers", server.text() + " is an IPv4 address");
            for (const auto& name : c.dns_search)
              if (auto wire = name_to_wire(name); !wire) complain(at, "dns_search", wire.error().what);
            // RFC 4861 6.2.1: a router that is used less long than it is silent is forgotten in between.
            if (c.lifetime.count() != 0 && c.lifetime < c.interval)
              complain(at, "lifetime", "lifetime is shorter than the interval between advertisements",
                       "hosts would lose their router in between; make it three times the interval");
          });
  return table;
}

const Table<Config>& table_of(const Config*) {
  static const auto table =
      Table<Config>("ra.yaml")
          .required("interfaces", &Config::interfaces, "what is said on each wire, by interface")
          .rule([](const Value& at, Config& c) {
            if (c.interfaces.empty()) at.error("no interfaces", "add 'interfaces: {eth0: {…}}'");
          });
  return table;
}

std::expected<Config, std::string> load_config(const std::string& path) {
  return config::load_file<Config>(path);
}

std::string config_reference() {
  return table_of(static_cast<const Config*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const InterfaceConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const PrefixConfig*>(nullptr)).reference() + "\n" +
         table_of(static_cast<const RouteConfig*>(nullptr)).reference();
}

Advertisement advertisement_of(const InterfaceConfig& c) {
  Advertisement a;
  a.hop_limit = static_cast<std::uint8_t>(c.hop_limit);
  a.managed = c.managed;
  a.other = c.other;
  a.preference = c.lifetime.count() == 0 ? Preference::Medium : c.preference;  // RFC 4191 2.2
  a.lifetime = static_cast<std::uint16_t>(c.lifetime.count());
  a.mtu = c.mtu;
  for (const auto& p : c.prefixes)
    a.prefixes.push_back({p.prefix, p.on_link, p.autonomous, seconds(p.valid), seconds(p.preferred)});
  for (const auto& r : c.routes) a.routes.push_back({r.to, r.preference, seconds(r.lifetime)});
  // RFC 8106 5.1: three intervals, so that a lost advertisement loses no name server.
  a.name_servers = c.dns_servers;
  a.search = c.dns_search;
  a.name_servers_lifetime = a.search_lifetime = seconds(3 * c.interval);
  return a;
}

Intervals intervals_of(const InterfaceConfig& c) {
  // RFC 4861 6.2.1: MinRtrAdvInterval is a third of the longest.
  return {.most = c.interval,
          .least = std::max(c.interval / 3, std::chrono::seconds(3)),
          .answer_delay = c.answer_delay};
}

}  // namespace lab::dhcp::ra
