/// config -- ra.yaml: what a router says on each of its wires. Every mistake of the file is reported at once,
/// with its place.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config.hpp"
#include "dhcp/ra/advertisement.hpp"
#include "dhcp/ra/schedule.hpp"

namespace lab::dhcp::ra {

struct PrefixConfig {
  Network prefix;
  bool on_link = true, autonomous = true;
  std::chrono::seconds valid{86400}, preferred{14400};
};

struct RouteConfig {
  Network to;
  std::chrono::seconds lifetime{1800};
  Preference preference = Preference::Medium;
};

struct InterfaceConfig {
  bool managed = false, other = false;
  std::chrono::seconds lifetime{1800};
  Preference preference = Preference::Medium;
  std::chrono::seconds interval{600};
  std::chrono::milliseconds answer_delay{500};
  unsigned hop_limit = 64;
  std::optional<unsigned> mtu;
  std::vector<PrefixConfig> prefixes;
  std::vector<RouteConfig> routes;
  std::vector<IpAddress> dns_servers;
  std::vector<std::string> dns_search;
};

struct Config {
  std::map<std::string, InterfaceConfig> interfaces;
};

std::expected<Config, std::string> load_config(const std::string& path);
std::string config_reference();

Advertisement advertisement_of(const InterfaceConfig& config);
Intervals intervals_of(const InterfaceConfig& config);

}  // namespace lab::dhcp::ra
