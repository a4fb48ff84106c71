/// context -- what commands share: exit statuses, where things are, which lab is meant, how an error is told.
#pragma once
#include <boost/json.hpp>
#include <string>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/control.hpp"
#include "labctl/topology/load.hpp"

namespace lab::command {

/// Exit statuses of every command.
enum Exit : int { kDone = 0, kFailed = 1, kUsage = 2 };

/// $XDG_STATE_HOME/labctl, else ~/.local/state/labctl.
std::string state_home();
/// The folder this program is in: the daemons are beside it.
std::string bin_folder();
/// How to call this program in hints: "labctl" when that is what a shell would find, else its path from here.
std::string program_name();

/// Prints "labctl: …" on standard error and returns `status`.
int complain(const Error& error, int status = kFailed);

/// The lab that is meant: by name; else the only one running; else the running one whose topology is in this
/// folder.
Result<runtime::ControlClient> find_lab(const std::string& name);
/// `file`, else lab.yaml, topology.yaml or the only .yaml file of this folder. Absolute.
Result<std::string> find_topology(const std::string& file);

/// GET as JSON / as a plan; an error reply becomes an Error.
Result<boost::json::object> ask(runtime::ControlClient& lab, const std::string& target);
Result<boost::json::object> tell(runtime::ControlClient& lab, const std::string& target,
                                 const std::string& body = {});
Result<plan::Plan> plan_of(runtime::ControlClient& lab);

/// Reads the topology; prints its mistakes and returns nothing where it has any.
std::optional<topology::Topology> load_or_complain(const std::string& file, std::string_view consequence);
/// The plan of a topology with what earlier runs remember.
Result<plan::Plan> plan_for(const topology::Topology& topology);

}  // namespace lab::command
