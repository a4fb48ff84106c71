/// signer -- DNSSEC (RFC 4033 to 4035): a key of its own for each zone (ECDSA P-256, RFC 6605), read and made
/// by ldns, signatures over every RRset that is the zone's own, a chain of NSEC or NSEC3 records over its
/// names. What did not change keeps its signature, so that a small change stays small for secondaries.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "common/error.hpp"
#include "dns/denial.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

struct SigningTimes {
  static constexpr std::uint32_t kValid = 30 * 86400;   // a lab left alone over the holidays still validates
  static constexpr std::uint32_t kEarlier = 3600;       // clocks of validators that run behind
  static constexpr std::uint32_t kRefresh = 7 * 86400;  // signatures are made anew after this long
};

/// How a zone is to be signed.
struct Signing {
  Denial denial = Denial::Nsec;
  bool digest = false;  ///< with a ZONEMD record (RFC 8976)
};

/// The one key of a zone, signing both its DNSKEY RRset and its data (RFC 6781 3.1: single-type signing).
class ZoneKey {
 public:
  /// Reads the key from `path`, or makes one and puts it there, readable by nobody else.
  static Result<ZoneKey> open(const std::string& path, const Name& apex);
  /// Reads the key from `path`, which must be there.
  static Result<ZoneKey> read(const std::string& path, const Name& apex);
  ~ZoneKey();
  ZoneKey(ZoneKey&&) noexcept;
  ZoneKey& operator=(ZoneKey&&) noexcept;

  /// The data of the DS record (SHA-256) that the parent publishes (RFC 4034 5.1, RFC 4509).
  std::string ds() const;

  struct Signed {
    ZonePtr zone;
    std::uint32_t oldest = 0;  ///< when the oldest signature was made
  };
  /// The zone with DNSKEY, CDS, CDNSKEY, the chain and RRSIG records. `now`: seconds since 1970. `before`: an
  /// earlier result whose signatures may be taken over; may be null. What the zone has of these records
  /// already is left out first; DNSKEYs of others stay.
  Result<Signed> sign(const Zone& zone, const Zone* before, const Signing& how, std::uint32_t now) const;

 private:
  std::uint16_t tag() const;
  std::string signature(const Name& owner, const RRset& set, std::uint32_t now) const;

  struct Impl;
  explicit ZoneKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::dns
