#include "dhcp/v6/option_types.hpp"

#include <algorithm>

namespace lab::dhcp::v6 {

namespace {

using enum OptionType;

// https://www.iana.org/assignments/dhcpv6-parameters, by code.
constexpr OptionDefinition kDefinitions[] = {
    {1, "clientid", Hex, "client (DUID)"},
    {2, "serverid", Hex, "server (DUID)"},
    {3, "ia-na", Hex, "addresses"},
    {4, "ia-ta", Hex, "temporary addresses"},
    {5, "iaaddr", Hex, "address"},
    {6, "oro", Uint16List, "wishes"},
    {7, "preference", Uint8, "preference"},
    {8, "elapsed-time", Uint16, "time since the first try (10 ms)"},
    {9, "relay-msg", Hex, "message carried"},
    {11, "auth", Hex, "authentication"},
    {12, "unicast", Address6, "may be asked directly at"},
    {13, "status-code", Hex, "status"},
    {14, "rapid-commit", Present, "two messages will do (rapid commit)"},
    {15, "user-class", Hex, "user class"},
    {16, "vendor-class", Hex, "vendor class"},
    {17, "vendor-opts", Hex, "vendor options"},
    {18, "interface-id", Hex, "relay's port"},
    {19, "reconf-msg", Uint8, "reconfigure"},
    {20, "reconf-accept", Present, "takes reconfigure messages"},
    {21, "sip-server-dns", PlainNames, "SIP server"},
    {22, "sip-server-addr", Addresses6, "SIP server"},
    {23, "dns-servers", Addresses6, "DNS server"},
    {24, "domain-search", PlainNames, "search list"},
    {25, "ia-pd", Hex, "prefixes"},
    {26, "iaprefix", Hex, "prefix"},
    {27, "nis-servers", Addresses6, "NIS server"},
    {28, "nisp-servers", Addresses6, "NIS+ server"},
    {29, "nis-domain-name", PlainNames, "NIS domain"},
    {30, "nisp-domain-name", PlainNames, "NIS+ domain"},
    {31, "sntp-servers", Addresses6, "time server (SNTP)"},
    {32, "information-refresh-time", Uint32, "ask again after"},
    {37, "remote-id", Hex, "relay's name for the client"},
    {38, "subscriber-id", Text, "subscriber"},
    {39, "client-fqdn", Hex, "full name"},
    {41, "new-posix-timezone", Text, "time zone (POSIX)"},
    {42, "new-tzdb-timezone", Text, "time zone"},
    {56, "ntp-server", NtpServers, "time server (NTP)"},
    {59, "bootfile-url", Text, "boot file"},
    {60, "bootfile-param", Hex, "boot parameters"},
    {61, "client-arch-type", Uint16List, "PXE architecture"},
    {62, "nii", Hex, "PXE network interface"},
    {64, "aftr-name", PlainNames, "DS-Lite gateway"},
    {79, "client-linklayer-addr", Hex, "client's hardware address"},
    {82, "sol-max-rt", Uint32, "longest wait between SOLICITs"},
    {83, "inf-max-rt", Uint32, "longest wait between INFORMATION-REQUESTs"},
    {103, "captive-portal", Text, "captive portal"},
    {135, "relay-source-port", Uint16, "relay's port number"},
};

constexpr std::pair<const char*, std::uint16_t> kAliases[] = {
    {"name-servers", 23}, {"domain-name-servers", 23}, {"dns-server", 23},    {"domain-list", 24},
    {"search", 24},       {"ntp-servers", 56},         {"boot-file-url", 59}, {"info-refresh-time", 32},
    {"refresh-time", 32}, {"posix-timezone", 41},      {"tzdb-timezone", 42}, {"v6-captive-portal", 103},
};

}  // namespace

const OptionDefinition* definition(std::uint16_t code) {
  const auto* found = std::ranges::lower_bound(kDefinitions, code, {}, &OptionDefinition::code);
  return found != std::end(kDefinitions) && found->code == code ? found : nullptr;
}

const OptionDefinition* definition(std::string_view name) {
  if (name.starts_with("dhcp6.")) name.remove_prefix(6);
  for (const auto& d : kDefinitions)
    if (name == d.name) return &d;
  for (const auto& [alias, code] : kAliases)
    if (name == alias) return definition(code);
  return nullptr;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const auto& d : kDefinitions)
    if (!is_protocols_own(d.code)) names.emplace_back(d.name);
  for (const auto& [alias, code] : kAliases) names.emplace_back(alias);
  return names;
}

bool is_protocols_own(std::uint16_t code) {
  constexpr std::uint16_t kOwn[] = {
      option::kClientId,
      option::kServerId,
      option::kIaNa,
      option::kIaTa,
      option::kIaAddress,
      option::kOptionRequest,
      option::kPreference,
      option::kElapsedTime,
      option::kRelayMessage,
      option::kAuthentication,
      option::kUnicast,
      option::kStatusCode,
      option::kRapidCommit,
      option::kInterfaceId,
      option::kReconfigureMessage,
      option::kReconfigureAccept,
      option::kIaPd,
      option::kIaPrefix,
      option::kClientFqdn,
      option::kClientLinkLayer,
      option::kRelayPort,
  };
  return std::ranges::find(kOwn, code) != std::end(kOwn);
}

std::string option_text(std::uint16_t code, std::span<const std::uint8_t> data) {
  const OptionDefinition* known = definition(code);
  return dhcp::option_text(known == nullptr ? Hex : known->type, data);
}

}  // namespace lab::dhcp::v6
