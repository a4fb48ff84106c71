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
#include "labctl/runtime/physical.hpp"

namespace lab::runtime {

class Fabric {
 public:
  /// `folder`: where the nodes' /etc files are kept, on the lab's own /run. `extra`: files every node gets
  /// besides its own. `outside`: the machine's network namespace, whose interfaces networks may be attached
  /// to; none where the lab is not root's.
  static Result<Fabric> create(std::string folder, std::vector<plan::File> extra, Fd outside);

  Result<void> add(const std::vector<plan::Bridge>& networks, const std::vector<plan::Node>& nodes);
  /// What may change in place: mtu, impairment, what it is attached to.
  Result<void> update(const plan::Bridge& network);
  /// What may change in place: routes, sysctls, /etc, whose addresses are translated.
  Result<void> update(const plan::Node& node);
  /// The node's processes must have ended. Its links go with its namespace.
  Result<void> remove_node(const std::string& name);
  Result<void> remove_network(const std::string& name);

  /// The machine's own interfaces go back to it; the last thing a lab does.
  void give_back() { physical_.give_back_all(); }

  /// Null for a node that does not exist.
  const Spaces* spaces(const std::string& node) const;

 private:
  struct Segment {
    int index = 0;
    plan::Bridge bridge;
    std::string attached;  ///< the machine's interface that is a port of it
  };
  struct Member {
    Spaces spaces;
    plan::Node node;
    std::vector<int> ports;
  };
  Fabric(std::string folder, std::vector<plan::File> extra, Spaces home, Netlink links, Fd outside);
  Result<void> attach(Segment& segment);
  int free_index();
  Result<void> configure(const Member& member);
  plan::Node with_extra(const plan::Node& node) const;

  std::string folder_;
  std::vector<plan::File> extra_;
  Spaces home_;
  Netlink links_;  // of the supervisor's namespace, where the bridges are
  Physical physical_;
  int next_index_ = 100;
  std::map<std::string, Segment> segments_;
  std::map<std::string, Member> members_;
};

}  // namespace lab::runtime
