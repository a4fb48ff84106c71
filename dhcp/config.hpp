/// config -- dhcp.yaml: one table per kind of thing, read into what a person wrote; then into the Settings
/// the server core works with. Every mistake of the file is reported at once, with its place.
#pragma once
#include <chrono>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/partnership.hpp"
#include "dhcp/settings.hpp"
#include "dhcp/v6/config.hpp"

namespace lab::dhcp {

struct ReservationConfig {
  std::optional<MacAddress> mac;
  std::string client_id;  ///< hex
  std::string circuit;    ///< text, or hex:…
  IpAddress address;
  Options options;
};

struct ClassConfig {
  std::string vendor_class, user_class;
  std::vector<std::uint16_t> architectures;
  Options options;
  std::optional<IpAddress> next_server;
  std::string boot_file;
};

struct ScopeConfig {
  std::string interface, shared_with;
  Network network;
  std::vector<AddressRange> ranges, exclude;
  std::chrono::seconds lease{3600};
  std::optional<std::chrono::seconds> min_lease, max_lease;
  bool authoritative = true;
  Match match = Match::ClientId;
  bool echo_client_id = true;
  bool nul_terminate = false;
  Guard guard = Guard::Off;
  std::uint32_t per_port = 0;
  bool overload = false;
  std::chrono::milliseconds probe{0};
  std::chrono::seconds quarantine{600};
  Options options;
  std::optional<IpAddress> next_server;
  std::string server_name, boot_file;
  std::map<std::string, ClassConfig> classes;
  std::map<std::string, ReservationConfig> reservations;
};

struct TsigConfig {
  std::string name, algorithm = "hmac-sha256", secret;
};

struct DnsUpdateConfig {
  Endpoint server;
  std::string forward;               ///< zone of the A records
  std::vector<std::string> reverse;  ///< zones of the PTR records; empty: derived from each scope's network
  std::chrono::seconds ttl{300};
  std::optional<TsigConfig> key;
};

inline constexpr std::uint16_t kPartnerPort = 647;  ///< IANA: dhcp-failover

/// The other server of a network with two (partnership.hpp).
struct FailoverConfig {
  Role role = Role::Primary;
  Endpoint partner;
  Endpoint listen{IpAddress(), kPartnerPort};  ///< of the standby
  std::string secret;
  std::chrono::milliseconds startup = PartnershipLimits().startup, silence = PartnershipLimits().silence,
                            partner_down = PartnershipLimits().partner_down,
                            reach = PartnershipLimits().reach;
};

struct Config {
  std::string leases = "leases.db";
  std::chrono::seconds offer_hold{15};
  std::vector<Network> lease_query;
  std::string control;  ///< path of the control socket; empty: none
  std::optional<DnsUpdateConfig> dns_update;
  std::optional<FailoverConfig> failover;
  std::map<std::string, ScopeConfig> scopes;
  std::string leases6 = "leases6.db";
  std::map<std::string, v6::ScopeConfig> scopes6;
};

/// The rendered mistakes, where there are any. Relative paths are taken from the configuration's folder.
std::expected<Config, std::string> load_config(const std::string& path);
/// The text of --help-config.
std::string config_reference();

/// What the server core needs; the server's own addresses are not known yet (see resolve_interfaces).
Settings settings_of(const Config& config);

}  // namespace lab::dhcp
