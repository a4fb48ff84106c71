/// principals -- the realm's database: who is in it and with which keys, through MIT Kerberos' own library
/// (libkadm5srv), in this process. The server reads the same files.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace lab::directory::kdc {

class Principals {
 public:
  /// The database must be there; KRB5_CONFIG and KRB5_KDC_PROFILE say where.
  static Result<Principals> open(const std::string& realm);
  Principals(Principals&&) noexcept;
  ~Principals();

  /// Names of people (no services, no '/'), without the realm.
  Result<std::vector<std::string>> people();
  /// Whose keys have been prepared and neither taken nor dropped.
  Result<std::vector<std::string>> prepared();
  Result<void> set_password(const std::string& uid, const std::string& password);  ///< made when missing
  /// Keeps the keys of a password that `uid` may get, where they open nothing; a later one takes their place.
  Result<void> prepare(const std::string& uid, const std::string& password);
  /// Makes what was prepared the keys of `uid`; false where nothing was.
  Result<bool> take_prepared(const std::string& uid);
  Result<void> drop_prepared(const std::string& uid);
  /// The key opens nothing any more, whatever it was.
  Result<void> forget(const std::string& uid);
  Result<void> remove(const std::string& uid);
  /// Whether that was news.
  Result<bool> set_locked(const std::string& uid, bool locked);
  /// A text kept beside the key: the hash of the password it is of. None where there is no such principal.
  Result<std::optional<std::string>> mark(const std::string& uid);
  Result<void> set_mark(const std::string& uid, const std::string& text);
  /// Makes the services that are missing, and writes all their keys into `file`, mode 0600.
  Result<void> write_keytab(const std::string& file, const std::vector<std::string>& services);

 private:
  Result<std::vector<std::string>> names();
  Result<void> set_key(const std::string& name, const std::string& password, bool usable);

  struct Impl;
  explicit Principals(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::directory::kdc
