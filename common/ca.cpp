#include "common/ca.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "common/freer.hpp"
#include "common/tls.hpp"

namespace lab::ca {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Clock = std::chrono::system_clock;

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Identity to_pem(X509* certificate, EVP_PKEY* key) {
  const Bio c(BIO_new(BIO_s_mem()));
  const Bio k(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(c.get(), certificate);
  PEM_write_bio_PKCS8PrivateKey(k.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return {drain(c.get()), drain(k.get())};
}

Certificate read_certificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key read_key(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

/// RFC 5280 4.1.2.2: positive, at most 20 octets, and nobody can guess the next one.
bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] &= 0x7f;
  bytes[0] |= 0x40;
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// What root and leaf have in common.
Certificate start(EVP_PKEY* key, const std::string& common_name, Clock::time_point not_before,
                  Clock::time_point not_after) {
  Certificate certificate(X509_new());
  if (!certificate || !set_serial(certificate.get())) return nullptr;
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), Clock::to_time_t(not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), Clock::to_time_t(not_after));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

/// Values of a subjectAltName go through X509V3_EXT_conf_nid's little language: nothing in them may steer it.
bool plain(std::string_view value) {
  return !value.empty() && value.find_first_of(",;:\n\r@ ") == std::string_view::npos;
}

Result<std::string> alternative_names(const Request& request) {
  std::string names;
  auto add = [&](std::string_view kind, const std::string& value) {
    names += (names.empty() ? "" : ",") + std::string(kind) + ":" + value;
  };
  for (const auto& name : request.dns_names) {
    if (!plain(name)) return fail("not a DNS name: " + name);
    add("DNS", name);
  }
  for (const auto& address : request.addresses) {
    if (address.find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos)
      return fail("not an address: " + address);
    add("IP", address);
  }
  for (const auto& mail : request.emails) {
    if (mail.find_first_of(",;:\n\r ") != std::string::npos) return fail("not a mail address: " + mail);
    add("email", mail);
  }
  return names;
}

Clock::time_point to_time(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return Clock::from_time_t(timegm(&parts));
}

std::string name_text(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return drain(bio.get());
}

std::string serial_text(const ASN1_INTEGER* serial) {
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* hex = number ? BN_bn2hex(number.get()) : nullptr;
  std::string text(hex == nullptr ? "" : hex);
  OPENSSL_free(hex);
  return text;
}

}  // namespace

Result<Identity> create_root(const std::string& common_name, Clock::time_point not_before,
                             Clock::time_point not_after) {
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return fail("cannot make a key: " + tls::last_error());
  const auto certificate = start(key.get(), common_name, not_before, not_after);
  X509* c = certificate.get();
  if (c == nullptr || X509_set_issuer_name(c, X509_get_subject_name(c)) != 1 ||
      !extend(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !extend(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !extend(c, c, NID_subject_key_identifier, "hash") || X509_sign(c, key.get(), EVP_sha256()) == 0)
    return fail("cannot make the CA certificate: " + tls::last_error());
  return to_pem(c, key.get());
}

Result<Identity> issue(const Identity& root, const Request& request) {
  ERR_clear_error();
  const auto issuer = read_certificate(root.certificate);
  const auto issuer_key = read_key(root.key);
  if (!issuer || !issuer_key) return fail("the CA's certificate or key cannot be read: " + tls::last_error());
  const auto names = alternative_names(request);
  if (!names) return std::unexpected(names.error());
  const bool rsa = request.key == KeyKind::Rsa2048;
  const Key key(rsa ? EVP_RSA_gen(2048U) : EVP_EC_gen("P-256"));
  if (!key) return fail("cannot make a key: " + tls::last_error());
  const auto certificate = start(key.get(), request.common_name, request.not_before, request.not_after);
  X509* c = certificate.get();
  const bool mail = !request.emails.empty();
  if (c == nullptr || X509_set_issuer_name(c, X509_get_subject_name(issuer.get())) != 1 ||
      !extend(c, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      // A message is encrypted to an RSA key, and agreed on with an elliptic one (RFC 8550 4.4.2).
      !extend(c, issuer.get(), NID_key_usage,
              rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature,keyAgreement") ||
      !extend(c, issuer.get(), NID_ext_key_usage,
              mail ? "emailProtection,clientAuth" : "serverAuth,clientAuth") ||
      !extend(c, issuer.get(), NID_subject_key_identifier, "hash") ||
      !extend(c, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      (!names->empty() && !extend(c, issuer.get(), NID_subject_alt_name, *names)) ||
      X509_sign(c, issuer_key.get(), EVP_sha256()) == 0)
    return fail("cannot make the certificate for " + request.common_name + ": " + tls::last_error());
  return to_pem(c, key.get());
}

std::string public_key_sha256(const std::string& certificate_pem) {
  ERR_clear_error();
  const auto certificate = read_certificate(certificate_pem);
  if (!certificate) return {};
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &bytes);
  if (size <= 0) return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(bytes);
  return fmt::format("{:02X}", fmt::join(digest, ""));
}

Result<Facts> inspect(const std::string& certificate_pem) {
  ERR_clear_error();
  const auto certificate = read_certificate(certificate_pem);
  if (!certificate) return fail("not a certificate in PEM form: " + tls::last_error());
  X509* c = certificate.get();
  Facts facts;
  facts.subject = name_text(X509_get_subject_name(c));
  facts.issuer = name_text(X509_get_issuer_name(c));
  facts.serial = serial_text(X509_get0_serialNumber(c));
  facts.not_before = to_time(X509_get0_notBefore(c));
  facts.not_after = to_time(X509_get0_notAfter(c));
  const std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(c, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    const auto* data = ASN1_STRING_get0_data(name->d.ia5);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(name->d.ia5));
    if (name->type == GEN_DNS) facts.dns_names.emplace_back(reinterpret_cast<const char*>(data), size);
    if (name->type == GEN_EMAIL) facts.emails.emplace_back(reinterpret_cast<const char*>(data), size);
    if (name->type == GEN_IPADD && size == 4)
      facts.addresses.push_back(fmt::format("{}", fmt::join(data, data + 4, ".")));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(c, EVP_sha256(), digest.data(), &size);
  facts.sha256 = fmt::format("{:02X}", fmt::join(digest.data(), digest.data() + size, ":"));
  return facts;
}

Result<std::string> to_der(const std::string& certificate_pem) {
  const auto certificate = read_certificate(certificate_pem);
  if (!certificate) return fail("not a certificate in PEM form: " + tls::last_error());
  const Bio bio(BIO_new(BIO_s_mem()));
  if (i2d_X509_bio(bio.get(), certificate.get()) != 1) return fail("cannot write the certificate as DER");
  return drain(bio.get());
}

Result<std::string> to_pkcs12(const Identity& identity, const std::string& root_certificate,
                              const std::string& friendly_name, const std::string& password) {
  ERR_clear_error();
  const auto certificate = read_certificate(identity.certificate);
  const auto key = read_key(identity.key);
  const auto root = read_certificate(root_certificate);
  if (!certificate || !key || !root)
    return fail("a key or certificate cannot be read: " + tls::last_error());
  const auto release = [](STACK_OF(X509) * stack) { sk_X509_free(stack); };
  const std::unique_ptr<STACK_OF(X509), decltype(release)> above(sk_X509_new_null(), release);
  sk_X509_push(above.get(), root.get());
  const std::unique_ptr<PKCS12, Freer<PKCS12_free>> bag(PKCS12_create(
      password.c_str(), friendly_name.c_str(), key.get(), certificate.get(), above.get(), 0, 0, 0, 0, 0));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bag || i2d_PKCS12_bio(bio.get(), bag.get()) != 1)
    return fail("cannot make the PKCS #12 file: " + tls::last_error());
  return drain(bio.get());
}

Result<std::string> make_crl(const Identity& root, const std::vector<Revoked>& revoked, std::int64_t number,
                             Clock::time_point now, Clock::time_point next) {
  ERR_clear_error();
  const auto issuer = read_certificate(root.certificate);
  const auto key = read_key(root.key);
  const std::unique_ptr<X509_CRL, Freer<X509_CRL_free>> list(X509_CRL_new());
  if (!issuer || !key || !list) return fail("the CA's certificate or key cannot be read: " + tls::last_error());
  X509_CRL* crl = list.get();
  const std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>> from(ASN1_TIME_set(nullptr, Clock::to_time_t(now)));
  const std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>> until(
      ASN1_TIME_set(nullptr, Clock::to_time_t(next)));
  X509_CRL_set_version(crl, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.get()));
  X509_CRL_set1_lastUpdate(crl, from.get());
  X509_CRL_set1_nextUpdate(crl, until.get());
  for (const auto& one : revoked) {
    BIGNUM* parsed = nullptr;
    BN_hex2bn(&parsed, one.serial.c_str());
    const std::unique_ptr<BIGNUM, Freer<BN_free>> serial(parsed);
    if (!serial) return fail("not a serial number: " + one.serial);
    const std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>> integer(
        BN_to_ASN1_INTEGER(serial.get(), nullptr));
    const std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>> when(
        ASN1_TIME_set(nullptr, Clock::to_time_t(one.when)));
    auto* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, integer.get());
    X509_REVOKED_set_revocationDate(entry, when.get());
    X509_CRL_add0_revoked(crl, entry);
  }
  // RFC 5280 5.2.3: readers tell the newer of two lists by it.
  const std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>> count(ASN1_INTEGER_new());
  ASN1_INTEGER_set_int64(count.get(), number);
  X509_CRL_sort(crl);
  const Bio bio(BIO_new(BIO_s_mem()));
  if (X509_CRL_add1_ext_i2d(crl, NID_crl_number, count.get(), 0, 0) != 1 ||
      X509_CRL_sign(crl, key.get(), EVP_sha256()) == 0 || PEM_write_bio_X509_CRL(bio.get(), crl) != 1)
    return fail("cannot make the list of revoked certificates: " + tls::last_error());
  return drain(bio.get());
}

}  // namespace lab::ca
