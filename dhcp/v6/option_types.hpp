/// option_types -- what each DHCPv6 option is called and holds (the IANA registry, RFC 8415 24), so that a
/// person may write `dns-servers: fd00:56::10`. The types and how their values are written are those of
/// DHCPv4's options.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dhcp/option_types.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::dhcp::v6 {

struct OptionDefinition {
  std::uint16_t code;
  const char* name;  ///< as Kea and dhcpd spell it
  OptionType type;
  const char* plain;  ///< what a student calls it
};

/// Nullptr for a code nobody has named.
const OptionDefinition* definition(std::uint16_t code);
/// By name, also as dhcpd and dnsmasq spell it (`name-servers`, `dhcp6.name-servers`). Nullptr when unknown.
const OptionDefinition* definition(std::string_view name);
std::vector<std::string> option_names();
/// Options the protocol itself fills in; a configuration cannot.
bool is_protocols_own(std::uint16_t code);
/// The bytes as a person reads them.
std::string option_text(std::uint16_t code, std::span<const std::uint8_t> data);

}  // namespace lab::dhcp::v6
