/// ca -- the lab's certificate authority: one ECDSA P-256 root and the certificates it issues (RFC 5280), as
/// PEM text.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace lab::ca {

struct Identity {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM, PKCS#8, not encrypted
};

struct Request {
  std::string common_name;
  std::vector<std::string> dns_names;  ///< subjectAltName DNS
  std::vector<std::string> addresses;  ///< subjectAltName IP
  std::vector<std::string> emails;     ///< subjectAltName rfc822Name (S/MIME)
  std::chrono::system_clock::time_point not_before, not_after;
};

/// A self-signed root that may sign certificates only (pathlen 0).
Result<Identity> create_root(const std::string& common_name, std::chrono::system_clock::time_point not_before,
                             std::chrono::system_clock::time_point not_after);
/// A certificate for servers and clients, signed by `root`.
Result<Identity> issue(const Identity& root, const Request& request);

struct Facts {
  std::string subject, issuer;
  std::vector<std::string> dns_names, addresses;
  std::chrono::system_clock::time_point not_before, not_after;
  std::string sha256;  ///< fingerprint, colon-separated upper-case hex
};
/// The SHA-256 digest of a certificate's SubjectPublicKeyInfo in upper-case hex, as TLSA records have it
/// (RFC 6698 2.1.3); empty when the text is no certificate.
std::string public_key_sha256(const std::string& certificate_pem);
Result<Facts> inspect(const std::string& certificate_pem);

}  // namespace lab::ca
