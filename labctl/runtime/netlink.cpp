#include "labctl/runtime/netlink.hpp"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <netlink/route/tc.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "common/freer.hpp"

namespace lab::runtime {
namespace {

using Link = std::unique_ptr<rtnl_link, Freer<rtnl_link_put>>;
using LocalAddress = std::unique_ptr<nl_addr, Freer<nl_addr_put>>;
using Message = std::unique_ptr<nl_msg, Freer<nlmsg_free>>;

LocalAddress to_nl(const IpAddress& address, unsigned prefix) {
  const auto bytes = address.bytes();
  LocalAddress out(nl_addr_build(address.is_v4() ? AF_INET : AF_INET6, bytes.data(), bytes.size()));
  nl_addr_set_prefixlen(out.get(), static_cast<int>(prefix));
  return out;
}

}  // namespace

struct Netlink::Impl {
  struct Request {
    std::string name;  // for the error text
    bool removes;      // what is gone already is no error then
  };
  std::unique_ptr<nl_sock, Freer<nl_socket_free>> socket{nl_socket_alloc()};
  std::vector<char> queue;
  std::vector<Request> requests;  // those in the queue
  std::uint32_t first_sequence = 0;
  Result<void> failed;  // building a request failed

  void push(nl_msg* raw, std::string name, bool removes = false) {
    const Message message(raw);
    auto* header = nlmsg_hdr(message.get());
    header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    header->nlmsg_seq = nl_socket_use_seq(socket.get());
    header->nlmsg_pid = nl_socket_get_local_port(socket.get());
    if (requests.empty()) first_sequence = header->nlmsg_seq;
    const auto* bytes = reinterpret_cast<const char*>(header);
    queue.insert(queue.end(), bytes, bytes + NLMSG_ALIGN(header->nlmsg_len));
    requests.push_back({std::move(name), removes});
    constexpr std::size_t kBatch = 48 * 1024;  // below the default send buffer, with room for the answers
    if (queue.size() > kBatch && failed) failed = send();
  }

  void push_change(const Link& change, int index, std::string name) {
    const Link link(rtnl_link_alloc());
    rtnl_link_set_ifindex(link.get(), index);
    nl_msg* message = nullptr;
    if (const int error = rtnl_link_build_change_request(link.get(), change.get(), 0, &message); error < 0)
      failed = fail(fmt::format("{}: {}", name, nl_geterror(error)));
    else
      push(message, std::move(name));
  }

  Result<void> send() {
    if (requests.empty()) return {};
    auto pending = requests.size();
    std::string problem;
    if (nl_sendto(socket.get(), queue.data(), queue.size()) < 0)
      return fail(std::string("cannot talk to the kernel: ") + std::strerror(errno));
    alignas(nlmsghdr) char buffer[32768];
    while (pending > 0) {
      const auto size = recv(nl_socket_get_fd(socket.get()), buffer, sizeof buffer, 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return fail(std::string("cannot hear the kernel: ") + std::strerror(errno));
      auto left = static_cast<int>(size);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(header, left);
           header = nlmsg_next(header, &left)) {
        if (header->nlmsg_type != NLMSG_ERROR) continue;
        --pending;
        const auto* answer = static_cast<const nlmsgerr*>(nlmsg_data(header));
        const auto at = answer->msg.nlmsg_seq - first_sequence;
        if (answer->error == 0 || !problem.empty() || at >= requests.size()) continue;
        if (requests[at].removes && answer->error == -ENODEV) continue;
        problem = fmt::format("{}: {}", requests[at].name, std::strerror(-answer->error));
      }
    }
    queue.clear();
    requests.clear();
    if (!problem.empty()) return fail(problem);
    return {};
  }
};

Netlink::Netlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open() {
  auto impl = std::make_unique<Impl>();
  if (const int error = nl_connect(impl->socket.get(), NETLINK_ROUTE); error < 0)
    return fail(std::string("cannot open a netlink socket: ") + nl_geterror(error));
  nl_socket_set_buffer_size(impl->socket.get(), 1 << 20, 1 << 18);
  return Netlink(std::move(impl));
}

void Netlink::add_bridge(const std::string& name, int index, unsigned mtu) {
  const Link link(rtnl_link_bridge_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  rtnl_link_set_ifindex(link.get(), index);
  rtnl_link_set_mtu(link.get(), mtu);
  rtnl_link_set_flags(link.get(), IFF_UP);
  nl_msg* message = nullptr;
  if (const int error = rtnl_link_build_add_request(link.get(), NLM_F_CREATE | NLM_F_EXCL, &message);
      error < 0)
    impl_->failed = fail(fmt::format("bridge {}: {}", name, nl_geterror(error)));
  else
    impl_->push(message, "bridge " + name);
}

void Netlink::add_port(const std::string& port, int port_index, int bridge_index,
                       const plan::Interface& interface, int interface_index, int netns) {
  const Link link(rtnl_link_veth_alloc());
  rtnl_link_set_name(link.get(), port.c_str());
  rtnl_link_set_ifindex(link.get(), port_index);
  rtnl_link_set_master(link.get(), bridge_index);
  rtnl_link_set_mtu(link.get(), interface.mtu);
  rtnl_link_set_flags(link.get(), IFF_UP);
  auto* peer = rtnl_link_veth_get_peer(link.get());  // referenced: released below
  rtnl_link_set_name(peer, interface.name.c_str());
  rtnl_link_set_ifindex(peer, interface_index);
  rtnl_link_set_mtu(peer, interface.mtu);
  rtnl_link_set_ns_fd(peer, netns);
  const auto& mac = interface.mac.bytes();
  const LocalAddress hardware(nl_addr_build(AF_LLC, mac.data(), mac.size()));
  rtnl_link_set_addr(peer, hardware.get());
  rtnl_link_put(peer);
  nl_msg* message = nullptr;
  if (const int error = rtnl_link_build_add_request(link.get(), NLM_F_CREATE | NLM_F_EXCL, &message);
      error < 0)
    impl_->failed = fail(fmt::format("link {}: {}", port, nl_geterror(error)));
  else
    impl_->push(message, "link " + port);
}

void Netlink::set_up(int index) {
  const Link change(rtnl_link_alloc());
  rtnl_link_set_flags(change.get(), IFF_UP);
  impl_->push_change(change, index, fmt::format("interface {} up", index));
}

void Netlink::set_master(int index, int bridge_index) {
  const Link change(rtnl_link_alloc());
  rtnl_link_set_master(change.get(), bridge_index);
  impl_->push_change(change, index, fmt::format("interface {} into its bridge", index));
}

void Netlink::move_to(int index, int netns) {
  const Link change(rtnl_link_alloc());
  rtnl_link_set_ns_fd(change.get(), netns);
  impl_->push_change(change, index, fmt::format("interface {} into another namespace", index));
}

void Netlink::set_mtu(int index, unsigned mtu) {
  const Link change(rtnl_link_alloc());
  rtnl_link_set_mtu(change.get(), mtu);
  impl_->push_change(change, index, fmt::format("mtu {} on interface {}", mtu, index));
}

void Netlink::delete_link(int index) {
  const Link link(rtnl_link_alloc());
  rtnl_link_set_ifindex(link.get(), index);
  nl_msg* message = nullptr;
  if (rtnl_link_build_delete_request(link.get(), &message) == 0)
    impl_->push(message, fmt::format("removing interface {}", index), true);
}

void Netlink::add_address(int index, const plan::InterfaceAddress& address) {
  const std::unique_ptr<rtnl_addr, Freer<rtnl_addr_put>> entry(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(entry.get(), index);
  rtnl_addr_set_local(entry.get(), to_nl(address.address, address.prefix).get());
  if (address.address.is_v4()) {
    rtnl_addr_set_broadcast(entry.get(),
                            to_nl(Network::of(address.address, address.prefix).broadcast(), 32).get());
  } else {
    rtnl_addr_set_flags(entry.get(),
                        IFA_F_NODAD);  // the plan has no duplicates: no second of waiting for detection
  }
  nl_msg* message = nullptr;
  const auto name = "address " + address.text();
  if (const int error = rtnl_addr_build_add_request(entry.get(), NLM_F_CREATE | NLM_F_REPLACE, &message);
      error < 0)
    impl_->failed = fail(fmt::format("{}: {}", name, nl_geterror(error)));
  else
    impl_->push(message, name);
}

void Netlink::add_route(const plan::Route& route) {
  const std::unique_ptr<rtnl_route, Freer<rtnl_route_put>> entry(rtnl_route_alloc());
  const bool v4 = route.via.is_v4();
  rtnl_route_set_family(entry.get(), v4 ? AF_INET : AF_INET6);
  rtnl_route_set_table(entry.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(entry.get(), RTPROT_STATIC);
  rtnl_route_set_dst(entry.get(), to_nl(route.to.address(), route.to.prefix()).get());
  auto* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_gateway(hop, to_nl(route.via, v4 ? 32 : 128).get());
  rtnl_route_add_nexthop(entry.get(), hop);
  nl_msg* message = nullptr;
  const auto name = fmt::format("route to {} by {}", route.to.text(), route.via.text());
  if (const int error = rtnl_route_build_add_request(entry.get(), NLM_F_CREATE | NLM_F_REPLACE, &message);
      error < 0)
    impl_->failed = fail(fmt::format("{}: {}", name, nl_geterror(error)));
  else
    impl_->push(message, name);
}

void Netlink::set_impairment(int index, const plan::Impairment& impair) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = index;
  header.tcm_parent = TC_H_ROOT;
  header.tcm_handle = TC_H_MAKE(1U << 16, 0U);
  const bool any = impair.any();
  auto* message =
      nlmsg_alloc_simple(any ? RTM_NEWQDISC : RTM_DELQDISC, any ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO);
  if (any) {
    nla_put_string(message, TCA_KIND, "netem");
    // netem's options are a struct followed by attributes, all inside TCA_OPTIONS.
    auto* options = nla_nest_start(message, TCA_OPTIONS);
    tc_netem_qopt basic{};
    basic.limit = 10'000;
    basic.loss = static_cast<std::uint32_t>(impair.loss_percent / 100 * 4294967295.0);
    nlmsg_append(message, &basic, sizeof basic, NLA_ALIGNTO);
    nla_put_s64(message, TCA_NETEM_LATENCY64, std::chrono::nanoseconds(impair.delay).count());
    nla_put_s64(message, TCA_NETEM_JITTER64, std::chrono::nanoseconds(impair.jitter).count());
    if (impair.rate_bits != 0) {
      tc_netem_rate rate{};
      const auto bytes = impair.rate_bits / 8;
      rate.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, ~0U));
      nla_put(message, TCA_NETEM_RATE, sizeof rate, &rate);
      if (bytes > ~0U) nla_put_u64(message, TCA_NETEM_RATE64, bytes);
    }
    nla_nest_end(message, options);
  }
  impl_->push(message, fmt::format("impairment of interface {}", index));
}

Result<void> Netlink::flush() {
  if (impl_->failed) return impl_->send();
  impl_->queue.clear();  // the rest of what could not be done as a whole
  impl_->requests.clear();
  return std::exchange(impl_->failed, {});
}

}  // namespace lab::runtime
