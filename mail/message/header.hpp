/// header -- the fields of a message header as they stand (RFC 5322 2.2): a name, and a value that may be
/// folded over several lines. Nothing is copied and nothing is refused: what is not a field is passed over,
/// as every mail reader does.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "mail/cursor.hpp"

namespace lab::message {

using mail::equals_ignoring_case;

struct Field {
  std::string_view name;   ///< "Subject", as written
  std::string_view value;  ///< after the colon, folded, without the last line end
  std::string_view raw;    ///< the whole field, line ends included
};

/// Reads the fields of a header one after the other.
class FieldReader {
 public:
  explicit FieldReader(std::string_view header) : rest_(header) {}
  /// The next field; nothing at the empty line or the end.
  std::optional<Field> next();

 private:
  std::string_view rest_;
};

/// Where the header ends: the offset after the empty line that closes it, or the size where there is none.
std::size_t header_size(std::string_view message);

/// The value on one line: line ends removed, blanks around it too (RFC 5322 2.2.3). NUL bytes are dropped.
std::string unfold(std::string_view value);

/// The unfolded value of the first field of that name (any case), if there is one.
std::optional<std::string> first(std::string_view header, std::string_view name);

}  // namespace lab::message
