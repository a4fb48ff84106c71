/// names -- what hosts, domains, users and networks may be called. A name that passes is safe in DNS, in LDAP
/// distinguished names, in mail addresses, in file names and on command lines alike.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace lab::topology {

/// The domain above all others, as topologies write it: a node that has it is the lab's root server.
inline constexpr std::string_view kRootDomain = ".";

/// Why a name is refused, and a name like it that is not (may be empty).
struct BadName {
  std::string reason;      ///< "a host name has only letters, digits and '-'"
  std::string suggestion;  ///< "pc-1"
};

/// One label of a host name: RFC 1123 2.1, in lower case, so that a name is written one way everywhere.
std::optional<BadName> check_host_name(std::string_view name);
/// A domain name without the final dot: labels as above, 253 characters at most (RFC 1035 2.3.4).
std::optional<BadName> check_domain_name(std::string_view name);
/// A user, group or alias name: a mail local part (RFC 5321 4.1.2) that is also a POSIX user name.
std::optional<BadName> check_user_name(std::string_view name);
/// A group of somebody else's directory, as it is called there: "Domain Users".
std::optional<BadName> check_external_group_name(std::string_view name);
/// A network interface of this machine, as `ip link` names it.
std::optional<BadName> check_interface_name(std::string_view name);
/// The nearest lab name to any text: lower case, '-' for what cannot be; "lab" for nothing.
std::string lab_name_like(std::string_view text);

}  // namespace lab::topology
