/// principals -- the realm's database: who is in it and with which keys, through MIT Kerberos' own library
/// (libkadm5srv), in this process. The server reads the same files.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/kdc/password_watch.hpp"

namespace lab::directory::kdc {

class Principals {
 public:
  /// The database must be there; KRB5_CONFIG and KRB5_KDC_PROFILE say where.
  static Result<Principals> open(const std::string& realm);
  Principals(Principals&&) noexcept;
  ~Principals();

  /// Names of people (no services, no '/'), without the realm.
  Result<std::vector<std::string>> people();
  Result<void> set_password(const std::string& uid, const std::string& password);  ///< made when missing
  Result<void> apply(const KeyChange& change);
  /// Makes the services that are missing, and writes all their keys into `file`, mode 0600.
  Result<void> write_keytab(const std::string& file, const std::vector<std::string>& services);

 private:
  struct Impl;
  explicit Principals(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::directory::kdc
