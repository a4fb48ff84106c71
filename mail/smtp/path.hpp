/// path -- the arguments of MAIL and RCPT: `FROM:<ali@helper.bac> SIZE=1000 BODY=8BITMIME` (RFC 5321 4.1.2),
/// read with a cursor as the grammar has it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address.hpp"
#include "mail/cursor.hpp"

namespace lab::mail::smtp {

struct Parameter {
  std::string name;   ///< upper case
  std::string value;  ///< as written; empty where there is no '='
};

/// What stands between the angle brackets.
struct Path {
  bool null = false;        ///< `<>`: of bounces, wants no answer (RFC 5321 4.5.5)
  bool postmaster = false;  ///< `<Postmaster>` without a domain (RFC 5321 4.1.1.3)
  std::optional<Address> address;
};

enum class PathError { None, NoBrackets, Syntax, TooLong };

struct PathArgument {
  PathError error = PathError::None;
  Path path;
  std::vector<Parameter> parameters;
};

/// `keyword`: "FROM:" or "TO:". Spaces around the path are tolerated: Outlook 365 sends `MAIL FROM: <x>`.
PathArgument parse_path(Cursor& cursor, std::string_view keyword);

/// A decimal number of at most 20 digits that fits; nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace lab::mail::smtp
