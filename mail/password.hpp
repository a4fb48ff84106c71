/// password -- compares a password with one kept in the configuration, in clear or as PBKDF2 (RFC 8018 5.2):
/// `pbkdf2_sha256$600000$c2FsdA$BASE64`, the form Django and others write.
#pragma once
#include <string_view>

namespace lab::mail {

/// Takes the same time wherever they differ. With PBKDF2 that is a tenth of a second and more: not on an io
/// thread.
bool password_matches(std::string_view kept, std::string_view given);
/// `kept` is a PBKDF2 form, to be checked off the io thread.
bool password_is_slow(std::string_view kept);

}  // namespace lab::mail
