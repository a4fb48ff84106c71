/// dns_transports -- what a name server of the plan needs besides its zones: TLS and HTTPS with a
/// certificate, limits, its name, its control socket.
#pragma once
#include "labctl/plan/build.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

/// What clients call the server, and its certificate names it: the name it has as a server of its domain,
/// "ns.helper.bac", where it has one, and the node's own.
std::vector<std::string> dns_certificate_names(const Build& build, const topology::NodeEntry& node);
void write_dns_transports(YamlText& yaml, Build& build, const topology::NodeEntry& node, Service& service);
/// Where lab-dnsctl finds the name server of a node.
std::string dns_control_path(const std::string& runtime, std::string_view node);

}  // namespace lab::plan
