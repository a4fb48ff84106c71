/// tsig -- signs DNS updates with a secret shared with the name server, and checks that its answers are its own
/// (RFC 8945). One request, one answer; the clock is an argument.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

struct TsigKey {
  enum class Hash : std::uint8_t { Sha1, Sha256, Sha384, Sha512 };
  std::string name;  ///< as the server knows it: dhcp.helper.bac
  Hash hash = Hash::Sha256;
  std::string secret;  ///< decoded

  /// `algorithm` such as hmac-sha256; `secret` in base64, as tsig-keygen prints it.
  static Result<TsigKey> make(std::string_view name, std::string_view algorithm, std::string_view secret);
};

struct TsigLimits {
  static constexpr std::uint16_t kFudge = 300;  ///< seconds clocks may differ (RFC 8945 10)
};

class Tsig {
 public:
  explicit Tsig(const TsigKey& key) : key_(key) {}

  /// Appends the signature. `now`: seconds since 1970.
  void sign(Bytes& message, std::uint64_t now);
  /// Whether `answer` belongs to what was signed and comes from who has the key. The error says what is wrong: BADKEY,
  /// BADSIG or BADTIME where the server says so itself.
  Result<void> check(std::span<const std::uint8_t> answer, std::uint64_t now) const;

 private:
  Bytes variables(std::uint64_t time, std::uint16_t fudge, std::uint16_t error, std::span<const std::uint8_t> other) const;
  Bytes mac(std::span<const std::uint8_t> input) const;
  TsigKey key_;
  Bytes request_mac_;
};

}  // namespace lab::dhcp
