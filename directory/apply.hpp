/// apply -- carries the topology's changes into a running directory that people and teachers have changed
/// too. The topology's word counts for what it speaks of; whatever else is there stays: passwords people
/// chose, numbers they have, values added beside the topology's.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/changes.hpp"
#include "directory/local_session.hpp"

namespace lab::directory {

/// Carries out `changes`, each of which may have been made already, and logs what it does. New people who
/// would get the number of somebody added by hand get another one; who is there already keeps theirs: `tree`,
/// which is remembered as the topology's, learns it.
Result<void> apply_changes(LocalSession& session, const std::string& suffix, std::vector<Change> changes,
                           std::vector<Entry>& tree);

}  // namespace lab::directory
