#include "dhcp/client/link6.hpp"

#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "dhcp/client/rtnetlink.hpp"

namespace lab::dhcp::client {

namespace {

sockaddr_in6 internet_address(const IpAddress& address, std::uint16_t port, int interface) {
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(port);
  at.sin6_scope_id = static_cast<std::uint32_t>(interface);
  std::memcpy(&at.sin6_addr, address.bytes().data(), sizeof at.sin6_addr);
  return at;
}

const sockaddr* generic(const sockaddr_in6& address) { return reinterpret_cast<const sockaddr*>(&address); }

Error broken(const std::string& doing, const std::string& where) {
  const bool forbidden = errno == EPERM || errno == EACCES;
  return {"cannot " + doing + ": " + std::strerror(errno), where,
          forbidden ? "run it as root of the network namespace, as labctl does" : ""};
}

const IpAddress kRouters = *IpAddress::parse("ff02::2"), kServers = *IpAddress::parse("ff02::1:2");

}  // namespace

Result<Link6> Link6::open(const std::string& interface) {
  Link6 link;
  link.name_ = interface;
  link.index_ = static_cast<int>(if_nametoindex(interface.c_str()));
  const int on = 1, off = 0, hops = ra::kHopLimit;
  const auto bind_to = [&](int socket) {
    return setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                      static_cast<socklen_t>(interface.size())) == 0;
  };
  constexpr int kKind = SOCK_CLOEXEC | SOCK_NONBLOCK;

  link.icmp_ = Descriptor(socket(AF_INET6, SOCK_RAW | kKind, IPPROTO_ICMPV6));
  icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ra::kAdvertisement, &filter);
  if (link.icmp_.get() < 0 || !bind_to(link.icmp_.get()) ||
      setsockopt(link.icmp_.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) != 0 ||
      setsockopt(link.icmp_.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) != 0 ||
      setsockopt(link.icmp_.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) != 0)
    return std::unexpected(broken("listen to routers", interface));

  link.udp_ = Descriptor(socket(AF_INET6, SOCK_DGRAM | kKind, 0));
  const auto any = internet_address(IpAddress::v6({}), v6::kClientPort, 0);
  if (link.udp_.get() < 0 || !bind_to(link.udp_.get()) ||
      setsockopt(link.udp_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0 ||
      setsockopt(link.udp_.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) != 0)
    return std::unexpected(broken("open a socket for DHCPv6", interface));
  if (bind(link.udp_.get(), generic(any), sizeof any) != 0) {
    if (errno == EADDRINUSE)
      return fail("another DHCPv6 client runs here already", interface, "stop it first");
    return std::unexpected(broken("take port 546", interface));
  }

  link.events_ = Descriptor(socket(AF_NETLINK, SOCK_RAW | kKind, NETLINK_ROUTE));
  sockaddr_nl group{};
  group.nl_family = AF_NETLINK;
  group.nl_groups = RTMGRP_IPV6_IFADDR;
  if (bind(link.events_.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0)
    return std::unexpected(broken("watch addresses", interface));
  return link;
}

bool Link6::solicit(const MacAddress& own) const {
  ra::Solicitation solicitation;
  solicitation.source = own;
  const Bytes bytes = solicitation.encode();
  const auto to = internet_address(kRouters, 0, index_);
  return sendto(icmp_.get(), bytes.data(), bytes.size(), 0, generic(to), sizeof to) >= 0;
}

std::optional<Link6::Router> Link6::next_advertisement() const {
  for (;;) {
    std::uint8_t packet[1500];
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(int))];
    sockaddr_in6 from{};
    iovec vector{packet, sizeof packet};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const auto size = recvmsg(icmp_.get(), &header, 0);
    if (size < 0) return std::nullopt;
    int hops = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c))
      if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
        std::memcpy(&hops, CMSG_DATA(c), sizeof hops);
    auto said = ra::Advertisement::parse(std::span(packet, static_cast<std::size_t>(size)));
    const auto address = v6::read_address(std::span(from.sin6_addr.s6_addr, 16));
    // RFC 4861 6.1.2
    if (said && hops == ra::kHopLimit && v6::is_link_local(address)) return Router{address, std::move(*said)};
  }
}

Result<void> Link6::send(const Bytes& payload) const {
  const auto to = internet_address(kServers, v6::kServerPort, index_);
  if (sendto(udp_.get(), payload.data(), payload.size(), 0, generic(to), sizeof to) < 0)
    return std::unexpected(broken("send", name_));
  return {};
}

std::optional<Link6::Received> Link6::next_message() const {
  std::uint8_t buffer[v6::kMessageLimits.received];
  sockaddr_in6 from{};
  socklen_t length = sizeof from;
  const auto size =
      recvfrom(udp_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (size < 0) return std::nullopt;
  return Received{Bytes(buffer, buffer + size),
                  {v6::read_address(std::span(from.sin6_addr.s6_addr, 16)), ntohs(from.sin6_port)}};
}

Result<void> Link6::put_address(const IpAddress& address, std::uint32_t preferred, std::uint32_t valid) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET6;
  // RFC 8415 18.2.10.1: an address says nothing about who else is on the wire; advertisements do.
  body.ifa_prefixlen = 128;
  body.ifa_index = static_cast<std::uint32_t>(index_);
  ifa_cacheinfo times{};
  times.ifa_prefered = preferred;
  times.ifa_valid = valid;
  Request<ifaddrmsg> request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(IFA_LOCAL, address).add(IFA_ADDRESS, address).add(IFA_CACHEINFO, times);
  return ask_kernel(netlink_, request.finish(), name_);
}

Result<void> Link6::remove_address(const IpAddress& address) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET6;
  body.ifa_prefixlen = 128;
  body.ifa_index = static_cast<std::uint32_t>(index_);
  Request<ifaddrmsg> request(RTM_DELADDR, 0, body);
  request.add(IFA_LOCAL, address);
  return ask_kernel(netlink_, request.finish(), name_);
}

std::optional<Link6::Address> Link6::parse(const void* message) const {
  const auto* header = static_cast<const nlmsghdr*>(message);
  if (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR) return std::nullopt;
  const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(header));
  if (body->ifa_family != AF_INET6 || static_cast<int>(body->ifa_index) != index_) return std::nullopt;
  Address found;
  bool named = false;
  std::uint32_t flags = body->ifa_flags;
  int left = static_cast<int>(header->nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof *body));
  for (const rtattr* a = IFA_RTA(body); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == IFA_ADDRESS && RTA_PAYLOAD(a) == 16) {
      found.address = v6::read_address(std::span(static_cast<const std::uint8_t*>(RTA_DATA(a)), 16));
      named = true;
    }
    if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == sizeof flags)
      std::memcpy(&flags, RTA_DATA(a), sizeof flags);
  }
  // An optimistic address may be used at once (RFC 4429).
  found.tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  found.duplicate = (flags & IFA_F_DADFAILED) != 0;
  found.gone = header->nlmsg_type == RTM_DELADDR;
  return named ? std::optional(found) : std::nullopt;
}

std::vector<Link6::Address> Link6::next_changes() const {
  std::vector<Address> all;
  alignas(nlmsghdr) std::uint8_t buffer[16384];
  for (;;) {
    const auto size = recv(events_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return all;
    auto left = static_cast<unsigned>(size);
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(m, left);
         m = NLMSG_NEXT(m, left))
      if (auto change = parse(m)) all.push_back(*change);
  }
}

std::vector<Link6::Address> Link6::addresses() {
  std::vector<Address> all;
  const Descriptor asking(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  ifaddrmsg body{};
  body.ifa_family = AF_INET6;
  const Bytes request = Request<ifaddrmsg>(RTM_GETADDR, NLM_F_DUMP, body).finish();
  if (::send(asking.get(), request.data(), request.size(), 0) < 0) return all;
  alignas(nlmsghdr) std::uint8_t buffer[32768];
  for (;;) {
    const auto size = recv(asking.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return all;
    auto left = static_cast<unsigned>(size);
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(m, left);
         m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) return all;
      if (auto address = parse(m)) all.push_back(*address);
    }
  }
}

}  // namespace lab::dhcp::client
