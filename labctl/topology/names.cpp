#include "labctl/topology/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/topology/topology.hpp"

namespace lab::topology {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Lower case, runs of anything but letters, digits and `also` made one '-', none at the ends.
std::string simplified(std::string_view text, std::string_view also, std::size_t longest) {
  std::string out;
  for (char c : text) {
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
    if (is_lower(c) || is_digit(c) || also.contains(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  out = out.substr(0, longest);
  while (!out.empty() && !is_lower(out.back()) && !is_digit(out.back())) out.pop_back();
  const auto first = std::ranges::find_if(out, [](char c) { return is_lower(c) || is_digit(c); });
  return {first, out.end()};
}

constexpr std::size_t kLabel = 63;    // RFC 1035 2.3.4
constexpr std::size_t kDomain = 253;  // 255 octets on the wire
constexpr std::size_t kUser = 32;     // useradd(8), and well inside the 64 of RFC 5321 4.5.3.1.1

}  // namespace

std::optional<BadName> check_host_name(std::string_view name) {
  const auto like = simplified(name, "-", kLabel);
  if (name.empty()) return BadName{"a host name cannot be empty", ""};
  if (name.size() > kLabel)
    return BadName{fmt::format("a host name has at most {} characters, this one {}", kLabel, name.size()),
                   ""};
  if (std::ranges::any_of(name, is_upper)) return BadName{"host names are written in lower case here", like};
  if (!std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }))
    return BadName{"a host name has only letters, digits and '-' (RFC 1123)", like};
  if (name.front() == '-' || name.back() == '-')
    return BadName{"a host name begins and ends with a letter or a digit (RFC 1123)", like};
  if (std::ranges::all_of(name, is_digit))
    return BadName{"a host name of digits alone looks like an address", fmt::format("pc{}", name)};
  if (name == "localhost") return BadName{"'localhost' is the name every machine has for itself", "pc1"};
  return std::nullopt;
}

std::optional<BadName> check_domain_name(std::string_view name) {
  if (name.empty()) return BadName{"a domain name cannot be empty", ""};
  if (name == kRootDomain) return std::nullopt;
  if (name.ends_with('.'))
    return BadName{"domains are written without the final dot here",
                   std::string(name.substr(0, name.size() - 1))};
  if (name.size() > kDomain)
    return BadName{
        fmt::format("a domain name has at most {} characters (RFC 1035), this one {}", kDomain, name.size()),
        ""};
  std::string like;
  std::string reason;
  bool digits = false;
  for (std::size_t start = 0; start <= name.size();) {
    const auto dot = std::min(name.find('.', start), name.size());
    const auto label = name.substr(start, dot - start);
    start = dot + 1;
    const auto good = simplified(label, "-", kLabel);
    if (!good.empty()) like += (like.empty() ? "" : ".") + good;
    digits = !label.empty() && std::ranges::all_of(label, is_digit);
    if (!reason.empty()) continue;
    if (label.empty())
      reason = "a domain name has no empty part";
    else if (label.size() > kLabel)
      reason = fmt::format("each part of a domain name has at most {} characters (RFC 1035)", kLabel);
    else if (std::ranges::any_of(label, is_upper))
      reason = "domain names are written in lower case here";
    else if (!std::ranges::all_of(label, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }))
      reason = "a domain name has only letters, digits, '-' and dots";
    else if (label.front() == '-' || label.back() == '-')
      reason = "each part of a domain name begins and ends with a letter or a digit";
  }
  // RFC 3696 2: a top-level domain is not all-numeric, or it could not be told from an address.
  if (reason.empty() && digits)
    return BadName{"the last part of a domain name cannot be a number (RFC 3696)", ""};
  if (reason.empty()) return std::nullopt;
  return BadName{reason, like == name ? "" : like};
}

std::optional<BadName> check_user_name(std::string_view name) {
  const auto like = simplified(name, "-._", kUser);
  if (name.empty()) return BadName{"a name cannot be empty", ""};
  if (name.size() > kUser)
    return BadName{fmt::format("a user name has at most {} characters, this one {}", kUser, name.size()), ""};
  if (std::ranges::any_of(name, is_upper)) return BadName{"user names are written in lower case here", like};
  if (!std::ranges::all_of(
          name, [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; }))
    return BadName{"a user name has only letters a to z, digits, '.', '-' and '_'", like};
  if (!is_lower(name.front()) && !is_digit(name.front()))
    return BadName{"a user name begins with a letter or a digit", like};
  // RFC 5321 4.1.2: Dot-string = Atom *("." Atom)
  if (name.back() == '.' || name.contains(".."))
    return BadName{"dots stand between other characters in a mail address (RFC 5321)",
                   like.contains("..") ? "" : like};
  return std::nullopt;
}

std::optional<BadName> check_external_group_name(std::string_view name) {
  constexpr std::size_t kLongest = 256;  // of sAMAccountName and of cn
  if (name.empty()) return BadName{"a name cannot be empty", ""};
  if (name.size() > kLongest)
    return BadName{fmt::format("a group's name has at most {} bytes, this one {}", kLongest, name.size()),
                   ""};
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return BadName{"a group's name has no control characters", ""};
  return std::nullopt;
}

std::optional<BadName> check_interface_name(std::string_view name) {
  if (name.empty() || name.size() > Limits::kInterfaceName)
    return BadName{fmt::format("an interface name has 1 to {} characters", Limits::kInterfaceName), ""};
  if (name == "." || name == ".." || name == "lo")
    return BadName{fmt::format("'{}' is no interface that can join a network", name), ""};
  if (std::ranges::any_of(name, [](char c) { return c <= ' ' || c == '/' || c == ':' || c == 0x7f; }))
    return BadName{"an interface name has no spaces, '/' or ':'", ""};
  return std::nullopt;
}

std::string lab_name_like(std::string_view text) {
  auto like = simplified(text, "-", Limits::kLabName);
  return like.empty() ? "lab" : like;
}

}  // namespace lab::topology
