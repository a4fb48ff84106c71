#include "common/ca.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
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
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return fail("cannot make a key: " + tls::last_error());
  const auto certificate = start(key.get(), request.common_name, request.not_before, request.not_after);
  X509* c = certificate.get();
  const bool mail = !request.emails.empty();
  if (c == nullptr || X509_set_issuer_name(c, X509_get_subject_name(issuer.get())) != 1 ||
      !extend(c, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(c, issuer.get(), NID_key_usage, "critical,digitalSignature,keyAgreement") ||
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
  facts.not_before = to_time(X509_get0_notBefore(c));
  facts.not_after = to_time(X509_get0_notAfter(c));
  const std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(c, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    const auto* data = ASN1_STRING_get0_data(name->d.ia5);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(name->d.ia5));
    if (name->type == GEN_DNS) facts.dns_names.emplace_back(reinterpret_cast<const char*>(data), size);
    if (name->type == GEN_IPADD && size == 4)
      facts.addresses.push_back(fmt::format("{}", fmt::join(data, data + 4, ".")));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(c, EVP_sha256(), digest.data(), &size);
  facts.sha256 = fmt::format("{:02X}", fmt::join(digest.data(), digest.data() + size, ":"));
  return facts;
}

}  // namespace lab::ca
