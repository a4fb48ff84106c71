/// config -- the configuration of lab-dnsd: one table row per key.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/config.hpp"
#include "dns/edns.hpp"
#include "dns/rate_limit.hpp"

namespace lab::dns {

/// Whether a zone is a list of zones (RFC 9432).
enum class CatalogRole { None, Produce, Consume };

}  // namespace lab::dns

template <>
struct lab::config::EnumNames<lab::dns::CatalogRole> {
  static constexpr std::pair<const char*, lab::dns::CatalogRole> names[] = {
      {"no", lab::dns::CatalogRole::None},
      {"produce", lab::dns::CatalogRole::Produce},
      {"consume", lab::dns::CatalogRole::Consume}};
};

namespace lab::dns {

/// Who may: by address, or by the key that signs (RFC 8945); either is enough.
struct Permission {
  std::vector<Network> networks;
  std::vector<std::string> keys;
  bool tls = false;  ///< and over TLS alone
};

/// How a secondary makes sure, over TLS, that it speaks with its primary.
struct PrimaryTls {
  std::string name;  ///< in its certificate; empty: any certificate is good
  std::string ca;    ///< file
};

struct KeyConfig {
  std::string algorithm = "hmac-sha256";
  std::string secret;
};

struct ZoneConfig {
  std::string file;
  Permission transfer;
  std::vector<Endpoint> notify;
  std::vector<Endpoint> primaries;
  std::optional<PrimaryTls> primaries_tls;
  std::string key;
  bool dnssec = false;
  std::string dnssec_key;
  bool nsec3 = false;
  bool zonemd = false;
  CatalogRole catalog = CatalogRole::None;
  std::string member_of;
  std::string listed_in;  ///< not in the file: the catalog this secondary zone comes from
  bool secondary() const { return !primaries.empty(); }
};

struct UpdateConfig {
  std::vector<Network> networks;
  std::vector<std::string> keys;
  bool protect_zone_files = false;
};

/// Limits of DNS over TCP (RFC 7766 6.2), so that no client can take the server from the others.
struct TcpConfig {
  std::chrono::milliseconds idle{10000};
  unsigned connections = 500;
  unsigned connections_per_client = 100;
};

/// What TLS and HTTPS identify this server with.
struct TlsConfig {
  std::string certificate, key;
};

/// Recursion for the lab's clients.
struct RecursionConfig {
  std::vector<Network> networks;
  std::vector<Endpoint> root;
  std::vector<Endpoint> forwarders;
  std::map<std::string, std::vector<Endpoint>> stubs;
  std::vector<std::string> blocklist;
  std::string trust_anchors;
  bool operator==(const RecursionConfig&) const = default;
};

/// What is seen at addresses of their own: these zones and nothing else, as if it were another server.
struct ViewConfig {
  std::vector<Endpoint> listen;
  std::vector<std::string> zones;
  bool operator==(const ViewConfig&) const = default;
};

struct Config {
  std::vector<Endpoint> listen;
  unsigned threads = 1;
  std::uint16_t udp_size = 1232;
  std::string nsid;
  std::map<std::string, ZoneConfig> zones;
  std::map<std::string, ViewConfig> views;
  std::map<std::string, KeyConfig> keys;
  std::optional<UpdateConfig> update;
  std::string journal;
  std::optional<RecursionConfig> recursion;
  TcpConfig tcp;
  std::vector<Endpoint> listen_tls, listen_https;
  std::string https_path = "/dns-query";
  std::optional<TlsConfig> tls;
  std::optional<RateLimits> rate_limit;
  std::string cookie_secret;
  std::string control;

  /// The addresses of the server and of its views.
  std::vector<Endpoint> addresses() const;
};

const config::Table<Permission>& permission_table();
const config::Table<PrimaryTls>& primary_tls_table();
const config::Table<KeyConfig>& key_table();
const config::Table<ZoneConfig>& zone_table();
const config::Table<UpdateConfig>& update_table();
const config::Table<ViewConfig>& view_table();
const config::Table<TcpConfig>& tcp_table();
const config::Table<TlsConfig>& tls_table();
const config::Table<RateLimits>& rate_limit_table();
const config::Table<RecursionConfig>& recursion_table();
const config::Table<Config>& config_table();
inline const auto& table_of(const Permission*) { return permission_table(); }
inline const auto& table_of(const PrimaryTls*) { return primary_tls_table(); }
inline const auto& table_of(const KeyConfig*) { return key_table(); }
inline const auto& table_of(const ZoneConfig*) { return zone_table(); }
inline const auto& table_of(const UpdateConfig*) { return update_table(); }
inline const auto& table_of(const ViewConfig*) { return view_table(); }
inline const auto& table_of(const TcpConfig*) { return tcp_table(); }
inline const auto& table_of(const TlsConfig*) { return tls_table(); }
inline const auto& table_of(const RateLimits*) { return rate_limit_table(); }
inline const auto& table_of(const RecursionConfig*) { return recursion_table(); }
inline const auto& table_of(const Config*) { return config_table(); }

/// Puts back in `next` what only a start can change: addresses are bound while the server still may, and
/// files are where they are. Returns the keys that differed.
std::vector<std::string> keep_fixed(const Config& running, Config& next);
/// Sixteen bytes in hexadecimal digits; nullopt for anything else.
std::optional<Cookies::Secret> parse_secret(const std::string& text);
/// The file's value with paths made absolute, or every mistake rendered. Zone files are not read here.
std::expected<Config, std::string> load_config(const std::string& path);
/// The text of --help-config.
std::string config_reference();

}  // namespace lab::dns
