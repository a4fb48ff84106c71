#include "dhcp/v6/udp_socket.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lab::dhcp::v6 {

namespace {

sockaddr_in6 internet_address(const Endpoint& at, int interface) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(at.port);
  std::memcpy(&out.sin6_addr, at.address.bytes().data(), sizeof out.sin6_addr);
  if (is_link_local(at.address) || is_multicast(at.address))
    out.sin6_scope_id = static_cast<std::uint32_t>(interface);
  return out;
}

IpAddress address_of(const in6_addr& a) { return read_address(std::span(a.s6_addr, 16)); }

Error broken(const char* doing, std::uint16_t port) {
  const int error = errno;
  std::string remedy;
  if (error == EADDRINUSE) remedy = "another DHCPv6 server or relay runs on this machine; stop it first";
  if (error == EACCES || error == EPERM) remedy = "run it as root of the network namespace";
  if (error == EAFNOSUPPORT) remedy = "this kernel has no IPv6";
  return {std::string("cannot ") + doing + ": " + std::strerror(error), "port " + std::to_string(port),
          remedy};
}

}  // namespace

struct UdpSocket::Batch : ReceiveBatch<sockaddr_in6, in6_pktinfo, kMessageLimits.received> {};

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : udp_(std::exchange(other.udp_, -1)),
      batch_(std::move(other.batch_)),
      incoming_(std::move(other.incoming_)),
      names_(std::move(other.names_)) {}

UdpSocket::~UdpSocket() {
  if (udp_ >= 0) close(udp_);
}

Result<UdpSocket> UdpSocket::open(std::uint16_t port) {
  UdpSocket s;
  s.udp_ = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s.udp_ < 0) return std::unexpected(broken("make a socket", port));
  const int on = 1, off = 0;
  if (setsockopt(s.udp_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0 ||
      setsockopt(s.udp_, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) != 0 ||
      setsockopt(s.udp_, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) != 0)
    return std::unexpected(broken("set up the socket", port));
  // Without this, a group joined by another program on an interface we do not serve would reach us too.
  (void)setsockopt(s.udp_, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof off);
  widen_receive_buffer(s.udp_);
  const auto any = internet_address({IpAddress::v6({}), port}, 0);
  if (bind(s.udp_, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
    return std::unexpected(broken("listen", port));
  s.batch_ = std::make_unique<Batch>();
  s.incoming_.reserve(kReceiveBatch);
  return s;
}

Result<void> UdpSocket::join(const std::string& interface) {
  ipv6_mreq group{};
  group.ipv6mr_interface = if_nametoindex(interface.c_str());
  if (group.ipv6mr_interface == 0)
    return fail("there is no such interface", interface, "`ip link` lists them");
  // RFC 8415 7.1: All_DHCP_Relay_Agents_and_Servers, All_DHCP_Servers
  for (const auto* address : {"ff02::1:2", "ff05::1:3"}) {
    (void)inet_pton(AF_INET6, address, &group.ipv6mr_multiaddr);
    if (setsockopt(udp_, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof group) != 0 && errno != EADDRINUSE)
      return fail(std::string("cannot hear ") + address + ": " + std::strerror(errno), interface,
                  "is IPv6 on there? (net.ipv6.conf." + interface + ".disable_ipv6)");
  }
  return {};
}

const std::vector<Incoming>& UdpSocket::receive(bool& more) {
  incoming_.clear();
  const auto count = batch_->receive(udp_);
  more = count == kReceiveBatch;
  for (std::size_t i = 0; i < count; ++i) {
    auto& one = (*batch_)[i];
    msghdr& h = batch_->header(i);
    Incoming in{.payload = std::span(one.payload, batch_->size_of(i)),
                .arrival = {.interface = {}, .source = address_of(one.from.sin6_addr), .destination = {}},
                .from = {address_of(one.from.sin6_addr), ntohs(one.from.sin6_port)}};
    for (cmsghdr* c = CMSG_FIRSTHDR(&h); c != nullptr; c = CMSG_NXTHDR(&h, c)) {
      if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO) continue;
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      in.interface = static_cast<int>(info.ipi6_ifindex);
      in.arrival.interface = names_.of(in.interface);
      in.arrival.destination = address_of(info.ipi6_addr);
    }
    incoming_.push_back(std::move(in));
  }
  return incoming_;
}

void UdpSocket::send(std::span<const Outgoing> all,
                     const std::function<void(const Outgoing&)>& failed) const {
  while (!all.empty()) {
    const auto batch = all.first(std::min(all.size(), kSendBatch));
    const std::size_t sent = send_batch(batch);
    if (sent < batch.size()) failed(batch[sent]);
    all = all.subspan(std::min(sent + 1, batch.size()));  // what failed is passed over; its client asks again
  }
}

std::size_t UdpSocket::send_batch(std::span<const Outgoing> all) const {
  struct One {
    sockaddr_in6 to;
    iovec vector;
  };
  One ones[kSendBatch];
  mmsghdr headers[kSendBatch] = {};
  for (std::size_t i = 0; i < all.size(); ++i) {
    ones[i].to = internet_address(all[i].to, all[i].interface);
    ones[i].vector = {const_cast<std::uint8_t*>(all[i].bytes.data()),
                      all[i].bytes.size()};  // sendmmsg(2) takes no const, yet only reads
    msghdr& h = headers[i].msg_hdr;
    h.msg_name = &ones[i].to;
    h.msg_namelen = sizeof ones[i].to;
    h.msg_iov = &ones[i].vector;
    h.msg_iovlen = 1;
  }
  const int sent = sendmmsg(udp_, headers, static_cast<unsigned>(all.size()), MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

std::vector<IpAddress> interface_addresses(const std::string& interface) {
  std::vector<IpAddress> all;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return all;
  for (const ifaddrs* a = list; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr || a->ifa_addr->sa_family != AF_INET6 || interface != a->ifa_name) continue;
    sockaddr_in6 in{};
    std::memcpy(&in, a->ifa_addr, sizeof in);
    all.push_back(address_of(in.sin6_addr));
  }
  freeifaddrs(list);
  std::ranges::stable_partition(all, [](const IpAddress& a) { return !is_link_local(a); });
  return all;
}

MacAddress interface_mac(const std::string& interface) {
  ifreq query{};
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::array<std::uint8_t, 6> mac{};
  if (interface.size() < sizeof query.ifr_name) {
    std::memcpy(query.ifr_name, interface.c_str(), interface.size() + 1);
    if (ioctl(any, SIOCGIFHWADDR, &query) == 0) std::memcpy(mac.data(), query.ifr_hwaddr.sa_data, mac.size());
  }
  close(any);
  return MacAddress(mac);
}

}  // namespace lab::dhcp::v6
