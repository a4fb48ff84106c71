#include "dhcp/tsig.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>

#include "dhcp/domain_list.hpp"

namespace lab::dhcp {
namespace {

constexpr std::uint16_t kTsig = 250, kAnyClass = 255;
constexpr std::size_t kHeader = 12, kAdditionalCountAt = 10;
constexpr std::uint16_t kBadSig = 16, kBadKey = 17, kBadTime = 18;  // RFC 8945 3

struct Algorithm {
  const char* name;
  TsigKey::Hash hash;
  const EVP_MD* (*digest)();
};
constexpr Algorithm kAlgorithms[] = {{"hmac-sha1", TsigKey::Hash::Sha1, EVP_sha1},
                                     {"hmac-sha256", TsigKey::Hash::Sha256, EVP_sha256},
                                     {"hmac-sha384", TsigKey::Hash::Sha384, EVP_sha384},
                                     {"hmac-sha512", TsigKey::Hash::Sha512, EVP_sha512}};

const Algorithm& algorithm_of(const TsigKey& key) {
  return *std::ranges::find(kAlgorithms, key.hash, &Algorithm::hash);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

Bytes wire_name(std::string_view name) { return name_to_wire(lower(name)).value_or(Bytes{0}); }

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const auto padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

void append48(Bytes& out, std::uint64_t value) {
  append16(out, static_cast<std::uint16_t>(value >> 32));
  append32(out, static_cast<std::uint32_t>(value));
}

/// Where the name at `at` ends; nullopt when it does not.
std::optional<std::size_t> skip_name(std::span<const std::uint8_t> message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if (length >= 0xC0) return at + 2 <= message.size() ? std::optional(at + 2) : std::nullopt;
    if (length > 63) return std::nullopt;
    at += 1U + length;
  }
  return std::nullopt;
}

/// The last record of the message where it is a TSIG: its place, and its data's.
struct Signature {
  std::size_t at = 0, data = 0, end = 0;
};
std::optional<Signature> find_signature(std::span<const std::uint8_t> m) {
  constexpr std::size_t kQuestionTail = 4, kRecordTail = 10;
  if (m.size() < kHeader) return std::nullopt;
  std::size_t at = kHeader;
  for (unsigned i = read16(m.subspan(4)); i > 0; --i) {
    const auto end = skip_name(m, at);
    if (!end || *end + kQuestionTail > m.size()) return std::nullopt;
    at = *end + kQuestionTail;
  }
  std::optional<Signature> last;
  for (unsigned i = 0U + read16(m.subspan(6)) + read16(m.subspan(8)) + read16(m.subspan(10)); i > 0; --i) {
    const auto end = skip_name(m, at);
    if (!end || *end + kRecordTail > m.size()) return std::nullopt;
    const std::size_t data = *end + kRecordTail, size = read16(m.subspan(*end + 8));
    if (data + size > m.size()) return std::nullopt;
    last = read16(m.subspan(*end)) == kTsig ? std::optional(Signature{at, data, data + size}) : std::nullopt;
    at = data + size;
  }
  return last && last->end == m.size() ? last : std::nullopt;
}

}  // namespace

Result<TsigKey> TsigKey::make(std::string_view name, std::string_view algorithm, std::string_view secret) {
  TsigKey key;
  key.name = name;
  if (!name_to_wire(name)) return fail("'" + std::string(name) + "' is no key name");
  const auto wanted = lower(algorithm);
  const auto found = std::ranges::find_if(kAlgorithms, [&](const Algorithm& a) { return wanted == a.name; });
  if (found == std::end(kAlgorithms))
    return fail("unknown algorithm '" + std::string(algorithm) + "'", {}, "one of hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1");
  key.hash = found->hash;
  auto bytes = decode_base64(secret);
  if (!bytes || bytes->empty()) return fail("the secret is not base64", {}, "tsig-keygen prints a good one");
  key.secret = std::move(*bytes);
  return key;
}

Bytes Tsig::variables(std::uint64_t time, std::uint16_t fudge, std::uint16_t error, std::span<const std::uint8_t> other) const {
  Bytes out = wire_name(key_.name);  // RFC 8945 4.3.3
  append16(out, kAnyClass);
  append32(out, 0);
  append(out, wire_name(algorithm_of(key_).name));
  append48(out, time);
  append16(out, fudge);
  append16(out, error);
  append16(out, static_cast<std::uint16_t>(other.size()));
  append(out, other);
  return out;
}

Bytes Tsig::mac(std::span<const std::uint8_t> input) const {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  HMAC(algorithm_of(key_).digest(), key_.secret.data(), static_cast<int>(key_.secret.size()), input.data(), input.size(),
       out.data(), &size);
  out.resize(size);
  return out;
}

void Tsig::sign(Bytes& message, std::uint64_t now) {
  Bytes input = message;
  append(input, variables(now, TsigLimits::kFudge, 0, {}));
  request_mac_ = mac(input);

  Bytes data = wire_name(algorithm_of(key_).name);
  append48(data, now);
  append16(data, TsigLimits::kFudge);
  append16(data, static_cast<std::uint16_t>(request_mac_.size()));
  append(data, request_mac_);
  append16(data, read16(message));  // the original id
  append32(data, 0);                // no error, no other data
  append(message, wire_name(key_.name));
  append16(message, kTsig);
  append16(message, kAnyClass);
  append32(message, 0);
  append16(message, static_cast<std::uint16_t>(data.size()));
  append(message, data);
  const auto count = static_cast<std::uint16_t>(read16(std::span(message).subspan(kAdditionalCountAt)) + 1);
  message[kAdditionalCountAt] = static_cast<std::uint8_t>(count >> 8);
  message[kAdditionalCountAt + 1] = static_cast<std::uint8_t>(count);
}

Result<void> Tsig::check(std::span<const std::uint8_t> answer, std::uint64_t now) const {
  const auto signature = find_signature(answer);
  if (!signature) return fail("the answer is not signed");
  const auto algorithm_end = skip_name(answer, signature->data);
  constexpr std::size_t kUpToMac = 10, kBehindMac = 6;
  if (!algorithm_end || *algorithm_end + kUpToMac > signature->end) return fail("the answer's signature is cut short");
  auto rest = answer.subspan(*algorithm_end, signature->end - *algorithm_end);
  const std::uint64_t time = static_cast<std::uint64_t>(read16(rest)) << 32 | read32(rest.subspan(2));
  const std::uint16_t fudge = read16(rest.subspan(6));
  const std::size_t mac_size = read16(rest.subspan(8));
  if (rest.size() < kUpToMac + mac_size + kBehindMac) return fail("the answer's signature is cut short");
  const auto theirs = rest.subspan(kUpToMac, mac_size);
  rest = rest.subspan(kUpToMac + mac_size);
  const std::uint16_t id = read16(rest), error = read16(rest.subspan(2)), other_size = read16(rest.subspan(4));
  if (rest.size() != kBehindMac + other_size) return fail("the answer's signature is cut short");
  // RFC 8945 5.3.2: these two cannot be signed.
  if (error == kBadKey) return fail("the server does not know the key '" + key_.name + "' (BADKEY)", {}, "define it there, with the same algorithm");
  if (error == kBadSig) return fail("the server has another secret for the key '" + key_.name + "' (BADSIG)");

  Bytes input;
  append16(input, static_cast<std::uint16_t>(request_mac_.size()));
  append(input, request_mac_);
  const auto head = input.size();
  append(input, answer.first(signature->at));
  input[head] = static_cast<std::uint8_t>(id >> 8);
  input[head + 1] = static_cast<std::uint8_t>(id);
  const auto count = static_cast<std::uint16_t>(read16(answer.subspan(kAdditionalCountAt)) - 1);
  input[head + kAdditionalCountAt] = static_cast<std::uint8_t>(count >> 8);
  input[head + kAdditionalCountAt + 1] = static_cast<std::uint8_t>(count);
  append(input, variables(time, fudge, error, rest.subspan(kBehindMac)));
  const auto ours = mac(input);
  if (theirs.size() != ours.size() || CRYPTO_memcmp(theirs.data(), ours.data(), ours.size()) != 0)
    return fail("the answer's signature is wrong");
  if (error == kBadTime) return fail("the server's clock differs from ours by more than five minutes (BADTIME)");
  if (error != 0) return fail("the server refuses the signature, error " + std::to_string(error));
  if ((now > time ? now - time : time - now) > fudge) return fail("the answer was signed at another time");
  return {};
}

}  // namespace lab::dhcp
