/// paths -- places more than one service of the plan must agree on.
#pragma once
#include <string>

#include "labctl/plan/build.hpp"

namespace lab::plan {

/// The directory's Unix socket on a node.
std::string ldapi_path(const Build& build, const topology::NodeEntry& node);
/// Whether a path is short enough for a Unix socket; else the mail server uses LDAPS even on the same node.
bool ldapi_reaches(const std::string& path);
/// The file that holds the password of the mail server's directory account.
std::string service_password_path(const Build& build, const topology::NodeEntry& directory_node);

}  // namespace lab::plan
