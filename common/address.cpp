#include "common/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace lab {
namespace {

std::optional<unsigned> number(std::string_view text, unsigned max) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

bool bit(std::span<const std::uint8_t> bytes, unsigned index) {
  return (bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

/// `address` with every bit from `prefix` on set to `value`.
IpAddress fill_host_bits(const IpAddress& address, unsigned prefix, bool value) {
  std::array<std::uint8_t, 16> out{};
  std::ranges::copy(address.bytes(), out.begin());
  for (unsigned i = prefix; i < address.bits(); ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
    out[i / 8] = static_cast<std::uint8_t>(value ? out[i / 8] | mask : out[i / 8] & ~mask);
  }
  if (!address.is_v4()) return IpAddress::v6(out);
  return IpAddress::v4(static_cast<std::uint32_t>(out[0]) << 24 | static_cast<std::uint32_t>(out[1]) << 16 |
                       static_cast<std::uint32_t>(out[2]) << 8 | out[3]);
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress a;
  for (unsigned i = 0; i < 4; ++i) a.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress a;
  a.v4_ = false;
  a.bytes_ = bytes;
  return a;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string z(text);
  if (z.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, z.c_str(), bytes.data()) == 1) {
    IpAddress a;
    a.bytes_ = bytes;
    return a;
  }
  if (inet_pton(AF_INET6, z.c_str(), bytes.data()) == 1) return v6(bytes);
  return std::nullopt;
}

std::uint32_t IpAddress::v4_value() const {
  return static_cast<std::uint32_t>(bytes_[0]) << 24 | static_cast<std::uint32_t>(bytes_[1]) << 16 |
         static_cast<std::uint32_t>(bytes_[2]) << 8 | bytes_[3];
}

std::span<const std::uint8_t> IpAddress::bytes() const { return std::span(bytes_).first(v4_ ? 4 : 16); }

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
}

IpAddress IpAddress::plus(std::uint64_t n) const {
  IpAddress a = *this;
  for (std::size_t i = bits() / 8; i-- > 0 && n != 0;) {
    n += a.bytes_[i];
    a.bytes_[i] = static_cast<std::uint8_t>(n);
    n >>= 8;
  }
  return a;
}

std::string IpAddress::reverse_name() const {
  if (v4_) return fmt::format("{}.{}.{}.{}.in-addr.arpa.", bytes_[3], bytes_[2], bytes_[1], bytes_[0]);
  std::string name;
  for (std::size_t i = 16; i-- > 0;) name += fmt::format("{:x}.{:x}.", bytes_[i] & 15, bytes_[i] >> 4);
  return name + "ip6.arpa.";
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto prefix = number(text.substr(slash + 1), address->bits());
  if (!prefix) return std::nullopt;
  const auto network = of(*address, *prefix);
  if (network.address() != *address) return std::nullopt;
  return network;
}

Network Network::of(const IpAddress& address, unsigned prefix) {
  Network n;
  n.prefix_ = std::min(prefix, address.bits());
  n.address_ = fill_host_bits(address, n.prefix_, false);
  return n;
}

bool Network::contains(const IpAddress& a) const {
  return a.is_v4() == address_.is_v4() && fill_host_bits(a, prefix_, false) == address_;
}

bool Network::overlaps(const Network& other) const {
  return contains(other.address_) || other.contains(address_);
}

IpAddress Network::netmask() const {
  return IpAddress::v4(prefix_ == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_));
}

IpAddress Network::broadcast() const { return fill_host_bits(address_, prefix_, true); }

// RFC 3021: a /31 has two hosts and no broadcast; a /32 is one host.
IpAddress Network::first_host() const { return prefix_ + 1 >= address_.bits() ? address_ : address_.plus(1); }

IpAddress Network::last_host() const {
  auto last = broadcast();
  if (address_.is_v4() && prefix_ < 31) return IpAddress::v4(last.v4_value() - 1);
  return last;
}

std::string Network::text() const { return fmt::format("{}/{}", address_.text(), prefix_); }

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  auto trim = [](std::string_view s) {
    while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
  };
  const auto dash = text.find('-');
  const auto first = IpAddress::parse(trim(text.substr(0, dash)));
  const auto last = dash == std::string_view::npos ? first : IpAddress::parse(trim(text.substr(dash + 1)));
  if (!first || !last || first->is_v4() != last->is_v4() || *last < *first) return std::nullopt;
  return AddressRange{*first, *last};
}

std::uint64_t AddressRange::size() const {
  constexpr std::uint64_t kCap = std::uint64_t{1} << 63;
  std::uint64_t difference = 0;
  const auto a = first.bytes();
  const auto b = last.bytes();
  for (unsigned i = 0; i < first.bits(); ++i) {
    if (difference >= kCap / 4) return kCap;
    difference = difference * 2 + (bit(b, i) ? 1U : 0U) - (bit(a, i) ? 1U : 0U);
  }
  return difference + 1;
}

std::string AddressRange::text() const {
  return first == last ? first.text() : first.text() + "-" + last.text();
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 6> bytes{};
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto* start = text.data() + 3 * i;
    auto [end, error] = std::from_chars(start, start + 2, bytes[i], 16);
    if (error != std::errc() || end != start + 2) return std::nullopt;
    if (i < 5 && start[2] != ':' && start[2] != '-') return std::nullopt;
  }
  return MacAddress(bytes);
}

std::string MacAddress::text() const { return fmt::format("{:02x}", fmt::join(bytes_, ":")); }

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = number(text.substr(colon + 1), 65535);
  if (!address || !port || address->is_v4() == bracketed) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::text() const {
  return address.is_v4() ? fmt::format("{}:{}", address.text(), port)
                         : fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace lab
