/// option_reader -- DHCP options as a person writes them in YAML, in dhcp.yaml and in topologies alike:
/// `routers: [192.168.56.1]`, `66: tftp.helper.bac`, `224: {type: uint16, value: 5}`; and those of DHCPv6
/// likewise. A name or value that is wrong is reported at its place.
#pragma once
#include "common/config.hpp"
#include "dhcp/options.hpp"
#include "dhcp/v6/options.hpp"

namespace lab::config {

template <>
struct Reader<dhcp::Options> {
  static std::string type() { return "map of option name or number to its value or values"; }
  static std::string print(const dhcp::Options&) { return ""; }
  static std::string schema(Limits) { return R"({"type":"object"})"; }
  static void read(const yaml::Value& v, dhcp::Options& out, Limits);
};

template <>
struct Reader<dhcp::v6::Options> {
  static std::string type() { return "map of DHCPv6 option name or number to its value or values"; }
  static std::string print(const dhcp::v6::Options&) { return ""; }
  static std::string schema(Limits) { return R"({"type":"object"})"; }
  static void read(const yaml::Value& v, dhcp::v6::Options& out, Limits);
};

}  // namespace lab::config
