// A small language for tests of topologies and plans.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "labctl/plan/plan.hpp"
#include "labctl/topology/load.hpp"

namespace lab::testing {

inline Result<std::string> no_zonefiles(const std::string&) { return fail("there is no such file"); }

inline auto load(const std::string& text, const topology::ZonefileReader& zonefiles = no_zonefiles) {
  return topology::load_text("class.yaml", text, zonefiles);
}

/// The topology, which must be without mistakes.
inline topology::Topology valid(const std::string& text,
                                const topology::ZonefileReader& zonefiles = no_zonefiles) {
  auto topology = load(text, zonefiles);
  if (!topology) {
    ADD_FAILURE() << topology.error().text;
    return {};
  }
  return std::move(*topology);
}

/// The mistakes of a text, one line each, without the file's name and the lines shown: `2:8: what; remedy`.
inline std::vector<std::string> mistakes(const std::string& text) {
  const auto topology = load(text);
  std::vector<std::string> out;
  if (topology) return out;
  std::istringstream lines(topology.error().text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("class.yaml:")) {
      line.erase(0, 11);
      if (const auto at = line.find(" error:"); at != std::string::npos) line.erase(at, 7);
      out.push_back(line);
    }
  return out;
}

inline plan::PlanInputs inputs(plan::Memory memory = {}) {
  plan::PlanInputs in;
  in.paths = {"/state", "/run/labctl", "/opt/labctl/bin"};
  in.memory = std::move(memory);
  in.now = 1'795'468'800;
  in.random = [n = std::uint32_t{1}]() mutable { return (n = n * 1'103'515'245 + 12'345) >> 8; };
  return in;
}

inline plan::Plan planned(const std::string& text, plan::Memory memory = {}) {
  return plan::make_plan(valid(text), inputs(std::move(memory)));
}

/// The content of a planned file whose path ends so, or a failure.
inline std::string file_of(const plan::Plan& plan, const std::string& ending) {
  for (const auto& service : plan.services)
    for (const auto& file : service.files)
      if (file.path.ends_with(ending)) return file.content;
  for (const auto& client : plan.clients)
    for (const auto& file : client.files)
      if (file.path.ends_with(ending)) return file.content;
  ADD_FAILURE() << "no planned file ends with " << ending;
  return {};
}

/// A file under /etc of a node.
inline std::string etc_of(const plan::Plan& plan, const std::string& node, const std::string& name) {
  if (const auto* planned = plan.node(node))
    for (const auto& file : planned->etc)
      if (file.path == "/etc/" + name) return file.content;
  ADD_FAILURE() << node << " has no /etc/" << name;
  return {};
}

inline std::string read_source(const std::string& path) {
  std::ifstream in(std::string(LAB_SOURCE) + "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The names of the labs that come with it: "helper-bac", …
inline std::vector<std::string> every_topology() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(std::string(LAB_SOURCE) + "/topologies"))
    if (file.path().extension() == ".yaml") names.push_back(file.path().stem());
  return names;
}

/// The mission's lab in short.
inline const std::string kHelper = R"(
lab: helper-bac
networks: {lan: 192.168.56.0/24}
domains:
  helper.bac:
    users:
      ali: {name: Ali Traoré, password: "Ali-2026"}
      awa: {name: Awa Ouédraogo, password: "Awa-2026", mail: [awa.ouedraogo]}
nodes:
  srv:
    networks: {lan: 192.168.56.10}
    services: {directory: , dns: , dhcp: {scopes: {lan: {range: 192.168.56.100-192.168.56.200}}}, mail: }
  pc1: {networks: lan}
  pc2: {networks: lan}
)";

/// kHelper with one text replaced by another, which must be in it.
inline std::string helper_with(const std::string& from, const std::string& to) {
  auto text = kHelper;
  const auto at = text.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "not in the lab: " << from;
    return text;
  }
  return text.replace(at, from.size(), to);
}

}  // namespace lab::testing
