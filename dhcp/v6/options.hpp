/// options -- the options of a DHCPv6 message: an ordered list of 16-bit codes and bytes, in which a code may
/// stand many times and an option may hold options (RFC 8415 21.1). Reading is lenient: what follows an
/// option that overruns its field is lost, what came before it is not.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp::v6 {

/// Option codes the code itself needs; every other option is known by its row in option_types.cpp.
namespace option {
inline constexpr std::uint16_t kClientId = 1;
inline constexpr std::uint16_t kServerId = 2;
inline constexpr std::uint16_t kIaNa = 3;
inline constexpr std::uint16_t kIaTa = 4;
inline constexpr std::uint16_t kIaAddress = 5;
inline constexpr std::uint16_t kOptionRequest = 6;
inline constexpr std::uint16_t kPreference = 7;
inline constexpr std::uint16_t kElapsedTime = 8;
inline constexpr std::uint16_t kRelayMessage = 9;
inline constexpr std::uint16_t kAuthentication = 11;
inline constexpr std::uint16_t kUnicast = 12;
inline constexpr std::uint16_t kStatusCode = 13;
inline constexpr std::uint16_t kRapidCommit = 14;
inline constexpr std::uint16_t kInterfaceId = 18;
inline constexpr std::uint16_t kReconfigureMessage = 19;
inline constexpr std::uint16_t kReconfigureAccept = 20;
inline constexpr std::uint16_t kNameServers = 23;
inline constexpr std::uint16_t kDomainSearch = 24;
inline constexpr std::uint16_t kIaPd = 25;
inline constexpr std::uint16_t kIaPrefix = 26;
inline constexpr std::uint16_t kInformationRefresh = 32;
inline constexpr std::uint16_t kRemoteId = 37;
inline constexpr std::uint16_t kClientFqdn = 39;
inline constexpr std::uint16_t kNtpServer = 56;
inline constexpr std::uint16_t kBootFileUrl = 59;
inline constexpr std::uint16_t kClientLinkLayer = 79;
inline constexpr std::uint16_t kSolMaxRt = 82;
inline constexpr std::uint16_t kInfMaxRt = 83;
inline constexpr std::uint16_t kRelayPort = 135;
}  // namespace option

struct Option {
  std::uint16_t code = 0;
  Bytes data;
};

class Options {
 public:
  static constexpr std::size_t kMost = 256;  ///< in one field; a sane message has twenty

  Options() = default;
  /// Reads a field of options; what cannot be read ends it.
  static Options parse(std::span<const std::uint8_t> field);
  void encode(Bytes& out) const;

  bool has(std::uint16_t code) const { return find(code) != nullptr; }
  /// The first of that code.
  const Bytes* find(std::uint16_t code) const;
  /// Nullopt when absent or of another length than the type's.
  std::optional<std::uint8_t> uint8(std::uint16_t code) const;
  std::optional<std::uint16_t> uint16(std::uint16_t code) const;
  std::optional<std::uint32_t> uint32(std::uint16_t code) const;
  /// Every whole IPv6 address of the option.
  std::vector<IpAddress> addresses(std::uint16_t code) const;
  /// Codes asked for (option 6); nullopt where the sender has no such list.
  std::optional<std::vector<std::uint16_t>> requested() const;

  void add(std::uint16_t code, Bytes data = {}) { list_.push_back({code, std::move(data)}); }
  /// Replaces the first of that code, or adds it.
  void set(std::uint16_t code, Bytes data);
  void set_uint8(std::uint16_t code, std::uint8_t value) { set(code, {value}); }
  void set_uint16(std::uint16_t code, std::uint16_t value);
  void set_uint32(std::uint16_t code, std::uint32_t value);
  void set_addresses(std::uint16_t code, const std::vector<IpAddress>& all);

  const std::vector<Option>& list() const { return list_; }
  bool empty() const { return list_.empty(); }

 private:
  std::vector<Option> list_;
};

/// The IPv6 address in the first 16 bytes of `at`, which holds that many.
IpAddress read_address(std::span<const std::uint8_t> at);

}  // namespace lab::dhcp::v6
