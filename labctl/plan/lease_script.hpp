/// lease_script -- what udhcpc, dhclient and dhcpcd run when a lease comes or goes: the hook that comes with
/// labctl for each (dhcp/clients), told where this lab keeps the lease and the names to search.
#pragma once
#include <string>
#include <vector>

#include "labctl/plan/paths.hpp"

namespace lab::plan {

struct LeaseScript {
  std::string client;  ///< udhcpc, dhclient, dhcpcd or networkd
  std::string lease_file;
  bool resolv_conf = false;           ///< the lease says where names are asked for
  std::vector<std::string> suffixes;  ///< searched before the leased ones (group policies)
};

/// The text of an executable file.
std::string lease_script(const Paths& paths, const LeaseScript& script);

}  // namespace lab::plan
