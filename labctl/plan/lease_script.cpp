#include "labctl/plan/lease_script.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace lab::plan {

namespace {

/// Between single quotes for a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string lease_script(const Paths& paths, const LeaseScript& script) {
  const auto hook =
      std::filesystem::path(paths.bin).parent_path() / "share/labctl/dhcp" / (script.client + ".sh");
  return fmt::format(
      "#!/bin/sh\n# What {} runs when a lease comes or goes. Written by labctl.\n"
      "export LAB_LEASE_FILE={} LAB_RESOLV_CONF={} LAB_SEARCH={}\nexec {} \"$@\"\n",
      script.client, shell_quoted(script.lease_file), script.resolv_conf ? "/etc/resolv.conf" : "''",
      shell_quoted(fmt::format("{}", fmt::join(script.suffixes, " "))), shell_quoted(hook.string()));
}

}  // namespace lab::plan
