/// zone_key -- the keys zones are signed with (ECDSA P-256, RFC 6605), made here and not by the servers, so
/// that a parent zone on one machine has the DS record of a child on another from the first moment.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lab::plan {

class ZoneKey {
 public:
  /// A new private key, in base64. `random` gives 32 bits at a time.
  static std::string make(const std::function<std::uint32_t()>& random);
  /// `private_key`: what `make` gave. `zone`: "helper.bac", "." for the root. Throws std::runtime_error when
  /// it is no key.
  ZoneKey(std::string zone, const std::string& private_key);

  /// As dnssec-keygen writes it, for the server that signs.
  std::string private_file() const;
  /// Data of the DNSKEY record (RFC 4034 2): "257 3 13 mdsswUyr3DPW…".
  std::string dnskey() const;
  /// Data of the DS record (RFC 4034 5, RFC 4509): "60485 13 2 D4B7D520E7BB5F0F…".
  std::string ds() const;

 private:
  std::string zone_, private_, public_;
};

}  // namespace lab::plan
