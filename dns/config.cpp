#include "dns/config.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "dns/name.hpp"
#include "dns/tsig.hpp"

namespace lab::dns {
namespace {

std::vector<std::string> stub_names(const RecursionConfig& recursion) {
  std::vector<std::string> names;
  for (const auto& [name, servers] : recursion.stubs) names.push_back(name);
  return names;
}

}  // namespace

const config::Table<Permission>& permission_table() {
  static const auto table =
      config::Table<Permission>("permission")
          .row("networks", &Permission::networks, "who may, by address")
          .row("keys", &Permission::keys, "who may, by the key that signs the message (TSIG, RFC 8945)")
          .row("tls", &Permission::tls,
               "and over TLS alone (RFC 9103): who listens on the way learns nothing of the zone");
  return table;
}

const config::Table<PrimaryTls>& primary_tls_table() {
  static const auto table =
      config::Table<PrimaryTls>("primaries_tls")
          .row(
              "name", &PrimaryTls::name,
              "the name in the primaries' certificate; left out, the transfer is encrypted, but nobody knows "
              "by whom")
          .row("ca", &PrimaryTls::ca, "PEM file with the CA that vouches for it, relative to this file")
          .rule([](const yaml::Value& at, PrimaryTls& tls) {
            if (tls.name.empty() != tls.ca.empty())
              at.error("'name' and 'ca' go together", "who vouches for whom?");
          });
  return table;
}

const config::Table<KeyConfig>& key_table() {
  static const auto table =
      config::Table<KeyConfig>("key")
          .row("algorithm", &KeyConfig::algorithm,
               "hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1")
          .required("secret", &KeyConfig::secret, "the shared secret in base64, as tsig-keygen prints it");
  return table;
}

const config::Table<ZoneConfig>& zone_table() {
  static const auto table =
      config::Table<ZoneConfig>("zone")
          .row("file", &ZoneConfig::file,
               "zone file in master file format (RFC 1035 5), relative to this file")
          .row("transfer", &ZoneConfig::transfer,
               "who may fetch the whole zone (AXFR, RFC 5936) and its changes (IXFR, RFC 1995); left out, "
               "nobody")
          .row("notify", &ZoneConfig::notify,
               "secondaries that are told of each change (RFC 1996), address:port")
          .row("primaries", &ZoneConfig::primaries,
               "makes this server a secondary: fetch the zone from these, address:port, in this order")
          .row("primaries_tls", &ZoneConfig::primaries_tls,
               "fetch it over TLS (RFC 9103): 'primaries' then are addresses of TLS, port 853 as a rule")
          .row("key", &ZoneConfig::key, "the key with which transfers are asked for and notifies are signed")
          .row("dnssec", &ZoneConfig::dnssec,
               "sign the zone (ECDSA P-256); its key and its DS record are kept in the journal folder")
          .row("dnssec_key", &ZoneConfig::dnssec_key,
               "the private key to sign with, as dnssec-keygen writes it; left out, one is made and kept")
          .row(
              "nsec3", &ZoneConfig::nsec3,
              "prove what is not there by hashes of the names (NSEC3, RFC 5155), not by the names themselves")
          .row("zonemd", &ZoneConfig::zonemd,
               "put a digest over the whole zone into it (ZONEMD, RFC 8976); of a secondary: take no copy "
               "without a good one. A wrong digest is refused in any case")
          .row("catalog", &ZoneConfig::catalog,
               "a catalog zone (RFC 9432). produce: it lists the zones with 'member_of' it; consume: every "
               "zone "
               "that its primaries list in it is copied from them, too")
          .row("member_of", &ZoneConfig::member_of, "the catalog zone of this server that lists the zone")
          .rule([](const yaml::Value& at, ZoneConfig& zone) {
            if (zone.dnssec && zone.secondary())
              at.error("a secondary serves what its primary has signed", "leave 'dnssec' out");
            if (!zone.dnssec && (!zone.dnssec_key.empty() || zone.nsec3))
              at.error("'dnssec_key' and 'nsec3' are of no use without 'dnssec: true'");
            if (zone.catalog == CatalogRole::Produce) {
              if (!zone.file.empty() || !zone.primaries.empty() || zone.dnssec)
                at.error("a catalog that is made here has neither 'file' nor 'primaries' nor 'dnssec'");
            } else if (zone.file.empty() == zone.primaries.empty()) {
              at.error("a zone has either a 'file' or 'primaries'");
            }
            if (zone.primaries_tls && !zone.secondary())
              at.error("'primaries_tls' is of no use without 'primaries'");
            if (zone.catalog == CatalogRole::Consume && !zone.secondary())
              at.error("a catalog to follow needs 'primaries'", "whose catalog is it?");
          });
  return table;
}

const config::Table<UpdateConfig>& update_table() {
  static const auto table =
      config::Table<UpdateConfig>("update")
          .row("networks", &UpdateConfig::networks, "who may send dynamic updates (RFC 2136), by address")
          .row("keys", &UpdateConfig::keys, "who may, by the key that signs the update (TSIG, RFC 8945)")
          .row("protect_zone_files", &UpdateConfig::protect_zone_files,
               "records written in a zone file survive every update: only what updates added can be removed "
               "by them");
  return table;
}

const config::Table<ViewConfig>& view_table() {
  static const auto table =
      config::Table<ViewConfig>("view")
          .required("listen", &ViewConfig::listen, "addresses with port, besides those of 'listen'")
          .required("zones", &ViewConfig::zones,
                    "the zones seen there, by name, and there only; nothing is resolved for anybody");
  return table;
}

const config::Table<TcpConfig>& tcp_table() {
  static const auto table =
      config::Table<TcpConfig>("tcp")
          .row("idle", &TcpConfig::idle,
               "a connection that asks nothing for so long is closed (RFC 7766 6.2.3)",
               {.min = 1, .max = 3600})
          .row("connections", &TcpConfig::connections, "open at a time, in all", {.min = 1, .max = 60000})
          .row("connections_per_client", &TcpConfig::connections_per_client,
               "open at a time from one address", {.min = 1, .max = 60000});
  return table;
}

const config::Table<TlsConfig>& tls_table() {
  static const auto table = config::Table<TlsConfig>("tls")
                                .required("certificate", &TlsConfig::certificate,
                                          "PEM, the server's own first, relative to this file")
                                .required("key", &TlsConfig::key, "its private key, PEM");
  return table;
}

const config::Table<RateLimits>& rate_limit_table() {
  static const auto table =
      config::Table<RateLimits>("rate limit")
          .row("responses", &RateLimits::responses,
               "a second: how often one network gets the same answer over UDP; 0: as often as it asks",
               {.min = 0, .max = 1000000})
          .row("nxdomains", &RateLimits::nxdomains,
               "a second: how often one network is told that a name of one zone does not exist",
               {.min = 0, .max = 1000000})
          .row("errors", &RateLimits::errors, "a second: how many REFUSED and the like one network gets",
               {.min = 0, .max = 1000000})
          .row("slip", &RateLimits::slip,
               "of the answers over the limit, one in so many is sent as 'ask again over TCP' (TC), for true "
               "clients; 0: none, 1: all",
               {.min = 0, .max = 100})
          .row("burst", &RateLimits::burst, "so many seconds' worth may come at once after a silence",
               {.min = 1, .max = 60})
          .row("ipv4_prefix", &RateLimits::ipv4_prefix,
               "addresses that have so many bits in common are one network", {.min = 1, .max = 32})
          .row("ipv6_prefix", &RateLimits::ipv6_prefix, "the same for IPv6", {.min = 1, .max = 64})
          .row("exempt", &RateLimits::exempt, "networks without limits");
  return table;
}

const config::Table<RecursionConfig>& recursion_table() {
  static const auto table =
      config::Table<RecursionConfig>("recursion")
          .required("networks", &RecursionConfig::networks,
                    "whose questions about other zones are answered; nobody else's")
          .row("root", &RecursionConfig::root,
               "the lab's root servers, address:port; without them and without forwarders, the internet's")
          .row("forwarders", &RecursionConfig::forwarders,
               "resolvers that are asked instead of walking down from the root")
          .row("stubs", &RecursionConfig::stubs,
               "servers of single zones, asked without walking down to them: zone to list of address:port")
          .row("blocklist", &RecursionConfig::blocklist,
               "names that do not exist for our clients, nor anything below them")
          .row("trust_anchors", &RecursionConfig::trust_anchors,
               "file with DS or DNSKEY records of the root: answers are validated (RFC 4035), bogus ones are "
               "SERVFAIL");
  return table;
}

const config::Table<Config>& config_table() {
  static const auto table =
      config::Table<Config>("dns")
          .required("listen", &Config::listen, "addresses with port; UDP and TCP both")
          .row("threads", &Config::threads, "UDP threads per address, spread by the kernel (SO_REUSEPORT)",
               {.min = 1, .max = 64})
          .row("udp_size", &Config::udp_size,
               "largest UDP answer in bytes, and what is announced by EDNS (RFC 6891)",
               {.min = 512, .max = 4096})
          .row("nsid", &Config::nsid, "the name of this server, told to those who ask (RFC 5001, dig +nsid)")
          .row("zones", &Config::zones, "the zones served, by name")
          .row("views", &Config::views,
               "zones that are seen at addresses of their own only, as if they were on another server")
          .row("keys", &Config::keys,
               "shared secrets by name, for signed transfers and updates (TSIG, RFC 8945)")
          .row("update", &Config::update, "dynamic update (RFC 2136); left out, nobody may change a zone")
          .row("journal", &Config::journal, "folder in which updates are made durable; needed by `update`")
          .row("recursion", &Config::recursion,
               "resolve names of other zones for clients; left out, no recursion")
          .row("tcp", &Config::tcp, "limits of DNS over TCP, TLS and HTTPS")
          .row("listen_tls", &Config::listen_tls, "DNS over TLS (RFC 7858), address:853; needs 'tls'")
          .row("listen_https", &Config::listen_https,
               "DNS over HTTPS (RFC 8484, HTTP/2), address:443; needs 'tls'")
          .row("https_path", &Config::https_path, "the path of DNS over HTTPS")
          .row("tls", &Config::tls, "the certificate for TLS and HTTPS, read again by a reload")
          .row("rate_limit", &Config::rate_limit,
               "response rate limiting over UDP, against floods from forged addresses; left out, none")
          .row("cookie_secret", &Config::cookie_secret,
               "32 hexadecimal digits, the same on all servers behind one address (RFC 9018); left out, "
               "another one at each start")
          .row("control", &Config::control, "the Unix socket on which lab-dnsctl asks")
          .rule([](const yaml::Value& at, Config& c) {
            for (const auto& [name, zone] : c.zones)
              if (auto parsed = Name::parse(name); !parsed) at.error(parsed.error().what);
            const auto known = [&](const std::string& key) {
              if (!c.keys.contains(key)) at.error("there is no key '" + key + "'", "define it under 'keys'");
            };
            for (const auto& [name, key] : c.keys)
              if (auto made = TsigKey::make(name, key.algorithm, key.secret); !made)
                at.error(made.error().what, made.error().remedy);
            for (const auto& [name, zone] : c.zones) {
              if (!zone.key.empty()) known(zone.key);
              if (zone.dnssec && zone.dnssec_key.empty() && c.journal.empty())
                at.error("'dnssec' needs 'journal'", "name a folder where the keys are kept");
              for (const auto& key : zone.transfer.keys) known(key);
              if (zone.secondary() && c.journal.empty())
                at.error("a secondary zone needs 'journal'", "name a folder where its copy is kept");
            }
            if (c.update)
              for (const auto& key : c.update->keys) known(key);
            if (!(c.listen_tls.empty() && c.listen_https.empty()) && !c.tls)
              at.error("'listen_tls' and 'listen_https' need a certificate", "name it under 'tls'");
            if (!c.https_path.starts_with('/')) at.error("'https_path' begins with a slash");
            if (!c.cookie_secret.empty() && !parse_secret(c.cookie_secret))
              at.error("'cookie_secret' has 32 hexadecimal digits", "openssl rand -hex 16 makes one");
            for (const auto& [name, zone] : c.zones) {
              const auto catalog = c.zones.find(zone.member_of);
              if (!zone.member_of.empty() &&
                  (catalog == c.zones.end() || catalog->second.catalog != CatalogRole::Produce))
                at.error(fmt::format("'{}' is member of '{}', which is no catalog made here", name,
                                     zone.member_of),
                         "define it under 'zones' with catalog: produce");
            }
            std::set<std::string> seen;
            for (const auto& [view_name, view] : c.views)
              for (const auto& name : view.zones) {
                if (!c.zones.contains(name))
                  at.error(fmt::format("view '{}' shows '{}', which is none of the zones", view_name, name),
                           "define it under 'zones'");
                if (!seen.insert(name).second)
                  at.error(fmt::format("'{}' is in two views", name), "a zone is seen in one of them");
              }
            if (c.recursion)
              for (const auto& names : {stub_names(*c.recursion), c.recursion->blocklist})
                for (const auto& name : names)
                  if (auto parsed = Name::parse(name); !parsed) at.error(parsed.error().what);
            if (c.update && c.journal.empty())
              at.error("'update' needs 'journal'", "name a folder where updates are made durable");
          });
  return table;
}

std::vector<std::string> keep_fixed(const Config& running, Config& next) {
  std::vector<std::string> keys;
  const auto keep = [&](const char* key, auto member) {
    if (next.*member == running.*member) return;
    next.*member = running.*member;
    keys.emplace_back(key);
  };
  keep("listen", &Config::listen);
  keep("listen_tls", &Config::listen_tls);
  keep("listen_https", &Config::listen_https);
  keep("views", &Config::views);
  keep("threads", &Config::threads);
  keep("journal", &Config::journal);
  keep("control", &Config::control);
  return keys;
}

std::optional<Cookies::Secret> parse_secret(const std::string& text) {
  Cookies::Secret secret;
  if (text.size() != 2 * secret.size()) return std::nullopt;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const char* const at = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, secret[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
  }
  return secret;
}

std::vector<Endpoint> Config::addresses() const {
  std::vector<Endpoint> all = listen;
  for (const auto& [name, view] : views) all.insert(all.end(), view.listen.begin(), view.listen.end());
  return all;
}

std::expected<Config, std::string> load_config(const std::string& path) {
  auto loaded = config::load_file<Config>(path);
  if (!loaded) return loaded;
  const auto folder = std::filesystem::path(path).parent_path();
  auto absolute = [&](std::string& p) {
    if (!p.empty()) p = (folder / p).lexically_normal().string();
  };
  for (auto& [name, zone] : loaded->zones) {
    absolute(zone.file);
    absolute(zone.dnssec_key);
    if (zone.primaries_tls) absolute(zone.primaries_tls->ca);
  }
  absolute(loaded->journal);
  absolute(loaded->control);
  if (loaded->tls) {
    absolute(loaded->tls->certificate);
    absolute(loaded->tls->key);
  }
  if (loaded->recursion) absolute(loaded->recursion->trust_anchors);
  return loaded;
}

std::string config_reference() {
  return config_table().reference() + "\n" + zone_table().reference() + "\n" +
         permission_table().reference() + "\n" + primary_tls_table().reference() + "\n" +
         key_table().reference() + "\n" + update_table().reference() + "\n" + view_table().reference() +
         "\n" + recursion_table().reference() + "\n" + tcp_table().reference() + "\n" +
         tls_table().reference() + "\n" + rate_limit_table().reference();
}

}  // namespace lab::dns
