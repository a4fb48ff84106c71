/// option_types -- what each DHCP option is called and holds (the IANA registry, RFC 2132 and later), so that
/// a person may write `ntp-servers: 192.168.56.10` or `66: "tftp.helper.bac"`, and read the same in a trace.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

enum class OptionType : std::uint8_t {
  Address,       ///< one IPv4 address
  Addresses,     ///< one or more
  AddressPairs,  ///< pairs written `192.168.1.0 192.168.56.1`
  Text,
  Boolean,
  Uint8,
  Uint8List,
  Uint16,
  Uint16List,
  Uint32,
  Int32,
  Names,    ///< domain names, compressed (RFC 3397)
  Routes,   ///< `10.0.0.0/24 via 192.168.56.1` (RFC 3442)
  Present,  ///< no bytes: being there says it (RFC 4039)
  Fqdn,     ///< flags, then a name (RFC 4702); read only
  Relay,    ///< sub-options (RFC 3046); read only
  Hex,      ///< `hex:0102ff`
  // What DHCPv6 adds:
  Address6,    ///< one IPv6 address
  Addresses6,  ///< one or more
  PlainNames,  ///< domain names, never compressed (RFC 8415 10)
  NtpServers,  ///< addresses or names, each in a sub-option (RFC 5908 4)
};

struct OptionDefinition {
  std::uint8_t code;
  const char* name;  ///< as dhcpd spells it, where dhcpd knows it
  OptionType type;
  const char* plain;  ///< what a student calls it: "router", "DNS server"
};

/// Nullptr for a code nobody has named; its values are then Hex, or of a type the writer gives.
const OptionDefinition* definition(std::uint8_t code);
/// By name (dhcpd's, or Kea's and dnsmasq's where they differ) or by number as text. Nullptr when unknown.
const OptionDefinition* definition(std::string_view name);
/// Every name that `definition` knows, for "did you mean".
std::vector<std::string> option_names();
/// `uint16` → Uint16, for options given with an explicit type. Error lists the types.
Result<OptionType> option_type(std::string_view name);

/// One or more values as written by a person, to bytes. The error names the value and what would be right.
Result<Bytes> encode_option(OptionType type, const std::vector<std::string>& values);
/// The bytes as a person reads them; malformed ones as `hex:…`.
std::string option_text(std::uint8_t code, std::span<const std::uint8_t> data);
std::string option_text(OptionType type, std::span<const std::uint8_t> data);

struct ClasslessRoute {
  Network destination;
  IpAddress router;
};
/// RFC 3442; every whole route of the option, malformed rest ignored.
std::vector<ClasslessRoute> decode_routes(std::span<const std::uint8_t> data);
Bytes encode_routes(const std::vector<ClasslessRoute>& routes);

}  // namespace lab::dhcp
