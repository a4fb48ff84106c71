/// certify -- user certificates: an S/MIME key and certificate for each person, issued by the lab CA, kept in a
/// folder and published in the directory (userCertificate, RFC 4523 2.1) where mail programs look for the
/// key to encrypt to. Who has a good one keeps it; a revoked one goes onto the CA's list.
#pragma once
#include <string>
#include <vector>

#include "common/ca.hpp"
#include "common/error.hpp"
#include "directory/administrator.hpp"

namespace lab::directory {

struct CertifyOptions {
  std::string ca_certificate, ca_key;  ///< PEM files
  std::string folder;                  ///< of the users' keys: <folder>/<uid>@<domain>.key and .crt
  bool renew = false;                  ///< a new key even where there is a good one; the old one is revoked
  bool revoke = false;                 ///< take the certificates away instead
};

/// One line of what was done.
struct Certified {
  std::string uid, mail, serial;
  bool issued = false;  ///< false: there was a good one already
};

/// For the people named, or for everybody.
Result<std::vector<Certified>> certify(Administrator& admin, const Settings& settings,
                                       std::vector<std::string> uids, const CertifyOptions& options);

}  // namespace lab::directory
