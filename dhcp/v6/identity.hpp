/// identity -- who a DHCPv6 client is and what it holds: the DUID that names a machine (RFC 8415 11), and the
/// identity associations (IA_NA, IA_PD) in which it has addresses and prefixes (RFC 8415 12).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::dhcp::v6 {

inline constexpr std::uint32_t kForever = 0xFFFFFFFF;  ///< RFC 8415 7.7

/// RFC 8415 21.13
enum class StatusCode : std::uint16_t {
  Success = 0,
  UnspecFail = 1,
  NoAddrsAvail = 2,
  NoBinding = 3,
  NotOnLink = 4,
  UseMulticast = 5,
  NoPrefixAvail = 6,
};
/// "NoAddrsAvail"; a code nobody knows is "an unknown status".
const char* name(StatusCode);

struct Status {
  StatusCode code = StatusCode::Success;
  std::string text;
};
Bytes encode_status(const Status& status);
/// Success where the option is absent (RFC 8415 21.13).
Status status_of(const Options& options);

/// The number is the option's code.
enum class IaKind : std::uint8_t {
  Addresses = 3,  ///< IA_NA
  Prefixes = 25,  ///< IA_PD
};

struct IaEntry {
  IpAddress address;                       ///< or the prefix's first
  std::uint8_t length = 128;               ///< of the prefix
  std::uint32_t preferred = 0, valid = 0;  ///< seconds
  Status status = {};
};

struct Ia {
  IaKind kind = IaKind::Addresses;
  std::uint32_t iaid = 0;
  std::uint32_t t1 = 0, t2 = 0;
  std::vector<IaEntry> entries;
  Status status = {};
};

/// The identity associations of a message, in its order; malformed ones are left out.
std::vector<Ia> associations(const Options& options);
void add_association(Options& options, const Ia& ia);
/// `fd00:56::1:0` or `fd00:100::/56`
std::string text(IaKind kind, const IpAddress& address, unsigned length);

/// `00:03:00:01:02:4c:61:00:00:01`
std::string duid_text(std::span<const std::uint8_t> duid);
/// RFC 8415 11.4: type 3, made of the hardware address alone: the same after each reinstallation.
Bytes link_layer_duid(const MacAddress& mac);
/// The Ethernet address in a DUID of type 1 or 3.
std::optional<MacAddress> mac_in_duid(std::span<const std::uint8_t> duid);
/// The Ethernet address that a link-local address was made of (RFC 4291 2.5.1).
std::optional<MacAddress> mac_in_address(const IpAddress& address);
/// fe80::…, made of the hardware address (RFC 4291 2.5.1).
IpAddress link_local(const MacAddress& mac);
bool is_link_local(const IpAddress& address);
bool is_multicast(const IpAddress& address);

}  // namespace lab::dhcp::v6
