/// fabric -- the lab's networks and nodes as the kernel has them: bridges in the supervisor's namespace, a
/// veth pair per interface, namespaces per node. Built in one pass of batched netlink requests; nodes can
/// come and go later.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "labctl/plan/plan.hpp"
#include "labctl/runtime/namespaces.hpp"
#include "labctl/runtime/netlink.hpp"

namespace lab::runtime {

class Fabric {
 public:
  /// `folder`: where the nodes' /etc files are kept, on the lab's own /run. `extra`: files every node gets
  /// besides its own.
  static Result<Fabric> create(std::string folder, std::vector<plan::File> extra);

  Result<void> add(const std::vector<plan::Bridge>& networks, const std::vector<plan::Node>& nodes);
  /// What may change in place: mtu, impairment.
  Result<void> update(const plan::Bridge& network);
  /// What may change in place: routes, sysctls, /etc.
  Result<void> update(const plan::Node& node);
  /// The node's processes must have ended. Its links go with its namespace.
  Result<void> remove_node(const std::string& name);
  Result<void> remove_network(const std::string& name);

  /// Null for a node that does not exist.
  const Spaces* spaces(const std::string& node) const;

 private:
  struct Segment {
    int index = 0;
    plan::Bridge bridge;
  };
  struct Member {
    Spaces spaces;
    plan::Node node;
    std::vector<int> ports;
  };
  Fabric(std::string folder, std::vector<plan::File> extra, Spaces home, Netlink links);
  Result<void> configure(const Member& member);
  plan::Node with_extra(const plan::Node& node) const;

  std::string folder_;
  std::vector<plan::File> extra_;
  Spaces home_;
  Netlink links_;  // of the supervisor's namespace, where the bridges are
  int next_index_ = 100;
  std::map<std::string, Segment> segments_;
  std::map<std::string, Member> members_;
};

}  // namespace lab::runtime
