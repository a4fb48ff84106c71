/// config -- the DHCPv6 part of dhcp.yaml (`scopes6`): one table per kind of thing, read into what a person
/// wrote, then into the Settings the server core works with.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/config.hpp"
#include "dhcp/v6/settings.hpp"

namespace lab::dhcp::v6 {

struct ReservationConfig {
  std::optional<MacAddress> mac;
  std::string duid;  ///< hex
  std::optional<IpAddress> address;
  std::optional<Network> prefix;
  Options options;
};

struct PrefixPoolConfig {
  Network pool;
  unsigned length = 64;
};

struct ScopeConfig {
  std::string interface;
  Network network;
  std::vector<AddressRange> ranges, exclude;
  std::vector<PrefixPoolConfig> prefixes;
  std::chrono::seconds lease{3600};
  std::optional<std::chrono::seconds> preferred, renew, rebind;
  bool rapid_commit = true;
  std::uint8_t preference = 0;
  bool authoritative = true;
  std::chrono::seconds quarantine{600};
  Options options;
  std::map<std::string, ReservationConfig> reservations;
};

const config::Table<ReservationConfig>& table_of(const ReservationConfig*);
const config::Table<PrefixPoolConfig>& table_of(const PrefixPoolConfig*);
const config::Table<ScopeConfig>& table_of(const ScopeConfig*);

std::vector<Scope> scopes_of(const std::map<std::string, ScopeConfig>& configs);

}  // namespace lab::dhcp::v6
