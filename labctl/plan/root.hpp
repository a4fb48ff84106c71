/// root -- the top of the lab's own internet: the root zone and the top-level domains nobody wrote down (RFC
/// 1034 3.1). They are held by one name server, at addresses of their own, so that a walk from the root down
/// meets three servers even where one machine plays them all.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/topology/roles.hpp"

namespace lab::plan {

struct LabRoot {
  const topology::NodeEntry* holder = nullptr;  ///< none in a lab without name servers
  std::string network;                          ///< the holder's network the addresses are on
  /// The root's address; none where a node was given the domain '.', whose own addresses serve.
  std::optional<IpAddress> address;
  /// The top-level domains' address; none where there is no free address, or nothing to serve.
  std::optional<IpAddress> tld_address;
  std::vector<std::string> tlds;  ///< top-level domains that labctl makes, "bac"
};

LabRoot lab_root(const topology::Topology& topology);

/// "helper.bac" → "helper.bac."; the root is "." already.
std::string absolute(std::string_view zone);
/// A name in a zone, absolute: "ns" in "helper.bac" → "ns.helper.bac.".
std::string below(std::string_view label, std::string_view zone);
/// Whether `zone` contains `name`; both without the final dot, the root is ".".
bool is_within(std::string_view name, std::string_view zone);
/// What the n-th name server of a zone is called when its node's own name is not used: ns.helper.bac.,
/// a.root-servers.
std::string name_server_name(std::string_view zone, std::size_t n = 0);

}  // namespace lab::plan
