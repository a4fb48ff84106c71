/// dhcp_options -- DHCP options of a topology, written through to lab-dhcpd: it knows what each takes.
#pragma once
#include "labctl/plan/yaml_text.hpp"
#include "labctl/topology/services.hpp"

namespace lab::plan {

/// `routers: 192.168.56.1`, `6: [192.168.56.10, 192.168.56.11]` or `224: {type: uint16, value: 5}`.
void write_option(YamlText& yaml, const topology::Named<topology::OptionValues>& option);

}  // namespace lab::plan
