/// ca -- the lab's certificate authority: one ECDSA P-256 root and the certificates it issues (RFC 5280), as
/// PEM text.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace lab::ca {

struct Identity {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM, PKCS#8, not encrypted
};

enum class KeyKind {
  EcP256,
  Rsa2048  ///< slow to make; for mail programs that cannot decrypt with elliptic curves
};

struct Request {
  std::string common_name;
  std::vector<std::string> dns_names;  ///< subjectAltName DNS
  std::vector<std::string> addresses;  ///< subjectAltName IP
  std::vector<std::string> emails;     ///< subjectAltName rfc822Name (S/MIME)
  std::chrono::system_clock::time_point not_before, not_after;
  KeyKind key = KeyKind::EcP256;
};

/// A self-signed root that may sign certificates only (pathlen 0).
Result<Identity> create_root(const std::string& common_name, std::chrono::system_clock::time_point not_before,
                             std::chrono::system_clock::time_point not_after);
/// A certificate for servers and clients, signed by `root`.
Result<Identity> issue(const Identity& root, const Request& request);

struct Facts {
  std::string subject, issuer;
  std::string serial;  ///< hexadecimal
  std::vector<std::string> dns_names, addresses, emails;
  std::chrono::system_clock::time_point not_before, not_after;
  std::string sha256;  ///< fingerprint, colon-separated upper-case hex
};
/// The SHA-256 digest of a certificate's SubjectPublicKeyInfo in upper-case hex, as TLSA records have it
/// (RFC 6698 2.1.3); empty when the text is no certificate.
std::string public_key_sha256(const std::string& certificate_pem);
Result<Facts> inspect(const std::string& certificate_pem);

/// The certificate as bytes (DER), as a directory keeps it.
Result<std::string> to_der(const std::string& certificate_pem);

/// Key, certificate and the root as one file under a password (PKCS #12, RFC 7292), for mail programs.
Result<std::string> to_pkcs12(const Identity& identity, const std::string& root_certificate,
                              const std::string& friendly_name, const std::string& password);

struct Revoked {
  std::string serial;  ///< hexadecimal
  std::chrono::system_clock::time_point when;
};
/// The list of certificates that no longer count (RFC 5280 5), signed by `root`, PEM. `number` grows with each
/// list.
Result<std::string> make_crl(const Identity& root, const std::vector<Revoked>& revoked, std::int64_t number,
                             std::chrono::system_clock::time_point now,
                             std::chrono::system_clock::time_point next);

}  // namespace lab::ca
