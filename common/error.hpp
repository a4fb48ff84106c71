/// error -- what went wrong, in words for a person: the thing, the place, the way out.
/// Errors of the outside world (files, wires, configuration) are values; `Result<T>` carries either.
#pragma once
#include <expected>
#include <string>
#include <utility>

namespace lab {

struct Error {
  std::string what;    ///< "unknown key 'network'"
  std::string where;   ///< "helper-bac.yaml:12:5", a path or an address; may be empty
  std::string remedy;  ///< "did you mean 'networks'?"; may be empty

  /// One line: `where: what; remedy`, leaving out what is empty.
  std::string text() const {
    std::string line = where.empty() ? what : where + ": " + what;
    return remedy.empty() ? line : line + "; " + remedy;
  }
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail("cannot read it", path, "is it there?");`
inline std::unexpected<Error> fail(std::string what, std::string where = {}, std::string remedy = {}) {
  return std::unexpected(Error{std::move(what), std::move(where), std::move(remedy)});
}

}  // namespace lab
