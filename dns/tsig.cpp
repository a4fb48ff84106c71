#include "dns/tsig.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "dns/request.hpp"

namespace lab::dns {
namespace {

struct Algorithm {
  const char* name;
  const EVP_MD* (*digest)();
};
constexpr Algorithm kAlgorithms[] = {{"hmac-sha256.", EVP_sha256},
                                     {"hmac-sha512.", EVP_sha512},
                                     {"hmac-sha384.", EVP_sha384},
                                     {"hmac-sha224.", EVP_sha224},
                                     {"hmac-sha1.", EVP_sha1}};

const EVP_MD* digest_of(const Name& algorithm) {
  for (const Algorithm& a : kAlgorithms)
    if (algorithm == Name::parse(a.name).value()) return a.digest();
  return nullptr;
}

void add16(std::string& s, std::uint16_t v) {
  s += static_cast<char>(v >> 8);
  s += static_cast<char>(v);
}
void add32(std::string& s, std::uint32_t v) {
  add16(s, static_cast<std::uint16_t>(v >> 16));
  add16(s, static_cast<std::uint16_t>(v));
}
void add48(std::string& s, std::uint64_t v) {
  add16(s, static_cast<std::uint16_t>(v >> 32));
  add32(s, static_cast<std::uint32_t>(v));
}

std::string base64(std::string_view text, bool& good) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int n =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  good = n >= 0 && text.size() % 4 == 0 && !text.empty();
  if (!good) return {};
  std::size_t size = static_cast<std::size_t>(n);
  for (auto i = text.rbegin(); i != text.rend() && *i == '=' && size > 0; ++i) --size;
  out.resize(size);
  return out;
}

// The fields of a TSIG record (RFC 8945 4.2).
struct Fields {
  Name key, algorithm;
  std::uint64_t time = 0;
  std::uint16_t fudge = 0, original_id = 0, error = 0;
  std::string mac, other;

  static std::optional<Fields> read(std::span<const std::uint8_t> m, std::size_t at) {
    const auto r = read_record(m, at);
    if (!r || r->type != type::TSIG || r->rrclass != rrclass::ANY || r->ttl != 0) return std::nullopt;
    Fields f;
    std::size_t owner_at = r->owner_at, p = r->rdata_at;
    auto key = Name::from_message(m, owner_at);
    auto algorithm = Name::from_message(m.first(r->end), p);
    if (!key || !algorithm || r->end - p < 10) return std::nullopt;
    f.key = *key;
    f.algorithm = *algorithm;
    f.time = std::uint64_t{get16(&m[p])} << 32 | get32(&m[p + 2]);
    f.fudge = get16(&m[p + 6]);
    const std::size_t mac_size = get16(&m[p + 8]);
    p += 10;
    if (r->end - p < mac_size + 6) return std::nullopt;
    f.mac = as_text(m.subspan(p, mac_size));
    p += mac_size;
    f.original_id = get16(&m[p]);
    f.error = get16(&m[p + 2]);
    const std::size_t other = get16(&m[p + 4]);
    p += 6;
    if (r->end - p != other || r->end != m.size()) return std::nullopt;
    f.other = as_text(m.subspan(p, other));
    return f;
  }

  // RFC 8945 4.3.3: what is digested besides the message.
  std::string variables(bool timers_only) const {
    std::string s;
    if (!timers_only) {
      s += key.lower().wire();
      add16(s, rrclass::ANY);
      add32(s, 0);
      s += algorithm.lower().wire();
    }
    add48(s, time);
    add16(s, fudge);
    if (!timers_only) {
      add16(s, error);
      add16(s, static_cast<std::uint16_t>(other.size()));
      s += other;
    }
    return s;
  }

  void append_to(std::vector<std::uint8_t>& m) const {
    std::string rdata(algorithm.wire());
    add48(rdata, time);
    add16(rdata, fudge);
    add16(rdata, static_cast<std::uint16_t>(mac.size()));
    rdata += mac;
    add16(rdata, original_id);
    add16(rdata, error);
    add16(rdata, static_cast<std::uint16_t>(other.size()));
    rdata += other;
    std::string record(key.wire());
    add16(record, type::TSIG);
    add16(record, rrclass::ANY);
    add32(record, 0);
    add16(record, static_cast<std::uint16_t>(rdata.size()));
    record += rdata;
    m.insert(m.end(), record.begin(), record.end());
    put16(&m[10], static_cast<std::uint16_t>(get16(&m[10]) + 1));
  }
};

// The message as it was before it was signed: without the record, with its first ID.
std::string signed_part(std::span<const std::uint8_t> m, std::size_t tsig_at, std::uint16_t original_id) {
  std::string s(as_text(m.first(tsig_at)));
  auto* bytes = reinterpret_cast<std::uint8_t*>(s.data());
  put16(bytes, original_id);
  put16(bytes + 10, static_cast<std::uint16_t>(get16(bytes + 10) - 1));
  return s;
}

// Where the last additional record stands, if it is a TSIG; 0 when not.
std::size_t find_tsig(std::span<const std::uint8_t> m) {
  if (m.size() < kHeaderSize || get16(&m[10]) == 0) return 0;
  std::size_t at = kHeaderSize;
  for (unsigned i = get16(&m[4]); i > 0; --i) {
    at = skip_name(m, at);
    if (at == 0 || m.size() - at < 4) return 0;
    at += 4;
  }
  const unsigned records = get16(&m[6]) + get16(&m[8]) + get16(&m[10]);
  for (unsigned i = 1; i <= records; ++i) {
    const auto r = read_record(m, at);
    if (!r) return 0;
    if (i == records) return r->type == type::TSIG ? at : 0;
    at = r->end;
  }
  return 0;
}

bool same(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool in_time(const Fields& f, std::uint64_t now) {
  return (now > f.time ? now - f.time : f.time - now) <= f.fudge;
}

}  // namespace

Result<TsigKey> TsigKey::make(std::string_view name, std::string_view algorithm, std::string_view secret) {
  auto key_name = Name::parse(name);
  if (!key_name) return std::unexpected(key_name.error());
  auto algorithm_name = Name::parse(algorithm);
  if (!algorithm_name || !digest_of(*algorithm_name))
    return fail(fmt::format("unknown TSIG algorithm '{}'", algorithm), {},
                "one of hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1");
  bool good = false;
  std::string bytes = base64(secret, good);
  if (!good)
    return fail(fmt::format("the secret of key '{}' is not base64", name), {},
                "tsig-keygen or openssl rand -base64 32 makes one");
  return TsigKey{*key_name, *algorithm_name, std::move(bytes)};
}

std::size_t TsigKey::signature_size() const {
  return name.size() + 10 + algorithm.size() + 16 +
         static_cast<std::size_t>(EVP_MD_get_size(digest_of(algorithm))) + 6;
}

std::string Tsig::digest(std::string_view message, const std::string& variables) const {
  std::string input;
  if (!mac_.empty()) {
    add16(input, static_cast<std::uint16_t>(mac_.size()));
    input += mac_;
  }
  input.append(pending_).append(message).append(variables);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(digest_of(key_->algorithm), key_->secret.data(), static_cast<int>(key_->secret.size()),
       as_bytes(input).data(), input.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

TsigCheck Tsig::check_request(std::span<const std::uint8_t> message, std::size_t tsig_at,
                              const TsigKeys& keys, std::uint64_t now) {
  TsigCheck check;
  const auto f = Fields::read(message, tsig_at);
  if (!f) {
    check.error = Rcode::FormErr;
    return check;
  }
  check.time = f->time;
  check.original_id = f->original_id;
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const TsigKey& k) {
    return k.name == f->key && k.algorithm == f->algorithm;
  });
  if (key == keys.end()) {
    check.error = Rcode::BadKey;
    return check;
  }
  check.key = &*key;
  key_ = *key;
  // RFC 8945 5.2.2.1: a MAC cut short is taken from half its length on; here none is.
  check.mac = f->mac;
  if (!same(digest(signed_part(message, tsig_at, f->original_id), f->variables(false)), f->mac)) {
    check.error = kBadSig;
    return check;
  }
  mac_ = f->mac;
  if (!in_time(*f, now)) check.error = Rcode::BadTime;
  return check;
}

Rcode Tsig::check_response(std::span<const std::uint8_t> message, std::uint64_t now, bool last) {
  const std::size_t at = find_tsig(message);
  if (at == 0) {
    if (first_ || last || ++unsigned_ > TsigLimits::kUnsignedMessages) return kBadSig;
    pending_.append(as_text(message));
    return Rcode::NoError;
  }
  const auto f = Fields::read(message, at);
  if (!f) return Rcode::FormErr;
  if (f->error != 0) return static_cast<Rcode>(f->error);
  if (!(f->key == key_->name) || !(f->algorithm == key_->algorithm)) return Rcode::BadKey;
  if (!same(digest(signed_part(message, at, f->original_id), f->variables(!first_)), f->mac)) return kBadSig;
  mac_ = f->mac;
  pending_.clear();
  unsigned_ = 0;
  first_ = false;
  return in_time(*f, now) ? Rcode::NoError : Rcode::BadTime;
}

void Tsig::sign(std::vector<std::uint8_t>& message, std::uint64_t now, Rcode error,
                std::uint64_t their_time) {
  Fields f;
  f.key = key_->name;
  f.algorithm = key_->algorithm;
  f.time = error == Rcode::BadTime ? their_time : now;  // RFC 8945 5.2.3
  f.fudge = TsigLimits::kFudge;
  f.original_id = get16(message.data());
  f.error = static_cast<std::uint16_t>(error);
  if (error == Rcode::BadTime) add48(f.other, now);
  // The first answer carries all variables, the following ones only the timers (RFC 8945 5.3.1).
  f.mac = digest(as_text(message), f.variables(!first_));
  f.append_to(message);
  const bool is_request = (message[2] & 0x80U) == 0;
  mac_ = f.mac;
  first_ = is_request;
}

void Tsig::append_unsigned(std::vector<std::uint8_t>& message, const Name& key, const Name& algorithm,
                           Rcode error, std::uint64_t their_time) {
  Fields f;
  f.key = key;
  f.algorithm = algorithm;
  f.time = their_time;
  f.fudge = TsigLimits::kFudge;
  f.original_id = get16(message.data());
  f.error = static_cast<std::uint16_t>(error);
  f.append_to(message);
}

std::vector<std::uint8_t> without_tsig(std::span<const std::uint8_t> message, std::size_t tsig_at) {
  std::vector<std::uint8_t> out(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(tsig_at));
  put16(&out[10], static_cast<std::uint16_t>(get16(&out[10]) - 1));
  return out;
}

}  // namespace lab::dns
