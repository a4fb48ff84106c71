#include "directory/password.hpp"

#include <argon2.h>

#include <stdexcept>

namespace lab::directory {
namespace {
constexpr std::string_view kScheme = "{ARGON2}";
}

std::string hash_password(std::string_view password, const Salt& salt, HashCost cost) {
  constexpr std::uint32_t kHashBytes = 32;
  const auto room = argon2_encodedlen(cost.passes, cost.memory_kib, 1,
                                      static_cast<std::uint32_t>(salt.size()), kHashBytes, Argon2_id);
  std::vector<char> encoded(room);  // ends with a NUL
  const int status =
      argon2id_hash_encoded(cost.passes, cost.memory_kib, 1, password.data(), password.size(), salt.data(),
                            salt.size(), kHashBytes, encoded.data(), encoded.size());
  // Only parameters out of range or no memory: nothing a caller could mend.
  if (status != ARGON2_OK) throw std::runtime_error(fmt::format("argon2: {}", argon2_error_message(status)));
  return std::string(kScheme).append(encoded.data());
}

bool password_matches(std::string_view stored, std::string_view password) {
  // slapd's own module makes Argon2i, and stores the zero byte at its end as well.
  const bool id = stored.starts_with("{ARGON2}$argon2id$");
  if (!id && !stored.starts_with("{ARGON2}$argon2i$")) return false;
  const std::string encoded(stored.substr(kScheme.size()));
  return argon2_verify(encoded.c_str(), password.data(), password.size(), id ? Argon2_id : Argon2_i) ==
         ARGON2_OK;
}

}  // namespace lab::directory
