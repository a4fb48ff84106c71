/// password -- how passwords are kept: as Argon2id hashes (RFC 9106) in the form slapd's argon2 module reads.
/// The clear text exists in memory only.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "directory/password_limit.hpp"

namespace lab::directory {

/// RFC 9106 4 wants as much memory as the login can afford. A lab's login affords 0.4 ms and 1 MiB: a class
/// of 1,000 is hashed in 0.4 s on one core and slapd's memory stays small, while a guess still costs 200
/// times a salted SHA-512.
struct HashCost {
  std::uint32_t memory_kib = 1024;
  std::uint32_t passes = 1;
};

using Salt = std::array<std::uint8_t, 16>;

/// "{ARGON2}$argon2id$v=19$m=1024,t=1,p=1$salt$hash" for a userPassword attribute.
std::string hash_password(std::string_view password, const Salt& salt, HashCost cost = {});

/// Whether `stored`, made by hash_password or by slapd when somebody changed it there, is of `password`.
/// False for any other scheme.
bool password_matches(std::string_view stored, std::string_view password);

}  // namespace lab::directory
