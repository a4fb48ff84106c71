#include "mail/password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <charconv>
#include <string>

#include "mail/sasl.hpp"

namespace lab::mail {
namespace {

constexpr std::string_view kPrefix = "pbkdf2_sha256$";
constexpr int kMostRounds = 10'000'000;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

bool password_is_slow(std::string_view kept) { return kept.starts_with(kPrefix); }

bool password_matches(std::string_view kept, std::string_view given) {
  if (given.empty()) return false;
  if (!password_is_slow(kept)) return same(kept, given);
  kept.remove_prefix(kPrefix.size());
  auto first = kept.find('$');
  auto second = kept.find('$', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return false;
  int rounds = 0;
  auto [end, error] = std::from_chars(kept.data(), kept.data() + first, rounds);
  if (error != std::errc() || end != kept.data() + first || rounds < 1 || rounds > kMostRounds) return false;
  auto salt = kept.substr(first + 1, second - first - 1);
  auto expected = base64_decode(kept.substr(second + 1));
  if (!expected || expected->empty()) return false;
  std::string derived(expected->size(), '\0');
  PKCS5_PBKDF2_HMAC(given.data(), static_cast<int>(given.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                    rounds, EVP_sha256(), static_cast<int>(derived.size()),
                    reinterpret_cast<unsigned char*>(derived.data()));
  return same(*expected, derived);
}

}  // namespace lab::mail
