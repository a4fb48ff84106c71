/// tsig -- transaction signatures (RFC 8945): a shared secret proves who sent a message and that nobody
/// changed it. For single messages and for the many of a transfer. The clock is an argument.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dns/name.hpp"
#include "dns/wire.hpp"

namespace lab::dns {

struct TsigKey {
  Name name;
  Name algorithm;      ///< `hmac-sha256.`
  std::string secret;  ///< decoded
  /// `algorithm` such as hmac-sha256, `secret` in base64.
  static Result<TsigKey> make(std::string_view name, std::string_view algorithm, std::string_view secret);
  /// The most bytes a signature by this key adds to a message.
  std::size_t signature_size() const;
};

using TsigKeys = std::vector<TsigKey>;

struct TsigLimits {
  static constexpr std::uint16_t kFudge = 300;       // seconds clocks may differ (RFC 8945 10)
  static constexpr unsigned kUnsignedMessages = 99;  // of a transfer between two signatures (RFC 8945 5.3.1)
};

/// What a signature says.
struct TsigCheck {
  Rcode error = Rcode::NoError;  ///< BADKEY, BADSIG (16, written BadVers), BADTIME, FORMERR
  const TsigKey* key = nullptr;  ///< the key it was made with, if known
  std::string mac;
  std::uint64_t time = 0;  ///< when it was signed, seconds since 1970
  std::uint16_t original_id = 0;
};
inline constexpr Rcode kBadSig = Rcode::BadVers;  // one number, two meanings: 16 in TSIG is BADSIG

/// Signs and checks the messages of one dialogue, in order.
class Tsig {
 public:
  Tsig() = default;
  explicit Tsig(const TsigKey& key) : key_(key) {}

  /// Checks the signature of a request at `tsig_at` (parse_request found it). A good one is what later
  /// messages build on.
  TsigCheck check_request(std::span<const std::uint8_t> message, std::size_t tsig_at, const TsigKeys& keys,
                          std::uint64_t now);
  /// Checks the next message of a response to a request signed by `sign`; messages without signature count
  /// until the next one.
  Rcode check_response(std::span<const std::uint8_t> message, std::uint64_t now, bool last);
  /// Appends a signature to a message. `error` and `their_time` are those of a refusal (RFC 8945 5.2).
  void sign(std::vector<std::uint8_t>& message, std::uint64_t now, Rcode error = Rcode::NoError,
            std::uint64_t their_time = 0);
  /// A reply that cannot be signed since the key is not known or the signature is wrong: error without MAC
  /// (RFC 8945 5.3.2).
  static void append_unsigned(std::vector<std::uint8_t>& message, const Name& key, const Name& algorithm,
                              Rcode error, std::uint64_t their_time);
  const std::optional<TsigKey>& key() const { return key_; }

 private:
  std::string digest(std::string_view message, const std::string& variables) const;
  std::optional<TsigKey> key_;
  std::string mac_;      // of the message before
  std::string pending_;  // messages of a transfer since then that had no signature of their own
  unsigned unsigned_ = 0;
  bool first_ = true;  // the next message is the first of its direction: all variables are digested
};

/// `message` without its last record, the signature at `tsig_at`.
std::vector<std::uint8_t> without_tsig(std::span<const std::uint8_t> message, std::size_t tsig_at);

}  // namespace lab::dns
