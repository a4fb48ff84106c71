/// launch -- runs the programs of OpenLDAP: which binary, with what environment and limits.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/config.hpp"

namespace lab::directory {

/// The path by which slapd can be run here: `installed` itself, or where AppArmor would confine that, a copy
/// of it below `folder`.
Result<std::string> usable_slapd(const std::string& installed, const std::string& folder);

/// Caps the limits and sets the environment that both programs run with.
void prepare_environment(unsigned connections, const Kerberos* kerberos = nullptr);

/// slapadd -q of `ldif` with `conf`; waits for it. What it says goes to standard error.
Result<void> run_slapadd(const std::string& slapd, const std::string& conf, const std::string& ldif);

/// slapcat with `conf`: everything a database holds that no slapd has open, as LDIF.
Result<std::string> run_slapcat(const std::string& slapd, const std::string& conf);

/// Becomes slapd; returns only on failure.
Error become_slapd(const std::string& slapd, const std::string& conf, const std::string& urls);

}  // namespace lab::directory
