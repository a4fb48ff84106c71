/// dhcp_control -- where the DHCP server of a node answers questions: the plan writes it into its configuration, and
/// `labctl leases` asks there.
#pragma once
#include <string>

#include "labctl/plan/plan.hpp"

namespace lab::plan {

std::string dhcp_control(const Paths& paths, const std::string& node);
/// Where its DHCPv6 side answers, on a server that has one.
std::string dhcp6_control(const Paths& paths, const std::string& node);

}  // namespace lab::plan
