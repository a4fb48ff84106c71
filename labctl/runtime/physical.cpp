#include "labctl/runtime/physical.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace lab::runtime {
namespace {

/// While it lives, the thread is in another network namespace.
class Visit {
 public:
  Visit(int there, int home) : home_(home), good_(setns(there, CLONE_NEWNET) == 0) {}
  ~Visit() {
    if (good_) (void)setns(home_, CLONE_NEWNET);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  explicit operator bool() const { return good_; }

 private:
  int home_;
  bool good_;
};

std::string interfaces_here() {
  std::vector<std::string> names;
  auto* all = if_nameindex();
  for (const auto* one = all; one != nullptr && one->if_index != 0; ++one)
    if (std::string_view(one->if_name) != "lo") names.emplace_back(one->if_name);
  if_freenameindex(all);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool is_wireless(const std::string& interface) {
  constexpr unsigned long kWirelessName =
      0x8B01;  // SIOCGIWNAME of linux/wireless.h, which does not go with net/if.h
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, interface.data(), std::min(interface.size(), sizeof request.ifr_name - 1));
  return ioctl(socket.get(), kWirelessName, &request) == 0;
}

/// By it the machine itself reaches the world.
bool has_default_route(const std::string& interface) {
  std::ifstream v4("/proc/thread-self/net/route"), v6("/proc/thread-self/net/ipv6_route");
  for (std::string line; std::getline(v4, line);) {
    std::istringstream words(line);
    std::string name, destination;
    if (words >> name >> destination && name == interface && destination == "00000000") return true;
  }
  for (std::string line; std::getline(v6, line);) {
    std::istringstream words(line);
    std::string destination, prefix, word;
    words >> destination >> prefix;
    std::string name;
    while (words >> word) name = word;
    if (name == interface && prefix == "00" && destination.find_first_not_of('0') == std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

Error attach_needs_root(const std::string& network, const std::string& interface) {
  return {fmt::format("{} is to have {} of this machine (attach), which only root may take into a lab",
                      network, interface),
          {},
          "run sudo labctl up, or leave attach out: the lab's own machines need none"};
}

Result<int> Physical::take(const std::string& interface, int bridge, Netlink& links) {
  if (!outside_) return std::unexpected(attach_needs_root("the network", interface));
  {
    const Visit visit(outside_.get(), inside_);
    if (!visit) return fail(fmt::format("cannot enter the machine's network: {}", std::strerror(errno)));
    const auto index = static_cast<int>(if_nametoindex(interface.c_str()));
    if (index == 0)
      return fail(fmt::format("this machine has no interface {} (attach)", interface), {},
                  "it has " + interfaces_here());
    if (is_wireless(interface))
      return fail(
          fmt::format("{} is wireless, and an access point takes frames of one station only from it (attach)",
                      interface),
          {}, "attach a wired interface");
    if (has_default_route(interface))
      return fail(
          fmt::format("{} has this machine's default route: to take it would cut the machine off (attach)",
                      interface),
          {},
          fmt::format("attach another interface, or take the route away first: ip route del default dev {}",
                      interface));
    auto there = Netlink::open();
    if (!there) return std::unexpected(there.error());
    there->move_to(index, inside_);
    if (auto moved = there->flush(); !moved)
      return fail(fmt::format("cannot take {} into the lab: {}", interface, moved.error().what), {},
                  "it needs root with CAP_NET_ADMIN, and an interface that may change its namespace");
  }
  const auto index = static_cast<int>(if_nametoindex(interface.c_str()));
  taken_[interface] = index;
  links.set_master(index, bridge);
  links.set_up(index);
  if (auto joined = links.flush(); !joined) {
    (void)give_back(interface);
    return fail(fmt::format("cannot bridge {}: {}", interface, joined.error().what));
  }
  return index;
}

Result<void> Physical::give_back(const std::string& interface) {
  const auto at = taken_.find(interface);
  if (at == taken_.end()) return {};
  auto links = Netlink::open();
  if (!links) return std::unexpected(links.error());
  links->move_to(at->second, outside_.get());
  taken_.erase(at);
  return links->flush();
}

void Physical::give_back_all() {
  while (!taken_.empty()) (void)give_back(std::string(taken_.begin()->first));
}

bool Physical::has(int index) const {
  return std::ranges::any_of(taken_, [&](const auto& one) { return one.second == index; });
}

}  // namespace lab::runtime
