/// ldif -- directory entries as plain values, and as the text slapadd reads (LDIF, RFC 2849).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.hpp"

namespace lab::directory {

/// One entry: attributes in the order they are written, each with at least one value.
struct Entry {
  using Attribute = std::pair<std::string, std::vector<std::string>>;

  std::string dn;
  std::vector<Attribute> attributes;

  /// Adds `values`, to the attribute of that name if there is one already; nothing for no values.
  Entry& add(std::string_view name, std::vector<std::string> values);
  /// Adds one value, unless it is empty.
  Entry& add(std::string_view name, std::string value);
  /// Values of the attribute, in any case of its name (RFC 4512 2.5); empty when there is none.
  const std::vector<std::string>& values(std::string_view name) const;
  /// The first value, or an empty text.
  std::string_view first(std::string_view name) const;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// RFC 4648 4, without line breaks; nullopt for what is none.
std::optional<std::string> from_base64(std::string_view text);

/// Whether two attribute names are the same (ASCII case ignored).
bool same_name(std::string_view a, std::string_view b);

std::string to_ldif(const Entry& entry);
std::string to_ldif(const std::vector<Entry>& entries);

/// Reads what to_ldif wrote, and any LDIF of plain entries: folded lines, comments, base64. No change
/// records, no URLs.
Result<std::vector<Entry>> parse_ldif(std::string_view text);

}  // namespace lab::directory
