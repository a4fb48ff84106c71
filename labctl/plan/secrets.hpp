/// secrets -- what two services of a lab share and nobody else knows; made once, kept in the plan's memory.
#pragma once
#include <string>

#include "labctl/plan/build.hpp"

namespace lab::plan {

/// A key of 256 bits in base64, remembered or made anew.
std::string shared_secret(Build& build, const std::string& purpose);
/// The name of the key that signs the updates of a domain's DHCP servers: "dhcp.helper.bac".
std::string update_key(const std::string& domain);

}  // namespace lab::plan
