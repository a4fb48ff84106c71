#include "dhcp/option_types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "dhcp/domain_list.hpp"
#include "dhcp/message.hpp"

namespace lab::dhcp {
namespace {

using enum OptionType;

// The registry, by code: https://www.iana.org/assignments/bootp-dhcp-parameters. Names are those of
// dhcp-options(5).
constexpr OptionDefinition kDefinitions[] = {
    {1, "subnet-mask", Address, "network mask"},
    {2, "time-offset", Int32, "time offset"},
    {3, "routers", Addresses, "router"},
    {4, "time-servers", Addresses, "time server"},
    {6, "domain-name-servers", Addresses, "DNS server"},
    {7, "log-servers", Addresses, "log server"},
    {9, "lpr-servers", Addresses, "printer server"},
    {12, "host-name", Text, "host name"},
    {13, "boot-size", Uint16, "boot image size"},
    {15, "domain-name", Text, "domain"},
    {17, "root-path", Text, "root path"},
    {19, "ip-forwarding", Boolean, "IP forwarding"},
    {23, "default-ip-ttl", Uint8, "default TTL"},
    {26, "interface-mtu", Uint16, "MTU"},
    {28, "broadcast-address", Address, "broadcast address"},
    {31, "router-discovery", Boolean, "router discovery"},
    {33, "static-routes", AddressPairs, "static route"},
    {35, "arp-cache-timeout", Uint32, "ARP timeout"},
    {40, "nis-domain", Text, "NIS domain"},
    {41, "nis-servers", Addresses, "NIS server"},
    {42, "ntp-servers", Addresses, "time server (NTP)"},
    {43, "vendor-encapsulated-options", Hex, "vendor options"},
    {44, "netbios-name-servers", Addresses, "WINS server"},
    {45, "netbios-dd-server", Addresses, "NetBIOS datagram server"},
    {46, "netbios-node-type", Uint8, "NetBIOS node type"},
    {47, "netbios-scope", Text, "NetBIOS scope"},
    {50, "dhcp-requested-address", Address, "address asked for"},
    {51, "dhcp-lease-time", Uint32, "lease time"},
    {52, "dhcp-option-overload", Uint8, "overload"},
    {53, "dhcp-message-type", Uint8, "message type"},
    {54, "dhcp-server-identifier", Address, "server"},
    {55, "dhcp-parameter-request-list", Uint8List, "wishes"},
    {56, "dhcp-message", Text, "explanation"},
    {57, "dhcp-max-message-size", Uint16, "largest message taken"},
    {58, "dhcp-renewal-time", Uint32, "renew after"},
    {59, "dhcp-rebinding-time", Uint32, "ask any server after"},
    {60, "vendor-class-identifier", Text, "vendor class"},
    {61, "dhcp-client-identifier", Hex, "client identifier"},
    {64, "nisplus-domain", Text, "NIS+ domain"},
    {65, "nisplus-servers", Addresses, "NIS+ server"},
    {66, "tftp-server-name", Text, "boot server"},
    {67, "bootfile-name", Text, "boot file"},
    {69, "smtp-server", Addresses, "mail server (SMTP)"},
    {70, "pop-server", Addresses, "mail server (POP3)"},
    {71, "nntp-server", Addresses, "news server"},
    {72, "www-server", Addresses, "web server"},
    {77, "user-class", Text, "user class"},
    {80, "rapid-commit", Present, "rapid commit"},
    {81, "fqdn", Fqdn, "full name"},
    {82, "relay-agent-information", Relay, "relay information"},
    {91, "client-last-transaction-time", Uint32, "last heard before"},
    {92, "associated-ip", Addresses, "all its addresses"},
    {93, "client-architecture", Uint16List, "PXE architecture"},
    {94, "client-interface", Hex, "PXE network interface"},
    {97, "client-uuid", Hex, "machine UUID"},
    {100, "pcode", Text, "time zone (POSIX)"},
    {101, "tcode", Text, "time zone"},
    {108, "v6-only-preferred", Uint32, "IPv6 only preferred"},
    {114, "captive-portal", Text, "captive portal"},
    {116, "auto-config", Uint8, "automatic configuration"},
    {118, "subnet-selection", Address, "subnet"},
    {119, "domain-search", Names, "search list"},
    {121, "classless-static-routes", Routes, "routes"},
    {125, "vendor-specific", Hex, "vendor information"},
    {138, "capwap-controllers", Addresses, "access controller"},
    {150, "tftp-server-address", Addresses, "boot server address"},
    {209, "config-file", Text, "PXELINUX configuration"},
    {210, "path-prefix", Text, "PXELINUX path"},
    {249, "ms-classless-static-routes", Routes, "routes (Microsoft)"},
    {252, "wpad-url", Text, "proxy configuration"},
};

// What Kea, dnsmasq and the RFCs themselves call the same thing.
constexpr std::pair<const char*, std::uint8_t> kAliases[] = {
    {"router", 3},
    {"dns-server", 6},
    {"dns-servers", 6},
    {"name-servers", 6},
    {"hostname", 12},
    {"mtu", 26},
    {"broadcast", 28},
    {"ntp-server", 42},
    {"netmask", 1},
    {"server-ip", 150},
    {"boot-file-name", 67},
    {"tftp-server", 66},
    {"client-id", 61},
    {"posix-timezone", 100},
    {"tzdb-timezone", 101},
    {"smtp-servers", 69},
    {"classless-static-route", 121},
    {"rfc3442-classless-static-routes", 121},
    {"www-servers", 72},
    {"pop-servers", 70},
};

constexpr std::pair<const char*, OptionType> kTypes[] = {
    {"address", Address},    {"addresses", Addresses}, {"text", Text},         {"boolean", Boolean},
    {"uint8", Uint8},        {"uint16", Uint16},       {"uint32", Uint32},     {"int32", Int32},
    {"names", Names},        {"routes", Routes},       {"hex", Hex},           {"uint8s", Uint8List},
    {"uint16s", Uint16List}, {"present", Present},     {"address6", Address6}, {"addresses6", Addresses6},
};

Error bad(const std::string& value, std::string right) {
  return {"'" + value + "' is no value for this option", {}, "expected " + std::move(right)};
}

Result<std::int64_t> number(const std::string& text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
    return std::unexpected(bad(text, "a number from " + std::to_string(min) + " to " + std::to_string(max)));
  return value;
}

Result<void> append_address(Bytes& out, const std::string& text) {
  auto address = IpAddress::parse(text);
  if (!address || !address->is_v4())
    return std::unexpected(bad(text, "an IPv4 address such as 192.168.56.10"));
  append32(out, address->v4_value());
  return {};
}

Result<void> append_address6(Bytes& out, const std::string& text) {
  auto address = IpAddress::parse(text);
  if (!address || address->is_v4()) return std::unexpected(bad(text, "an IPv6 address such as fd00:56::10"));
  append(out, address->bytes());
  return {};
}

constexpr std::uint16_t kNtpAddress = 1, kNtpMulticast = 2, kNtpName = 3;  // RFC 5908 4

Result<void> append_ntp_server(Bytes& out, const std::string& text) {
  Bytes value;
  std::uint16_t kind = kNtpName;
  if (const auto address = IpAddress::parse(text); address && !address->is_v4()) {
    value.assign(address->bytes().begin(), address->bytes().end());
    kind = value[0] == 0xFF ? kNtpMulticast : kNtpAddress;
  } else if (auto name = name_to_wire(text); name && !address) {
    value = std::move(*name);
  } else {
    return std::unexpected(bad(text, "an IPv6 address or a name of a time server"));
  }
  append16(out, kind);
  append16(out, static_cast<std::uint16_t>(value.size()));
  append(out, value);
  return {};
}

Result<ClasslessRoute> parse_route(const std::string& text) {
  const auto wrong = [&] {
    return std::unexpected(bad(text, "a route such as '10.0.0.0/24 via 192.168.56.1'"));
  };
  const auto space = text.find(' ');
  if (space == std::string::npos) return wrong();
  auto rest = text.substr(text.find_first_not_of(' ', space));
  if (rest.starts_with("via ")) rest = rest.substr(4);
  const auto destination = text.substr(0, space) == "default" ? Network::parse("0.0.0.0/0")
                                                              : Network::parse(text.substr(0, space));
  const auto router = IpAddress::parse(rest);
  if (!destination || !router || !router->is_v4() || !destination->address().is_v4()) return wrong();
  return ClasslessRoute{*destination, *router};
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<void> append_hex(Bytes& out, const std::string& text) {
  std::string digits;
  std::string_view rest(text);
  if (rest.starts_with("hex:")) rest.remove_prefix(4);
  if (rest.starts_with("0x")) rest.remove_prefix(2);
  for (const char c : rest)
    if (c != ':' && c != ' ' && c != '-') digits += c;
  if (digits.size() % 2 != 0 || std::ranges::any_of(digits, [](char c) { return nibble(c) < 0; }))
    return std::unexpected(bad(text, "bytes such as hex:0102ff"));
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(nibble(digits[i]) << 4 | nibble(digits[i + 1])));
  return {};
}

/// One written value of a type that may be repeated.
Result<void> append_value(Bytes& out, OptionType type, const std::string& value) {
  const auto put = [&](Result<std::int64_t> n, int bytes) -> Result<void> {
    if (!n) return std::unexpected(n.error());
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(*n >> (8 * i)));
    return {};
  };
  switch (type) {
    case Address:
    case Addresses: return append_address(out, value);
    case AddressPairs: {
      const auto space = value.find(' ');
      if (space == std::string::npos)
        return std::unexpected(bad(value, "two addresses such as '192.168.1.0 192.168.56.1'"));
      if (auto first = append_address(out, value.substr(0, space)); !first) return first;
      return append_address(out, value.substr(value.find_first_not_of(' ', space)));
    }
    case Text:
      if (value.empty())
        return fail("an option cannot be empty text", {}, "leave the option out (RFC 2132 2)");
      out.insert(out.end(), value.begin(), value.end());
      return {};
    case Boolean:
      if (value != "true" && value != "false") return std::unexpected(bad(value, "true or false"));
      out.push_back(value == "true" ? 1 : 0);
      return {};
    case Uint8:
    case Uint8List: return put(number(value, 0, 255), 1);
    case Uint16:
    case Uint16List: return put(number(value, 0, 65535), 2);
    case Uint32: return put(number(value, 0, std::numeric_limits<std::uint32_t>::max()), 4);
    case Int32:
      return put(
          number(value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()),
          4);
    case Routes: {
      auto route = parse_route(value);
      if (!route) return std::unexpected(route.error());
      append(out, encode_routes({*route}));
      return {};
    }
    case Present: return {};
    case Address6:
    case Addresses6: return append_address6(out, value);
    case PlainNames: {
      auto name = name_to_wire(value);
      if (!name) return std::unexpected(name.error());
      append(out, *name);
      return {};
    }
    case NtpServers: return append_ntp_server(out, value);
    case Names:
    case Fqdn:
    case Relay:
    case Hex: break;
  }
  return append_hex(out, value);
}

bool takes_many(OptionType type) {
  switch (type) {
    case Addresses:
    case AddressPairs:
    case Uint8List:
    case Uint16List:
    case Names:
    case Routes:
    case Addresses6:
    case PlainNames:
    case NtpServers: return true;
    case Address:
    case Address6:
    case Text:
    case Boolean:
    case Uint8:
    case Uint16:
    case Uint32:
    case Int32:
    case Present:
    case Fqdn:
    case Relay:
    case Hex: break;
  }
  return false;
}

std::string hex_text(std::span<const std::uint8_t> data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "hex:";
  for (const auto byte : data) (text += kDigits[byte >> 4]) += kDigits[byte & 15];
  return text;
}

/// The numbers of `width` bytes each, separated; empty when the length does not fit.
std::string number_list(std::span<const std::uint8_t> data, std::size_t width) {
  std::string text;
  if (data.empty() || data.size() % width != 0) return text;
  for (std::size_t at = 0; at < data.size(); at += width)
    text += (text.empty() ? "" : ", ") + std::to_string(width == 1 ? data[at] : read16(data.subspan(at)));
  return text;
}

std::string address_list(std::span<const std::uint8_t> data, std::size_t in_group) {
  std::string text;
  if (data.empty() || data.size() % (4 * in_group) != 0) return text;
  for (std::size_t at = 0; at < data.size(); at += 4) {
    const bool group_starts = at / 4 % in_group == 0;
    if (at > 0) text += group_starts ? ", " : " ";
    text += IpAddress::v4(read32(data.subspan(at))).text();
  }
  return text;
}

std::string address6_list(std::span<const std::uint8_t> data) {
  std::string text;
  if (data.empty() || data.size() % 16 != 0) return text;
  for (std::size_t at = 0; at < data.size(); at += 16) {
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(data.subspan(at, bytes.size()), bytes.begin());
    text += (at == 0 ? "" : ", ") + IpAddress::v6(bytes).text();
  }
  return text;
}

std::string name_list(std::span<const std::uint8_t> data) {
  std::string text;
  for (const auto& name : decode_domain_list(data).value_or(std::vector<std::string>{}))
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Empty when any of the servers cannot be read.
std::string ntp_servers(std::span<const std::uint8_t> data) {
  std::string text;
  while (data.size() >= 4) {
    const std::uint16_t kind = read16(data), length = read16(data.subspan(2));
    if (length > data.size() - 4) return "";
    const auto value = data.subspan(4, length);
    const auto one = kind == kNtpName ? name_list(value) : length == 16 ? address6_list(value) : "";
    if (one.empty()) return "";
    text += (text.empty() ? "" : ", ") + one;
    data = data.subspan(4U + length);
  }
  return text;
}

std::string printable(std::span<const std::uint8_t> data) {
  std::string text(data.begin(), data.end());
  text.erase(text.find_last_not_of('\0') + 1);
  const bool plain =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
  return plain ? text : std::string();
}

/// Empty when the bytes do not fit the type.
std::string typed_text(OptionType type, std::span<const std::uint8_t> data) {
  switch (type) {
    case Address: return data.size() == 4 ? address_list(data, 1) : "";
    case Addresses: return address_list(data, 1);
    case AddressPairs: return address_list(data, 2);
    case Text: return printable(data);
    case Boolean: return data.size() == 1 ? (data[0] != 0 ? "true" : "false") : "";
    case Uint8: return data.size() == 1 ? number_list(data, 1) : "";
    case Uint8List: return number_list(data, 1);
    case Uint16: return data.size() == 2 ? number_list(data, 2) : "";
    case Uint16List: return number_list(data, 2);
    case Uint32: return data.size() == 4 ? std::to_string(read32(data)) : "";
    case Int32: return data.size() == 4 ? std::to_string(static_cast<std::int32_t>(read32(data))) : "";
    case Names:
    case PlainNames: return name_list(data);
    case Address6: return data.size() == 16 ? address6_list(data) : "";
    case Addresses6: return address6_list(data);
    case NtpServers: return ntp_servers(data);
    case Routes: {
      std::string text;
      for (const auto& r : decode_routes(data))
        text += (text.empty() ? "" : ", ") + r.destination.text() + " via " + r.router.text();
      return text;
    }
    case Present: return data.empty() ? "yes" : "";
    case Fqdn: {
      if (data.size() < 3) return "";
      const auto names =
          (data[0] & 0x04) != 0 ? decode_domain_list(data.subspan(3)) : std::nullopt;  // RFC 4702 2.1: E
      if (names && names->size() == 1) return names->front();
      return printable(data.subspan(3));
    }
    case Relay: {
      std::string text;
      for (std::size_t at = 0; at + 2 <= data.size() && at + 2 + data[at + 1] <= data.size();
           at += 2U + data[at + 1])
        text += (text.empty() ? "" : ", ") + std::to_string(data[at]) + "=" +
                hex_text(data.subspan(at + 2, data[at + 1]));
      return text;
    }
    case Hex: break;
  }
  return "";
}

}  // namespace

const OptionDefinition* definition(std::uint8_t code) {
  const auto* found = std::ranges::lower_bound(kDefinitions, code, {}, &OptionDefinition::code);
  return found != std::end(kDefinitions) && found->code == code ? found : nullptr;
}

const OptionDefinition* definition(std::string_view name) {
  for (const auto& d : kDefinitions)
    if (name == d.name) return &d;
  for (const auto& [alias, code] : kAliases)
    if (name == alias) return definition(code);
  unsigned code = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code);
  if (error != std::errc() || end != name.data() + name.size() || code > 255) return nullptr;
  return definition(static_cast<std::uint8_t>(code));
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const auto& d : kDefinitions) names.emplace_back(d.name);
  for (const auto& [alias, code] : kAliases) names.emplace_back(alias);
  return names;
}

Result<OptionType> option_type(std::string_view name) {
  std::string known;
  for (const auto& [text, type] : kTypes) {
    if (name == text) return type;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  return fail("unknown option type '" + std::string(name) + "'", {}, "one of " + known);
}

Result<Bytes> encode_option(OptionType type, const std::vector<std::string>& values) {
  if (values.empty() && type != Present) return fail("the option has no value");
  if (values.size() > 1 && !takes_many(type)) return fail("the option takes one value, not a list");
  if (type == Names) return encode_domain_list(values);
  if (type == Fqdn || type == Relay)
    return fail("clients and relays send this option; a server cannot be told its value");
  Bytes out;
  for (const auto& value : values)
    if (auto added = append_value(out, type, value); !added) return std::unexpected(added.error());
  return out;
}

std::string option_text(std::uint8_t code, std::span<const std::uint8_t> data) {
  const OptionDefinition* known = definition(code);
  return option_text(known == nullptr ? Hex : known->type, data);
}

std::string option_text(OptionType type, std::span<const std::uint8_t> data) {
  std::string text = typed_text(type, data);
  return text.empty() ? hex_text(data) : text;
}

std::vector<ClasslessRoute> decode_routes(std::span<const std::uint8_t> data) {
  std::vector<ClasslessRoute> routes;
  for (std::size_t at = 0; at < data.size();) {
    const unsigned width = data[at++];
    const std::size_t significant = (width + 7U) / 8U;
    if (width > 32 || data.size() - at < significant + 4) break;
    std::uint32_t destination = 0;
    for (std::size_t i = 0; i < significant; ++i)
      destination |= static_cast<std::uint32_t>(data[at + i]) << (24 - 8 * i);
    at += significant;
    routes.push_back(
        {Network::of(IpAddress::v4(destination), width), IpAddress::v4(read32(data.subspan(at)))});
    at += 4;
  }
  return routes;
}

Bytes encode_routes(const std::vector<ClasslessRoute>& routes) {
  Bytes out;
  for (const auto& r : routes) {
    out.push_back(static_cast<std::uint8_t>(r.destination.prefix()));
    append(out, r.destination.address().bytes().first((r.destination.prefix() + 7U) / 8U));
    append32(out, r.router.v4_value());
  }
  return out;
}

}  // namespace lab::dhcp
