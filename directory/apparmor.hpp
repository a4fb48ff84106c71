/// apparmor -- Ubuntu and Debian ship a profile that lets slapd read and write /var/lib/ldap and little else:
/// a lab's folder is "Permission denied", whoever asks. The profile binds to the program's path, so a copy
/// under another path is free of it; whether that is needed is decided here from what the kernel says.
#pragma once
#include <string>
#include <string_view>

namespace lab::directory {

/// What the machine says about AppArmor.
struct AppArmorFacts {
  bool enabled = false;            ///< /sys/module/apparmor/parameters/enabled is Y
  bool profiles_known = false;     ///< `profiles` could be read (as root); else the file in /etc decides
  std::string profiles;            ///< /sys/kernel/security/apparmor/profiles
  bool profile_installed = false;  ///< /etc/apparmor.d/usr.sbin.slapd is there and not in disable/
};

/// Whether starting `program` would confine it.
bool confines(const AppArmorFacts& facts, std::string_view program);

AppArmorFacts read_apparmor_facts();

}  // namespace lab::directory
