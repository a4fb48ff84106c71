/// summary -- a running lab for a person: networks, nodes, services and leases, short enough for one screen.
#pragma once
#include <boost/json.hpp>
#include <string>

#include "labctl/plan/plan.hpp"

namespace lab::command {

/// Networks with their nodes: "srv .10 directory ✓ dns ✓", "pc1 .100 leased from srv for 1 h".
std::string summary_text(const boost::json::object& status);
/// What to try next, with names and passwords.
std::string next_steps(const plan::Plan& plan);

}  // namespace lab::command
