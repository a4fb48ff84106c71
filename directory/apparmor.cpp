#include "directory/apparmor.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace lab::directory {

bool confines(const AppArmorFacts& facts, std::string_view program) {
  if (!facts.enabled) return false;
  if (!facts.profiles_known) return facts.profile_installed;
  // One profile a line: "/usr/sbin/slapd (enforce)"; newer ones are called by a name: "slapd (enforce)".
  std::istringstream lines(facts.profiles);
  const auto name = program.substr(program.rfind('/') + 1);
  for (std::string line; std::getline(lines, line);) {
    const auto mode = line.rfind(" (");
    const auto profile = std::string_view(line).substr(0, mode);
    if ((profile == program || profile == name) && line.ends_with("(enforce)")) return true;
  }
  return false;
}

AppArmorFacts read_apparmor_facts() {
  namespace fs = std::filesystem;
  AppArmorFacts facts;
  std::error_code none;
  std::string word;
  std::ifstream("/sys/module/apparmor/parameters/enabled") >> word;
  facts.enabled = word == "Y";
  if (!facts.enabled) return facts;
  if (std::ifstream in("/sys/kernel/security/apparmor/profiles"); in) {
    std::ostringstream all;
    all << in.rdbuf();
    facts.profiles = all.str();
    facts.profiles_known = !in.bad() && !facts.profiles.empty();
  }
  facts.profile_installed = fs::exists("/etc/apparmor.d/usr.sbin.slapd", none) &&
                            !fs::exists("/etc/apparmor.d/disable/usr.sbin.slapd", none);
  return facts;
}

}  // namespace lab::directory
