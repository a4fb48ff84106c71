/// options -- the option field of a DHCP message as an ordered list of code and bytes (RFC 2132), and the
/// codes by name. Parts of one option that a sender split are joined (RFC 3396); nothing of a malformed field
/// is lost but the bad tail: odd clients are common in a class room, and a bad option must never cost the
/// message.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.hpp"

namespace lab::dhcp {

using Bytes = std::vector<std::uint8_t>;

/// Option codes the code itself needs; every other option is known by its row in option_types.cpp.
namespace option {
inline constexpr std::uint8_t kPad = 0;
inline constexpr std::uint8_t kSubnetMask = 1;
inline constexpr std::uint8_t kRouters = 3;
inline constexpr std::uint8_t kNameServers = 6;
inline constexpr std::uint8_t kHostName = 12;
inline constexpr std::uint8_t kDomainName = 15;
inline constexpr std::uint8_t kInterfaceMtu = 26;
inline constexpr std::uint8_t kBroadcastAddress = 28;
inline constexpr std::uint8_t kVendorInformation = 43;
inline constexpr std::uint8_t kRequestedAddress = 50;
inline constexpr std::uint8_t kLeaseTime = 51;
inline constexpr std::uint8_t kOverload = 52;
inline constexpr std::uint8_t kMessageType = 53;
inline constexpr std::uint8_t kServerId = 54;
inline constexpr std::uint8_t kParameterList = 55;
inline constexpr std::uint8_t kText = 56;
inline constexpr std::uint8_t kMaxMessageSize = 57;
inline constexpr std::uint8_t kRenewalTime = 58;
inline constexpr std::uint8_t kRebindingTime = 59;
inline constexpr std::uint8_t kVendorClass = 60;
inline constexpr std::uint8_t kClientId = 61;
inline constexpr std::uint8_t kTftpServerName = 66;
inline constexpr std::uint8_t kBootFileName = 67;
inline constexpr std::uint8_t kUserClass = 77;
inline constexpr std::uint8_t kClientFqdn = 81;
inline constexpr std::uint8_t kRelayInformation = 82;
inline constexpr std::uint8_t kLastTransaction = 91;      // RFC 4388 6.1
inline constexpr std::uint8_t kAssociatedAddresses = 92;  // RFC 4388 6.1
inline constexpr std::uint8_t kClientArchitecture = 93;
inline constexpr std::uint8_t kV6OnlyPreferred = 108;
inline constexpr std::uint8_t kSubnetSelection = 118;
inline constexpr std::uint8_t kDomainSearch = 119;
inline constexpr std::uint8_t kClasslessRoutes = 121;
inline constexpr std::uint8_t kMicrosoftRoutes = 249;
inline constexpr std::uint8_t kEnd = 255;
}  // namespace option

struct Option {
  std::uint8_t code = 0;
  Bytes data;
};

class Options {
 public:
  /// Appends the options of one field; a code already there is continued (RFC 3396 7). Stops at END or at the
  /// first option that overruns the field.
  void parse(std::span<const std::uint8_t> field);

  bool has(std::uint8_t code) const { return find(code) != nullptr; }
  const Bytes* find(std::uint8_t code) const;
  /// The option's text without the trailing NULs some clients send (RFC 2132 2); nullopt when absent or
  /// empty.
  std::optional<std::string> text(std::uint8_t code) const;
  /// Nullopt when absent or of another length than the type's.
  std::optional<std::uint8_t> uint8(std::uint8_t code) const;
  std::optional<std::uint16_t> uint16(std::uint8_t code) const;
  std::optional<std::uint32_t> uint32(std::uint8_t code) const;
  std::optional<IpAddress> address(std::uint8_t code) const;
  /// Every whole address of the option; empty when absent.
  std::vector<IpAddress> addresses(std::uint8_t code) const;

  /// Replaces the option or adds it at the end.
  void set(std::uint8_t code, Bytes data);
  void set_text(std::uint8_t code, std::string_view text);
  void set_uint8(std::uint8_t code, std::uint8_t value);
  void set_uint16(std::uint8_t code, std::uint16_t value);
  void set_uint32(std::uint8_t code, std::uint32_t value);
  void set_address(std::uint8_t code, const IpAddress& value);
  void erase(std::uint8_t code);

  const std::vector<Option>& list() const { return list_; }

 private:
  std::vector<Option> list_;
};

/// Network byte order, as every number of a DHCP message.
std::uint16_t read16(std::span<const std::uint8_t> at);
std::uint32_t read32(std::span<const std::uint8_t> at);
void append16(Bytes& out, std::uint16_t value);
void append32(Bytes& out, std::uint32_t value);
void append(Bytes& out, std::span<const std::uint8_t> bytes);

}  // namespace lab::dhcp
