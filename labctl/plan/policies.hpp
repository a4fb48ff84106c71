/// policies -- group policies in a plan: those for people as text of directory.yaml, those for machines worked
/// out (the directory resolves people's by itself, since groups change while a lab runs).
#pragma once
#include <string>
#include <vector>

#include "labctl/topology/roles.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::plan {

/// What holds for one machine. Rules come from the nearest that has them; commands of all are run, those of
/// the domain first.
struct MachinePolicy {
  std::vector<std::string> dns_suffix;
  std::vector<std::string> run;
  bool trust_ca = true;
};
MachinePolicy machine_policy(const topology::Topology& topology, const topology::NodeEntry& node);

/// What the topology lets a person do with mail, for promises that `labctl check` can keep.
struct PersonPolicy {
  bool imap = true, pop3 = true, smtp = true, send_outside = true;
};
PersonPolicy person_policy(const topology::Topology& topology, const std::string& domain,
                           const std::string& user);

/// `{max_message: 5242880, protocols: [imap]}` for directory.yaml; empty where there is no rule for people.
std::string policy_yaml(const topology::Policy& policy);

}  // namespace lab::plan
