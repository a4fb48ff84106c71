/// serve -- from settings to a running slapd: fills the database if it is empty, brings it up to date with a
/// changed topology if it is not, and becomes slapd (exec), so that the process the supervisor started is the
/// server itself. A child stays behind only until the server has answered a bind: it applies changes, says
/// READY=1 and ends.
#pragma once
#include <string>

#include "common/error.hpp"
#include "directory/config.hpp"

namespace lab::directory {

/// Limits of the start.
struct ServeLimits {
  int ready_seconds =
      20;  ///< a database of 64 MiB is open in milliseconds; a machine under load needs longer
  int answer_seconds = 60;  ///< for each question of the child: one may put a thousand people into a group
};

/// Returns only when it could not be done.
Error serve(const Settings& settings, const ServeLimits& limits = {});

}  // namespace lab::directory
