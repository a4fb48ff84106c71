// The rtnetlink half of Link: address and routes (rtnetlink(7)).
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "dhcp/client/link.hpp"

namespace lab::dhcp::client {
namespace {

constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();

/// One netlink request: header, family structure, attributes.
template <class Body>
class Request {
 public:
  Request(std::uint16_t type, unsigned flags, const Body& body) : bytes_(NLMSG_LENGTH(sizeof(Body))) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    std::memcpy(bytes_.data() + NLMSG_HDRLEN, &body, sizeof body);
  }
  template <class Value>
  Request& add(std::uint16_t type, const Value& value) {
    return add(type, &value, sizeof value);
  }
  Request& add(std::uint16_t type, const IpAddress& address) {
    return add(type, address.bytes().data(), address.bytes().size());
  }
  Bytes finish() {
    header_.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return std::move(bytes_);
  }

 private:
  Request& add(std::uint16_t type, const void* data, std::size_t size) {
    const rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    const std::size_t at = bytes_.size();
    bytes_.resize(at + RTA_SPACE(size));
    std::memcpy(bytes_.data() + at, &attribute, sizeof attribute);
    std::memcpy(bytes_.data() + at + RTA_LENGTH(0), data, size);
    return *this;
  }
  nlmsghdr header_{};
  Bytes bytes_;
};

}  // namespace

Result<void> Link::ask_kernel(const Bytes& message) {
  const auto failed = [this](int error) {
    return fail(std::string("the kernel refused the configuration: ") + std::strerror(error), name_);
  };
  if (netlink_.get() < 0) netlink_ = Descriptor(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (send(netlink_.get(), message.data(), message.size(), 0) < 0) return failed(errno);
  alignas(nlmsghdr) std::uint8_t answer[4096];
  const auto size = recv(netlink_.get(), answer, sizeof answer, 0);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return failed(size < 0 ? errno : EPROTO);
  nlmsgerr result{};
  std::memcpy(&result, answer + NLMSG_HDRLEN, sizeof result);
  if (result.error != 0) return failed(-result.error);
  return {};
}

Result<void> Link::configure(const ClientLease& lease, bool lifetime) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = static_cast<std::uint8_t>(lease.prefix);
  body.ifa_index = static_cast<std::uint32_t>(index_);
  ifa_cacheinfo times{};
  times.ifa_prefered = times.ifa_valid =
      lifetime && !lease.forever ? static_cast<std::uint32_t>(std::max<std::int64_t>(lease.lease.count(), 1))
                                 : kForever;
  Request<ifaddrmsg> request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(IFA_LOCAL, lease.address).add(IFA_ADDRESS, lease.address).add(IFA_CACHEINFO, times);
  const auto broadcast = lease.broadcast.value_or(Network::of(lease.address, lease.prefix).broadcast());
  if (lease.prefix < 31) request.add(IFA_BROADCAST, broadcast);
  if (auto set = ask_kernel(request.finish()); !set) return set;

  if (!lease.routers.empty())
    if (auto set = route(*Network::parse("0.0.0.0/0"), lease.routers.front(), lease); !set) return set;
  for (const auto& r : lease.routes)
    if (auto set = route(r.destination, r.router, lease); !set) return set;
  return {};
}

Result<void> Link::route(const Network& destination, const IpAddress& router, const ClientLease& lease) {
  if (router == lease.address) return {};  // we are the router ourselves
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = static_cast<unsigned char>(destination.prefix());
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_DHCP;
  body.rtm_type = RTN_UNICAST;
  const bool direct = router == IpAddress{};  // RFC 3442: router 0.0.0.0 means on this wire
  body.rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  // A router outside the subnet (/32 leases of some providers) is taken to be on the wire.
  if (!direct && !Network::of(lease.address, lease.prefix).contains(router)) body.rtm_flags = RTNH_F_ONLINK;
  Request<rtmsg> request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body);
  if (destination.prefix() > 0) request.add(RTA_DST, destination.address());
  if (!direct) request.add(RTA_GATEWAY, router);
  // With the leased address as source, the kernel removes the route together with the address.
  request.add(RTA_PREFSRC, lease.address).add(RTA_OIF, index_);
  return ask_kernel(request.finish());
}

Result<void> Link::deconfigure(const ClientLease& lease) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = static_cast<std::uint8_t>(lease.prefix);
  body.ifa_index = static_cast<std::uint32_t>(index_);
  Request<ifaddrmsg> request(RTM_DELADDR, 0, body);
  request.add(IFA_LOCAL, lease.address);
  return ask_kernel(request.finish());
}

}  // namespace lab::dhcp::client
