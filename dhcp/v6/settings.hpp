/// settings -- what a DHCPv6 server is told to do, ready to use: scopes with addresses and prefixes to lend,
/// options in wire form, reservations. The server core reads nothing else.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::dhcp::v6 {

struct Reservation {
  std::string name;               ///< the machine's name in DNS
  std::optional<MacAddress> mac;  ///< as a relay tells it (RFC 6939), or found in address or DUID
  std::optional<Bytes> duid;
  std::optional<IpAddress> address;
  std::optional<Network> prefix;
  Options options;  ///< over the scope's
};

/// Prefixes to delegate: each `length` bits of `pool` (RFC 8415 6.3).
struct PrefixPool {
  Network pool;
  unsigned length = 64;
  /// How many prefixes it holds, capped at 2^32.
  std::uint64_t size() const {
    const unsigned bits = length - pool.prefix();
    return bits >= 32 ? std::uint64_t{1} << 32 : std::uint64_t{1} << bits;
  }
  /// The n-th of them.
  IpAddress at(std::uint64_t n) const;
  bool holds(const IpAddress& prefix, unsigned bits) const {
    return bits == length && pool.contains(prefix) && Network::of(prefix, bits).address() == prefix;
  }
};

struct Scope {
  std::string name;
  std::string interface;  ///< where its clients are; empty: only behind relays
  Network network;
  std::vector<IpAddress> own;  ///< our addresses there: never lent
  std::vector<AddressRange> ranges;
  std::vector<AddressRange> excluded;
  std::vector<PrefixPool> prefixes;
  std::chrono::seconds valid{3600};
  std::chrono::seconds preferred{3600};  ///< as long as `valid`: no address is deprecated before its end
  std::chrono::seconds renew{1800};      ///< T1
  std::chrono::seconds rebind{2880};     ///< T2
  bool rapid_commit = true;
  std::uint8_t preference = 0;  ///< 255: clients take our offer without waiting for others
  bool authoritative = true;    ///< sets clients right whose addresses we never lent
  std::chrono::seconds quarantine{600};
  Options options;
  std::vector<Reservation> reservations;

  bool excludes(const IpAddress& address) const;
  /// Whether the address may be lent to anybody.
  bool lends(const IpAddress& address) const;
  bool lends_prefix(const IpAddress& prefix, unsigned length) const;
};

struct Settings {
  std::vector<Scope> scopes;
  Bytes duid;                           ///< ours
  std::chrono::seconds offer_hold{15};  ///< how long an offered address waits for its REQUEST
  /// Name given to clients in DNS; empty: no names are registered.
  std::string dns_forward;
};

}  // namespace lab::dhcp::v6
