/// dhcp6 -- the IPv6 part of a lab's plan: the scopes of DHCPv6 in dhcp.yaml, and what routers advertise.
#pragma once
#include "labctl/plan/build.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

/// `scopes6:` of the server, where it serves any.
void write_scopes6(YamlText& yaml, const Build& build, const topology::NodeEntry& server);

}  // namespace lab::plan
