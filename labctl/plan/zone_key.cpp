#include "labctl/plan/zone_key.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "common/freer.hpp"

namespace lab::plan {

namespace {

constexpr std::size_t kScalar = 32;  // bytes of a P-256 number
constexpr unsigned kFlags = 257;     // a zone key that is a secure entry point (RFC 4034 2.1.1)
constexpr unsigned kAlgorithm = 13;  // ECDSAP256SHA256 (RFC 6605)

using Group = std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freer<EC_POINT_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

/// 32 bytes; empty when the text is something else.
std::string scalar_of(const std::string& text) {
  std::vector<unsigned char> out(3 * text.size() / 4 + 3);
  const int size = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < static_cast<int>(kScalar)) return {};
  // What is behind it is the padding of base64.
  return {reinterpret_cast<const char*>(out.data()), kScalar};
}

/// The point that belongs to a private number, x and y (RFC 6605 4); empty when the number is out of range.
std::string public_key(const std::string& scalar) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Number number(BN_bin2bn(reinterpret_cast<const unsigned char*>(scalar.data()),
                                static_cast<int>(scalar.size()), nullptr));
  if (BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0) return {};
  const Point point(EC_POINT_new(group.get()));
  std::array<unsigned char, 1 + 2 * kScalar> bytes{};
  if (EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), bytes.size(),
                         nullptr) != bytes.size())
    return {};
  return {reinterpret_cast<const char*>(bytes.data()) + 1, 2 * kScalar};
}

std::string dnskey_wire(const std::string& public_part) {
  std::string wire;
  for (const unsigned byte : {kFlags >> 8, kFlags & 0xff, 3U, kAlgorithm})
    wire.push_back(static_cast<char>(byte));
  wire.append(public_part);
  return wire;
}

/// RFC 4034 appendix B.
unsigned key_tag(std::string_view dnskey) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dnskey.size(); ++i) {
    const auto byte = static_cast<std::uint32_t>(static_cast<unsigned char>(dnskey[i]));
    sum += i % 2 == 0 ? byte << 8 : byte;
  }
  return (sum + (sum >> 16)) & 0xffff;
}

std::string name_wire(std::string_view zone) {
  std::string wire;
  for (std::size_t start = 0; zone != "." && start < zone.size();) {
    const auto dot = std::min(zone.find('.', start), zone.size());
    wire += static_cast<char>(dot - start);
    wire.append(zone.substr(start, dot - start));
    start = dot + 1;
  }
  wire.push_back('\0');
  return wire;
}

}  // namespace

std::string ZoneKey::make(const std::function<std::uint32_t()>& random) {
  for (;;) {
    std::string scalar;
    while (scalar.size() < kScalar) {
      const auto number = random();
      for (unsigned shift = 0; shift < 32; shift += 8) scalar += static_cast<char>(number >> shift & 0xff);
    }
    if (!public_key(scalar).empty()) return base64(scalar);
  }
}

ZoneKey::ZoneKey(std::string zone, const std::string& private_key)
    : zone_(std::move(zone)), private_(private_key), public_(public_key(scalar_of(private_key))) {
  if (public_.empty())
    throw std::runtime_error(fmt::format("what is remembered as the key of {} is none", zone_));
}

std::string ZoneKey::private_file() const {
  return fmt::format("Private-key-format: v1.2\nAlgorithm: {} (ECDSAP256SHA256)\nPrivateKey: {}\n",
                     kAlgorithm, private_);
}

std::string ZoneKey::dnskey() const { return fmt::format("{} 3 {} {}", kFlags, kAlgorithm, base64(public_)); }

std::string ZoneKey::ds() const {
  const auto key = dnskey_wire(public_);
  auto digested = name_wire(zone_);
  digested.append(key);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(digested.data()), digested.size(), hash.data());
  std::string hex;
  for (const auto byte : hash) hex += fmt::format("{:02X}", byte);
  return fmt::format("{} {} 2 {}", key_tag(key), kAlgorithm, hex);
}

}  // namespace lab::plan
