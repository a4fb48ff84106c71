/// netlink -- makes bridges, veth pairs, addresses and routes by rtnetlink (rtnetlink(7), messages built by
/// libnl-route). Requests are queued and sent in batches: a classroom of 250 hosts takes a few hundred
/// milliseconds instead of seconds.
#pragma once
#include <memory>
#include <string>

#include "common/address.hpp"
#include "common/error.hpp"
#include "labctl/plan/plan.hpp"

namespace lab::runtime {

/// A route socket of the network namespace the thread was in when it was opened; it stays in that namespace.
class Netlink {
 public:
  static Result<Netlink> open();
  Netlink(Netlink&&) noexcept;
  Netlink& operator=(Netlink&&) noexcept;
  ~Netlink();

  // Each queues one request; `flush` sends them in order and reports the first that the kernel refused.
  void add_bridge(const std::string& name, int index, unsigned mtu);
  /// A veth pair: `port` (index `port_index`) is a port of the bridge `bridge_index` here and up; the other
  /// end appears in the namespace `netns` as `interface`, index `interface_index`.
  void add_port(const std::string& port, int port_index, int bridge_index, const plan::Interface& interface,
                int interface_index, int netns);
  void set_up(int index);
  void set_master(int index, int bridge_index);
  /// Into another network namespace, under the same name.
  void move_to(int index, int netns);
  void set_mtu(int index, unsigned mtu);
  /// One that is gone already is no error: whoever is root in a node may remove its end of a cable.
  void delete_link(int index);
  void add_address(int index, const plan::InterfaceAddress& address);
  void add_route(const plan::Route& route);
  /// Delay, loss and rate of what leaves through the interface (tc-netem(8)); replaces what was set before.
  void set_impairment(int index, const plan::Impairment& impair);

  Result<void> flush();

 private:
  struct Impl;
  explicit Netlink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::runtime
