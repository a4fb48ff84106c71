/// physical -- `attach:` of a network: an interface of the machine becomes a port of the network's bridge, so
/// that real machines on its wire join the lab. It leaves the machine's own network namespace while the lab
/// runs, and goes back when it ends. Only root may take it.
#pragma once
#include <map>
#include <string>

#include "common/error.hpp"
#include "labctl/runtime/fd.hpp"
#include "labctl/runtime/netlink.hpp"

namespace lab::runtime {

class Physical {
 public:
  /// `outside`: the machine's network namespace, or none where the lab has no right to it; `inside`: the
  /// lab's.
  Physical(Fd outside, int inside) : outside_(std::move(outside)), inside_(inside) {}

  /// Its index in the lab, as a port of the bridge, up. Refuses what would cut the machine off, or cannot be
  /// bridged.
  Result<int> take(const std::string& interface, int bridge, Netlink& links);
  /// Back to the machine, as it was but for its addresses.
  Result<void> give_back(const std::string& interface);
  void give_back_all();
  bool has(int index) const;

 private:
  Fd outside_;
  int inside_;
  std::map<std::string, int> taken_;
};

/// Why nothing of the machine can be taken into a lab of this user's.
Error attach_needs_root(const std::string& network, const std::string& interface);

}  // namespace lab::runtime
