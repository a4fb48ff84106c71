#include "labctl/runtime/fabric.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "labctl/runtime/masquerade.hpp"

namespace lab::runtime {
namespace {

constexpr int kFirstInterface = 10;  // above what tunnel modules put into every new namespace

Result<void> enter_network(const Spaces& spaces) {
  if (setns(spaces.net.get(), CLONE_NEWNET) != 0)
    return fail(std::string("cannot enter a network namespace: ") + std::strerror(errno));
  return {};
}

}  // namespace

Fabric::Fabric(std::string folder, std::vector<plan::File> extra, Spaces home, Netlink links, Fd outside)
    : folder_(std::move(folder)),
      extra_(std::move(extra)),
      home_(std::move(home)),
      links_(std::move(links)),
      physical_(std::move(outside), home_.net.get()) {}

Result<Fabric> Fabric::create(std::string folder, std::vector<plan::File> extra, Fd outside) {
  // The switches themselves speak no IPv6: without this every port would announce itself at start.
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1";
  auto home = Spaces::of_this_process();
  if (!home) return std::unexpected(home.error());
  auto links = Netlink::open();
  if (!links) return std::unexpected(links.error());
  return Fabric(std::move(folder), std::move(extra), std::move(*home), std::move(*links), std::move(outside));
}

plan::Node Fabric::with_extra(const plan::Node& node) const {
  auto out = node;
  if (node.trust_ca) out.etc.insert(out.etc.end(), extra_.begin(), extra_.end());
  return out;
}

int Fabric::free_index() {
  while (physical_.has(next_index_)) ++next_index_;  // it came with a number of the machine's
  return next_index_++;
}

Result<void> Fabric::attach(Segment& segment) {
  const auto& wanted = segment.bridge.attach;
  if (segment.attached == wanted) return {};
  if (!segment.attached.empty())
    if (auto back = physical_.give_back(std::exchange(segment.attached, {})); !back) return back;
  if (wanted.empty()) return {};
  const auto port = physical_.take(wanted, segment.index, links_);
  if (!port) return fail(segment.bridge.network + ": " + port.error().what, {}, port.error().remedy);
  segment.attached = wanted;
  if (segment.bridge.impair.any()) links_.set_impairment(*port, segment.bridge.impair);
  return links_.flush();
}

Result<void> Fabric::add(const std::vector<plan::Bridge>& networks, const std::vector<plan::Node>& nodes) {
  for (const auto& network : networks) {
    const int index = free_index();
    links_.add_bridge(network.name, index, network.mtu);
    segments_[network.network] = {index, network, {}};
  }
  std::vector<std::string> added;
  for (const auto& node : nodes) {
    auto spaces = make_node_spaces(with_extra(node), folder_ + "/" + node.name, home_);
    if (!spaces) return std::unexpected(spaces.error());
    auto& member = members_[node.name];
    member = {std::move(*spaces), node, {}};
    int inside = kFirstInterface;
    for (const auto& interface : node.interfaces) {
      const auto segment = segments_.find(interface.network);
      if (segment == segments_.end())
        return fail(fmt::format("{}: there is no network {}", node.name, interface.network));
      const int port = free_index();
      links_.add_port(interface.port, port, segment->second.index, interface, inside++,
                      member.spaces.net.get());
      if (segment->second.bridge.impair.any()) links_.set_impairment(port, segment->second.bridge.impair);
      member.ports.push_back(port);
    }
    added.push_back(node.name);
  }
  if (auto sent = links_.flush(); !sent) return sent;
  for (const auto& name : added)
    if (auto configured = configure(members_.at(name)); !configured) return configured;
  for (const auto& network : networks)
    if (auto attached = attach(segments_.at(network.network)); !attached) return attached;
  return {};
}

Result<void> Fabric::configure(const Member& member) {
  if (auto entered = enter_network(member.spaces); !entered) return entered;
  auto configured = [&]() -> Result<void> {
    auto links = Netlink::open();
    if (!links) return std::unexpected(links.error());
    int index = kFirstInterface;
    for (const auto& interface : member.node.interfaces) {
      const auto& bridge = segments_.at(interface.network).bridge;
      for (const auto& address : interface.addresses) links->add_address(index, address);
      links->set_up(index);
      if (bridge.impair.any()) links->set_impairment(index, bridge.impair);
      ++index;
    }
    for (const auto& route : member.node.routes) links->add_route(route);
    if (auto done = links->flush(); !done || member.node.nat.empty()) return done;
    return masquerade(member.node.nat);
  }();
  if (auto back = enter_network(home_); !back) return back;
  if (!configured)
    return fail(member.node.name + ": " + configured.error().what, {}, configured.error().remedy);
  return {};
}

Result<void> Fabric::update(const plan::Bridge& network) {
  auto& segment = segments_.at(network.network);
  const bool shaped =
      segment.bridge.impair.any() || network.impair.any();  // to remove what is not there is an error
  segment.bridge = network;
  if (auto attached = attach(segment); !attached) return attached;
  links_.set_mtu(segment.index, network.mtu);
  for (const auto& [name, member] : members_) {
    int inside = kFirstInterface;
    for (std::size_t i = 0; i < member.node.interfaces.size(); ++i, ++inside) {
      if (member.node.interfaces[i].network != network.network) continue;
      links_.set_mtu(member.ports[i], network.mtu);
      if (shaped) links_.set_impairment(member.ports[i], network.impair);
      if (auto entered = enter_network(member.spaces); !entered) return entered;
      auto links = Netlink::open();
      Result<void> done;
      if (links) {
        links->set_mtu(inside, network.mtu);
        if (shaped) links->set_impairment(inside, network.impair);
        done = links->flush();
      }
      if (auto back = enter_network(home_); !back) return back;
      if (!done) return done;
    }
  }
  return links_.flush();
}

Result<void> Fabric::update(const plan::Node& node) {
  auto& member = members_.at(node.name);
  const bool translates_otherwise = member.node.nat != node.nat;
  member.node = node;
  if (auto entered = member.spaces.enter(); !entered) return entered;
  auto done = place_files(with_extra(node).etc, folder_ + "/" + node.name);
  if (done) done = write_sysctls(node.sysctls);
  if (done) {
    auto links = Netlink::open();
    if (links) {
      for (const auto& route : node.routes) links->add_route(route);
      done = links->flush();
    }
  }
  if (done && translates_otherwise) done = masquerade(node.nat);
  if (auto back = home_.enter(); !back) return back;
  return done;
}

Result<void> Fabric::remove_node(const std::string& name) {
  const auto member = members_.find(name);
  if (member == members_.end()) return {};
  for (const int port : member->second.ports) links_.delete_link(port);
  if (auto removed = links_.flush(); !removed) return removed;
  members_.erase(member);  // only now: with its namespace the kernel takes away the ports' other ends, and so the ports
  return {};
}

Result<void> Fabric::remove_network(const std::string& name) {
  const auto segment = segments_.find(name);
  if (segment == segments_.end()) return {};
  if (auto back = physical_.give_back(segment->second.attached); !back) return back;
  links_.delete_link(segment->second.index);
  segments_.erase(segment);
  return links_.flush();
}

const Spaces* Fabric::spaces(const std::string& node) const {
  const auto member = members_.find(node);
  return member == members_.end() ? nullptr : &member->second.spaces;
}

}  // namespace lab::runtime
