/// settings -- what a DHCP server is told to do, ready to use: scopes with their ranges, options in wire form
/// and reservations. Made by config.cpp from YAML, or by hand in tests; the server core reads nothing else.
#pragma once
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/options.hpp"
#include "dhcp/rogue_guard.hpp"

namespace lab::dhcp {

/// How a scope tells its clients apart.
enum class Match {
  ClientId,  ///< option 61, else the hardware address (RFC 2131 4.2): clones that share a MAC stay apart
  Mac,       ///< the hardware address alone: PXE, installer and system of one machine get one lease
};

struct Reservation {
  std::string name;               ///< sent as option 12
  std::optional<MacAddress> mac;  ///< matches whatever option 61 says
  std::optional<Bytes> client_id;
  std::optional<Bytes> circuit;  ///< option 82, sub-option 1: whoever is on that port of the relay
  IpAddress address;
  Options options;  ///< over the class's and the scope's
};

/// Clients of a kind, and what they are told besides: PXE firmware, telephones, one make of printer.
struct ClientClass {
  std::string name;
  std::string vendor_class;                  ///< option 60 begins so; empty: any
  std::string user_class;                    ///< option 77 is this; empty: any
  std::vector<std::uint16_t> architectures;  ///< option 93 (RFC 4578 2.1); empty: any
  Options options;                           ///< over the scope's
  std::optional<IpAddress> next_server;
  std::string boot_file;
};

struct Scope {
  std::string name;
  std::string interface;  ///< where its clients are; empty: only behind relays
  std::string shared_with;  ///< the scope whose wire it shares, so that its clients may get addresses of
                            ///< either; or empty
  Network network;
  IpAddress server_id;  ///< our address on that network; 0.0.0.0 when only behind relays
  std::vector<AddressRange> ranges;
  std::vector<AddressRange> excluded;
  std::chrono::seconds lease{3600};
  std::chrono::seconds min_lease{60};  ///< bounds of what a client may ask for (option 51)
  std::chrono::seconds max_lease{86400};
  bool authoritative = true;  ///< NAK what is wrong here; off where another server lives
  Match match = Match::ClientId;
  bool echo_client_id = true;          ///< RFC 6842; off for old devices that then refuse the reply
  bool nul_terminate = false;          ///< a NUL ends option 67, for old PXE ROMs that read on
  Guard guard = Guard::Off;            ///< about other DHCP servers on the wire
  std::uint32_t per_port = 0;          ///< most addresses behind one port; 0: no limit
  bool overload = false;               ///< option 52 when options do not fit
  std::chrono::milliseconds probe{0};  ///< ask the wire whether an address is used before offering it; 0: no
  std::chrono::seconds quarantine{600};  ///< how long a declined address rests
  Options options;
  IpAddress next_server;               ///< siaddr
  std::string server_name, boot_file;  ///< sname, file
  std::vector<ClientClass> classes;    ///< the first that matches counts
  std::vector<Reservation> reservations;

  bool excludes(const IpAddress& address) const {
    for (const auto& range : excluded)
      if (range.contains(address)) return true;
    return false;
  }
  /// Whether the address may be lent to anybody: in a range, not excluded, not our own.
  bool lends(const IpAddress& address) const {
    if (excludes(address) || address == server_id) return false;
    for (const auto& range : ranges)
      if (range.contains(address)) return true;
    return false;
  }
  /// How many addresses that is.
  std::uint64_t lendable() const {
    std::uint64_t count = 0;
    for (const auto& range : ranges) {
      count += range.size();
      for (const auto& out : excluded) {
        const auto first = std::max(range.first, out.first), last = std::min(range.last, out.last);
        if (first <= last) count -= AddressRange{first, last}.size();
      }
      if (range.contains(server_id) && !excludes(server_id)) --count;
    }
    return count;
  }
};

struct Settings {
  std::vector<Scope> scopes;
  std::chrono::seconds offer_hold{15};  ///< how long an offered address waits for its REQUEST
  /// Who may ask about leases (RFC 4388); empty: nobody.
  std::vector<Network> lease_query;
  /// Name given to clients in DNS; empty: no names are registered.
  std::string dns_forward;
};

}  // namespace lab::dhcp
