// The rtnetlink half of Link: address and routes (rtnetlink(7)).
#include <sys/socket.h>

#include <limits>

#include "dhcp/client/link.hpp"
#include "dhcp/client/rtnetlink.hpp"

namespace lab::dhcp::client {
namespace {

constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Result<void> Link::ask_kernel(const Bytes& message) { return client::ask_kernel(netlink_, message, name_); }

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
