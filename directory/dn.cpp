#include "directory/dn.hpp"

#include "directory/ldif.hpp"

namespace lab::directory {
namespace {
std::string hex_pair(char c) { return fmt::format("\\{:02x}", static_cast<unsigned char>(c)); }
}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string escape_dn(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool edge = i == 0 || i + 1 == value.size();
    // RFC 4514 2.4: blanks at the edges, '#' at the beginning, and what separates; '=' as well, which some
    // readers need.
    if ((c == ' ' && edge) || (c == '#' && i == 0) || std::string_view("\"+,;<>\\=").contains(c) ||
        static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += hex_pair(c);
    else
      out += c;
  }
  return out;
}

std::string escape_filter(std::string_view value) {
  std::string out;
  for (char c : value) {
    // RFC 4515 3 demands this of NUL ( ) * \; bytes outside ASCII may be escaped, and then survive any
    // charset mistake.
    if (std::string_view("()*\\").contains(c) || static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) >= 0x7f)
      out += hex_pair(c);
    else
      out += c;
  }
  return out;
}

std::string domain_of_dn(std::string_view dn) {
  std::string domain;
  while (!dn.empty()) {
    const auto comma = std::min(dn.find(','), dn.size());
    auto part = dn.substr(0, comma);
    dn.remove_prefix(std::min(comma + 1, dn.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    const auto equal = part.find('=');
    if (equal == std::string_view::npos || !same_name(part.substr(0, equal), "dc")) continue;
    domain.append(domain.empty() ? "" : ".").append(part.substr(equal + 1));
  }
  return domain;
}

}  // namespace lab::directory
