/// lease_script -- the shell script that udhcpc, dhclient and dhcpcd call when a lease comes or goes. It
/// configures the interface, writes /etc/resolv.conf in place (it is a bind mount: it cannot be replaced),
/// and tells labctl about the lease the way lab-dhclient does, as a JSON file.
#pragma once
#include <string>
#include <vector>

namespace lab::plan {

/// `lease_file`: absolute; `resolv_conf`: whether the lease's name servers are to be used;
/// `suffixes`: domains tried before the lease's.
std::string lease_script(const std::string& lease_file, bool resolv_conf,
                         const std::vector<std::string>& suffixes = {});

}  // namespace lab::plan
