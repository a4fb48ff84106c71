// Any text is a topology with a plan, or is refused with its mistakes shown; a plan survives being printed as
// JSON.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "labctl/plan/difference.hpp"
#include "labctl/plan/json.hpp"
#include "labctl/topology/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // The second half stands for a zone file as well.
  const auto zonefile = [&](const std::string&) -> lab::Result<std::string> {
    return text.substr(text.size() / 2);
  };
  const auto topology = lab::topology::load_text("fuzz.yaml", text, zonefile);
  if (!topology) {
    if (topology.error().mistakes == 0 || topology.error().text.empty()) std::abort();
    return 0;
  }
  lab::plan::PlanInputs inputs;
  inputs.paths = {"/state", "/run", "/bin"};
  std::uint32_t seed = 1;
  inputs.random = [&seed] { return seed = seed * 1103515245 + 12345; };
  const auto plan = lab::plan::make_plan(*topology, inputs);
  const auto copy = lab::plan::plan_from_json(lab::plan::to_json(plan));
  if (!copy || !lab::plan::difference(plan, *copy).empty()) std::abort();
  return 0;
}
