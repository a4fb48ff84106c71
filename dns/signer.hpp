/// signer -- DNSSEC by ldns (RFC 4033 to 4035): a key of its own for each zone (ECDSA P-256, RFC 6605),
/// signatures over every RRset that is the zone's own, a chain of NSEC records over its names.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "common/error.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

struct SigningTimes {
  static constexpr std::uint32_t kValid = 30 * 86400;   // a lab left alone over the holidays still validates
  static constexpr std::uint32_t kEarlier = 3600;       // clocks of validators that run behind
  static constexpr std::uint32_t kRefresh = 7 * 86400;  // signatures are made anew after this long
};

/// The one key of a zone, signing both its DNSKEY RRset and its data (RFC 6781 3.1: single-type signing).
class ZoneKey {
 public:
  /// Reads the key from `path`, or makes one and puts it there, readable by nobody else.
  static Result<ZoneKey> open(const std::string& path, const Name& apex);
  ~ZoneKey();
  ZoneKey(ZoneKey&&) noexcept;
  ZoneKey& operator=(ZoneKey&&) noexcept;

  /// The data of the DS record (SHA-256) that the parent publishes (RFC 4034 5.1, RFC 4509).
  std::string ds() const;
  /// The zone with DNSKEY, NSEC and RRSIG records. `now`: seconds since 1970. What it has of these already is
  /// left out first.
  Result<ZonePtr> sign(const Zone& zone, std::uint32_t now) const;

 private:
  struct Impl;
  explicit ZoneKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::dns
