/// dn -- text from outside made safe inside names (RFC 4514) and search filters (RFC 4515): whatever a person
/// types as a login name stays a value and never becomes syntax.
#pragma once
#include <string>
#include <string_view>

namespace lab::directory {

/// ASCII letters in lower case, as names are compared here; all other bytes as they are.
std::string lower(std::string_view text);

/// `value` as an attribute value in a DN: "Doe, John" -> "Doe\2C John".
std::string escape_dn(std::string_view value);

/// `value` as an assertion value in a filter: "a*)(uid=b" -> "a\2a\29\28uid=b".
std::string escape_filter(std::string_view value);

/// The domain a DN's dc parts spell, "dc=helper,dc=bac" -> "helper.bac" (RFC 2247); empty when it has none.
std::string domain_of_dn(std::string_view dn);

}  // namespace lab::directory
