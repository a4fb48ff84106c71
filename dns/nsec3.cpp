#include "dns/nsec3.hpp"

#include <openssl/evp.h>

#include <memory>

#include "common/freer.hpp"

namespace lab::dns {
namespace {

// One of each thread's own: hashing an answer's names allocates nothing.
struct Sha1 {
  std::unique_ptr<EVP_MD, Freer<EVP_MD_free>> algorithm{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
  std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>> context{EVP_MD_CTX_new()};

  void digest(std::span<const std::uint8_t> data, std::string_view salt, Nsec3Hash& out) {
    EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr);
    EVP_DigestUpdate(context.get(), data.data(), data.size());
    EVP_DigestUpdate(context.get(), salt.data(), salt.size());
    EVP_DigestFinal_ex(context.get(), out.data(), nullptr);
  }
};

}  // namespace

std::optional<Nsec3Parameters> Nsec3Parameters::parse(std::span<const std::uint8_t> rdata) {
  constexpr std::uint8_t kSha1 = 1;  // RFC 5155 11: the only one there is
  if (rdata.size() < 5 || rdata[0] != kSha1 || rdata.size() != std::size_t{5} + rdata[4]) return std::nullopt;
  Nsec3Parameters parameters{get16(&rdata[2]), std::string(as_text(rdata.subspan(5)))};
  if (parameters.iterations > Nsec3Limits::kIterations) return std::nullopt;
  return parameters;
}

std::string Nsec3Parameters::rdata() const {
  std::uint8_t fixed[5] = {1, 0, 0, 0, static_cast<std::uint8_t>(salt.size())};
  put16(fixed + 2, iterations);
  return std::string(as_text(fixed)) + salt;
}

Nsec3Hash nsec3_hash(const Nsec3Parameters& parameters, std::span<const std::uint8_t> name) {
  static thread_local Sha1 sha1;
  Nsec3Hash hash;
  sha1.digest(name, parameters.salt, hash);
  for (unsigned i = 0; i < parameters.iterations; ++i) sha1.digest(hash, parameters.salt, hash);
  return hash;
}

void base32hex(const Nsec3Hash& hash, std::uint8_t* label) {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  for (std::size_t from = 0, to = 0; from < hash.size(); from += 5, to += 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 5; ++i) word = word << 8 | hash[from + i];
    for (std::size_t i = 0; i < 8; ++i)
      label[to + i] = static_cast<std::uint8_t>(kDigits[word >> (35 - 5 * i) & 31U]);
  }
}

}  // namespace lab::dns
