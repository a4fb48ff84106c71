/// leases -- `labctl leases` as the command line gives it.
#pragma once
#include <string>

namespace lab::command {

struct LeasesOptions {
  std::string lab, server;
  std::string action;    ///< empty: list; revoke, export, import, partner-down
  std::string argument;  ///< of revoke: address, node or MAC; else a file
  bool json = false;
};
int leases(const LeasesOptions& options);

}  // namespace lab::command
