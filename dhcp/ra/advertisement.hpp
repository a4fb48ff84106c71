/// advertisement -- how IPv6 routers and hosts find each other: router solicitations and advertisements as
/// values, read from and written to the bytes of ICMPv6 (RFC 4861 4.1, 4.2), with the options for prefixes,
/// routes (RFC 4191), name servers and search lists (RFC 8106). The kernel adds and checks the checksum.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp::ra {

inline constexpr std::uint8_t kSolicitation = 133, kAdvertisement = 134;
inline constexpr std::uint8_t kHopLimit = 255;  ///< RFC 4861 6.1: proof that no router forwarded it
inline constexpr std::uint32_t kForever = 0xFFFFFFFF;

/// RFC 4191 2.1: of routers and routes.
enum class Preference : std::uint8_t { Medium = 0, High = 1, Low = 3 };

struct PrefixInformation {
  Network prefix;
  bool on_link = true;
  bool autonomous = true;  ///< hosts make addresses in it themselves (RFC 4862)
  std::uint32_t valid = 86400, preferred = 14400;
};

struct RouteInformation {
  Network destination;
  Preference preference = Preference::Medium;
  std::uint32_t lifetime = 1800;
};

struct Advertisement {
  std::uint8_t hop_limit = 64;
  bool managed = false;  ///< M: addresses by DHCPv6
  bool other = false;    ///< O: the rest by DHCPv6
  Preference preference = Preference::Medium;
  std::uint16_t lifetime = 1800;  ///< seconds as a default router; 0: it is none
  std::uint32_t reachable_ms = 0, retransmit_ms = 0;
  std::optional<MacAddress> source;
  std::optional<std::uint32_t> mtu;
  std::vector<PrefixInformation> prefixes;
  std::vector<RouteInformation> routes;
  std::vector<IpAddress> name_servers;
  std::uint32_t name_servers_lifetime = 1800;
  std::vector<std::string> search;
  std::uint32_t search_lifetime = 1800;

  /// Nullopt for what RFC 4861 6.1.2 tells to drop; options nobody knows are passed over.
  static std::optional<Advertisement> parse(std::span<const std::uint8_t> icmp);
  Bytes encode() const;
};

struct Solicitation {
  std::optional<MacAddress> source;
  static std::optional<Solicitation> parse(std::span<const std::uint8_t> icmp);
  Bytes encode() const;
};

/// `managed, other, router for 30 min, prefix fd00:56::/64 on link`
std::string summary(const Advertisement& advertisement);

}  // namespace lab::dhcp::ra
