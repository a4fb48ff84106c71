#include "dhcp/v6/identity.hpp"

#include <algorithm>
#include <array>

namespace lab::dhcp::v6 {

namespace {

constexpr std::uint16_t kLinkLayerTime = 1, kLinkLayer = 3;  // RFC 8415 11.1
constexpr std::uint16_t kEthernet = 1;
constexpr std::size_t kAddressEntry = 24;  // address and two lifetimes (RFC 8415 21.6)
constexpr std::size_t kPrefixEntry = 25;   // two lifetimes, length, prefix (RFC 8415 21.22)
constexpr std::size_t kIaHeader = 12;      // IAID, T1, T2 (RFC 8415 21.4)
constexpr std::size_t kMostEntries = 32;

std::optional<IaEntry> parse_entry(IaKind kind, std::span<const std::uint8_t> data) {
  IaEntry entry;
  if (kind == IaKind::Addresses) {
    if (data.size() < kAddressEntry) return std::nullopt;
    entry.address = read_address(data);
    entry.preferred = read32(data.subspan(16));
    entry.valid = read32(data.subspan(20));
    entry.status = status_of(Options::parse(data.subspan(kAddressEntry)));
  } else {
    if (data.size() < kPrefixEntry || data[8] > 128) return std::nullopt;
    entry.preferred = read32(data);
    entry.valid = read32(data.subspan(4));
    entry.length = data[8];
    entry.address = Network::of(read_address(data.subspan(9)), entry.length).address();
    entry.status = status_of(Options::parse(data.subspan(kPrefixEntry)));
  }
  // RFC 8415 21.6, 21.22: a preferred lifetime beyond the valid one makes the option void.
  if (entry.preferred > entry.valid) return std::nullopt;
  return entry;
}

Bytes encode_entry(IaKind kind, const IaEntry& entry) {
  Bytes out;
  if (kind == IaKind::Addresses) append(out, entry.address.bytes());
  append32(out, entry.preferred);
  append32(out, entry.valid);
  if (kind == IaKind::Prefixes) {
    out.push_back(entry.length);
    append(out, entry.address.bytes());
  }
  if (entry.status.code != StatusCode::Success) {
    Options inside;
    inside.add(option::kStatusCode, encode_status(entry.status));
    inside.encode(out);
  }
  return out;
}

}  // namespace

const char* name(StatusCode code) {
  switch (code) {
    case StatusCode::Success: return "Success";
    case StatusCode::UnspecFail: return "UnspecFail";
    case StatusCode::NoAddrsAvail: return "NoAddrsAvail";
    case StatusCode::NoBinding: return "NoBinding";
    case StatusCode::NotOnLink: return "NotOnLink";
    case StatusCode::UseMulticast: return "UseMulticast";
    case StatusCode::NoPrefixAvail: return "NoPrefixAvail";
  }
  return "an unknown status";
}

Bytes encode_status(const Status& status) {
  Bytes out;
  append16(out, static_cast<std::uint16_t>(status.code));
  out.insert(out.end(), status.text.begin(), status.text.end());
  return out;
}

Status status_of(const Options& options) {
  const Bytes* data = options.find(option::kStatusCode);
  if (data == nullptr || data->size() < 2) return {};
  return {static_cast<StatusCode>(read16(*data)), std::string(data->begin() + 2, data->end())};
}

std::vector<Ia> associations(const Options& options) {
  std::vector<Ia> all;
  for (const auto& o : options.list()) {
    if ((o.code != option::kIaNa && o.code != option::kIaPd) || o.data.size() < kIaHeader) continue;
    Ia ia{.kind = o.code == option::kIaNa ? IaKind::Addresses : IaKind::Prefixes,
          .iaid = read32(o.data),
          .t1 = read32(std::span(o.data).subspan(4)),
          .t2 = read32(std::span(o.data).subspan(8)),
          .entries = {}};
    const auto inside = Options::parse(std::span(o.data).subspan(kIaHeader));
    const auto code = ia.kind == IaKind::Addresses ? option::kIaAddress : option::kIaPrefix;
    for (const auto& entry : inside.list())
      if (entry.code == code && ia.entries.size() < kMostEntries)
        if (auto parsed = parse_entry(ia.kind, entry.data)) ia.entries.push_back(std::move(*parsed));
    ia.status = status_of(inside);
    all.push_back(std::move(ia));
  }
  return all;
}

void add_association(Options& options, const Ia& ia) {
  Bytes data;
  append32(data, ia.iaid);
  append32(data, ia.t1);
  append32(data, ia.t2);
  Options inside;
  for (const auto& entry : ia.entries)
    inside.add(ia.kind == IaKind::Addresses ? option::kIaAddress : option::kIaPrefix,
               encode_entry(ia.kind, entry));
  if (ia.status.code != StatusCode::Success) inside.add(option::kStatusCode, encode_status(ia.status));
  inside.encode(data);
  options.add(ia.kind == IaKind::Addresses ? option::kIaNa : option::kIaPd, std::move(data));
}

std::string text(IaKind kind, const IpAddress& address, unsigned length) {
  return kind == IaKind::Addresses ? address.text() : address.text() + "/" + std::to_string(length);
}

std::string duid_text(std::span<const std::uint8_t> duid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : duid)
    ((text += text.empty() ? "" : ":") += kDigits[byte >> 4]) += kDigits[byte & 15];
  return text;
}

Bytes link_layer_duid(const MacAddress& mac) {
  Bytes duid;
  append16(duid, kLinkLayer);
  append16(duid, kEthernet);
  append(duid, mac.bytes());
  return duid;
}

std::optional<MacAddress> mac_in_duid(std::span<const std::uint8_t> duid) {
  if (duid.size() < 4 || read16(duid.subspan(2)) != kEthernet) return std::nullopt;
  const std::size_t at = read16(duid) == kLinkLayerTime ? 8 : read16(duid) == kLinkLayer ? 4 : 0;
  std::array<std::uint8_t, 6> mac{};
  if (at == 0 || duid.size() != at + mac.size()) return std::nullopt;
  std::ranges::copy(duid.subspan(at), mac.begin());
  return MacAddress(mac);
}

bool is_link_local(const IpAddress& address) {
  return !address.is_v4() && address.bytes()[0] == 0xFE && (address.bytes()[1] & 0xC0) == 0x80;
}

bool is_multicast(const IpAddress& address) { return !address.is_v4() && address.bytes()[0] == 0xFF; }

std::optional<MacAddress> mac_in_address(const IpAddress& address) {
  if (!is_link_local(address)) return std::nullopt;
  const auto b = address.bytes();
  if (b[11] != 0xFF || b[12] != 0xFE) return std::nullopt;
  return MacAddress({static_cast<std::uint8_t>(b[8] ^ 0x02), b[9], b[10], b[13], b[14], b[15]});
}

IpAddress link_local(const MacAddress& mac) {
  const auto& m = mac.bytes();
  return IpAddress::v6({0xFE, 0x80, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(m[0] ^ 0x02), m[1], m[2],
                        0xFF, 0xFE, m[3], m[4], m[5]});
}

}  // namespace lab::dhcp::v6
