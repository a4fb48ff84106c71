/// json -- a plan, and what is remembered between runs, as JSON text: for `--dry-run --json`, and for the
/// state folder.
#pragma once
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"

namespace lab::plan {

std::string to_json(const Plan& plan);
std::string to_json(const Memory& memory);
/// What lab-probe is given to verify.
std::string to_json(const std::vector<Check>& checks);
Result<Plan> plan_from_json(std::string_view text);
Result<Memory> memory_from_json(std::string_view text);
Result<std::vector<Check>> checks_from_json(std::string_view text);

}  // namespace lab::plan
