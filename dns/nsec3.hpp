/// nsec3 -- the hashed names of authenticated denial (RFC 5155): what a zone without a readable list of its
/// names proves by.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dns/name.hpp"

namespace lab::dns {

/// How a zone proves what it does not have.
enum class Denial : std::uint8_t { None, Nsec, Nsec3 };

struct Nsec3Limits {
  /// More than this a zone may not ask of us for each negative answer (RFC 9276 3.2 allows any limit).
  static constexpr std::uint16_t kIterations = 150;
};

/// What a zone hashes its names with. Our own zones: no further iterations, no salt (RFC 9276 3.1).
struct Nsec3Parameters {
  std::uint16_t iterations = 0;
  std::string salt;
  /// From the data of an NSEC3PARAM record; nullopt for what we cannot use: another hash than SHA-1, too many
  /// iterations.
  static std::optional<Nsec3Parameters> parse(std::span<const std::uint8_t> rdata);
  std::string rdata() const;  ///< of NSEC3PARAM
};

using Nsec3Hash = std::array<std::uint8_t, 20>;

/// RFC 5155 5. `name`: uncompressed, in lower case.
Nsec3Hash nsec3_hash(const Nsec3Parameters& parameters, std::span<const std::uint8_t> name);

constexpr std::size_t kHashLabel = 32;  // a hash as a label, in base32hex (RFC 4648 7)
void base32hex(const Nsec3Hash& hash, std::uint8_t* label);

}  // namespace lab::dns
