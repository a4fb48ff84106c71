/// address -- IPv4 and IPv6 addresses, networks in CIDR notation, ranges and MAC addresses as plain values.
/// Parsing is strict (RFC 4632, RFC 5952 text forms); a value of these types is always valid. No sockets
/// here.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lab {

class IpAddress {
 public:
  IpAddress() = default;  ///< 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return v4_; }
  std::uint32_t v4_value() const;               ///< host order; only for IPv4
  std::span<const std::uint8_t> bytes() const;  ///< 4 or 16 bytes in network order
  unsigned bits() const { return v4_ ? 32 : 128; }
  std::string text() const;
  IpAddress plus(std::uint64_t n) const;  ///< n addresses further on (wraps at the end of the address space)
  /// The name to ask for PTR records, absolute: `10.56.168.192.in-addr.arpa.` (RFC 1035 3.5, RFC 3596 2.5)
  std::string reverse_name() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 uses the first four
};

class Network {
 public:
  Network() = default;
  /// `192.168.56.0/24`; nullopt when host bits are set or the prefix is out of range.
  static std::optional<Network> parse(std::string_view text);
  /// The network of `prefix` bits that `address` lies in.
  static Network of(const IpAddress& address, unsigned prefix);

  const IpAddress& address() const { return address_; }
  unsigned prefix() const { return prefix_; }
  bool contains(const IpAddress&) const;
  bool overlaps(const Network&) const;
  IpAddress netmask() const;     ///< IPv4 only
  IpAddress broadcast() const;   ///< last address
  IpAddress first_host() const;  ///< first usable address
  IpAddress last_host() const;   ///< last usable address
  std::string text() const;

  friend auto operator<=>(const Network&, const Network&) = default;

 private:
  IpAddress address_;
  unsigned prefix_ = 0;
};

struct AddressRange {
  IpAddress first, last;  ///< both belong to the range; first <= last, of one family
  /// `192.168.56.100-192.168.56.200`, or one address.
  static std::optional<AddressRange> parse(std::string_view text);
  bool contains(const IpAddress& a) const { return a.is_v4() == first.is_v4() && first <= a && a <= last; }
  std::uint64_t size() const;  ///< number of addresses, capped at 2^63
  std::string text() const;
  friend auto operator<=>(const AddressRange&, const AddressRange&) = default;
};

class MacAddress {
 public:
  MacAddress() = default;
  explicit MacAddress(const std::array<std::uint8_t, 6>& bytes) : bytes_(bytes) {}
  static std::optional<MacAddress> parse(std::string_view text);  ///< `02:00:00:00:00:01`
  const std::array<std::uint8_t, 6>& bytes() const { return bytes_; }
  std::string text() const;
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

/// An address with a port: `192.168.56.10:53`, `[fd00::1]:53`.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  static std::optional<Endpoint> parse(std::string_view text);
  std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace lab
