#include "dhcp/ra/service.hpp"

#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/options.hpp"
#include "dhcp/v6/udp_socket.hpp"

namespace lab::dhcp::ra {

namespace {

namespace asio = boost::asio;

const IpAddress kAllNodes = *IpAddress::parse("ff02::1");
constexpr const char* kAllRouters = "ff02::2";
constexpr std::chrono::milliseconds kNoAddressYet(
    100);  // duplicate detection of the link-local one still runs

std::uint32_t random_number() {
  static std::random_device device;
  return device();
}

void tell(events::Direction direction, const std::string& peer, const std::string& text) {
  events::emit({.protocol = "ra", .session = 0, .direction = direction, .peer = peer, .text = text});
}

sockaddr_in6 internet_address(const IpAddress& address, int interface) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_scope_id = static_cast<std::uint32_t>(interface);
  std::memcpy(&out.sin6_addr, address.bytes().data(), sizeof out.sin6_addr);
  return out;
}

}  // namespace

struct Service::Wire {
  Wire(asio::io_context& io, std::string interface, int number, Advertisement said, Intervals intervals)
      : name(std::move(interface)),
        index(number),
        advertisement(std::move(said)),
        schedule(intervals, random_number, std::chrono::steady_clock::now()),
        timer(io) {}
  std::string name;
  int index;
  Advertisement advertisement;
  Schedule schedule;
  asio::steady_timer timer;
};

Service::Service(asio::io_context& io) : io_(io), socket_(io) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::start(asio::io_context& io, const Config& config) {
  std::unique_ptr<Service> service(new Service(io));
  if (auto opened = service->open(); !opened) return std::unexpected(opened.error());
  if (auto taken = service->configure(config); !taken) return std::unexpected(taken.error());
  service->listen();
  return service;
}

Result<void> Service::open() {
  const int raw = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
  if (raw < 0)
    return fail(std::string("cannot make a raw socket: ") + std::strerror(errno), {},
                "run it as root of the network namespace");
  socket_.assign(raw);
  const int on = 1, off = 0, hops = kHopLimit;
  icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(kSolicitation, &filter);
  if (setsockopt(raw, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) != 0 ||
      setsockopt(raw, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) != 0 ||
      setsockopt(raw, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) != 0 ||
      setsockopt(raw, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) != 0 ||
      setsockopt(raw, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) != 0 ||
      setsockopt(raw, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) != 0)
    return fail(std::string("cannot set up the socket: ") + std::strerror(errno));
  return {};
}

Result<void> Service::configure(const Config& config) {
  std::vector<std::unique_ptr<Wire>> wires;
  for (const auto& [name, c] : config.interfaces) {
    ipv6_mreq group{};
    group.ipv6mr_interface = if_nametoindex(name.c_str());
    if (group.ipv6mr_interface == 0) return fail("there is no such interface", name, "`ip link` lists them");
    const auto routers = *IpAddress::parse(kAllRouters);
    std::memcpy(&group.ipv6mr_multiaddr, routers.bytes().data(), sizeof group.ipv6mr_multiaddr);
    if (setsockopt(socket_.native_handle(), IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof group) != 0 &&
        errno != EADDRINUSE)
      return fail(std::string("cannot hear hosts: ") + std::strerror(errno), name, "is IPv6 on there?");
    Advertisement said = advertisement_of(c);
    said.source = v6::interface_mac(name);
    wires.push_back(std::make_unique<Wire>(io_, name, static_cast<int>(group.ipv6mr_interface),
                                           std::move(said), intervals_of(c)));
    log::info("{}: {}", name, summary(wires.back()->advertisement));
  }
  // A wire that is no longer served hears so.
  for (const auto& old : wires_)
    if (std::ranges::none_of(wires, [&](const auto& wire) { return wire->name == old->name; })) {
      old->advertisement.lifetime = 0;
      (void)send(*old, kAllNodes, old->advertisement);
    }
  wires_ = std::move(wires);
  for (const auto& wire : wires_) speak_later(*wire);
  return {};
}

Result<void> Service::reload(const Config& config) { return configure(config); }

void Service::stop() {
  // RFC 4861 6.2.5: hosts take another router at once instead of waiting for half an hour.
  for (const auto& wire : wires_) {
    wire->timer.cancel();
    Advertisement last = wire->advertisement;
    last.lifetime = 0;
    for (auto& route : last.routes) route.lifetime = 0;
    (void)send(*wire, kAllNodes, last);
    if (events::listening()) tell(events::Direction::Out, kAllNodes.text(), "I stop: " + summary(last));
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  wires_.clear();
}

void Service::speak_later(Wire& wire) {
  wire.timer.expires_at(wire.schedule.next());
  wire.timer.async_wait([this, &wire](const boost::system::error_code& error) {
    if (error) return;
    if (!send(wire, kAllNodes, wire.advertisement)) {
      wire.timer.expires_after(kNoAddressYet);
      wire.timer.async_wait([this, &wire](const boost::system::error_code& later) {
        if (!later) speak_later(wire);
      });
      return;
    }
    wire.schedule.spoken(std::chrono::steady_clock::now());
    if (events::listening())
      tell(events::Direction::Out, kAllNodes.text(), "ROUTER-ADVERTISEMENT: " + summary(wire.advertisement));
    speak_later(wire);
  });
}

void Service::listen() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error) return;
                       receive();
                       listen();
                     });
}

void Service::receive() {
  constexpr int kAtOnce = 64;  // then timers get their turn
  for (int i = 0; i < kAtOnce; ++i) {
    std::uint8_t packet[1500];
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
    sockaddr_in6 from{};
    iovec vector{packet, sizeof packet};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const auto size = recvmsg(socket_.native_handle(), &header, 0);
    if (size < 0) return;
    int hops = 0;
    in6_pktinfo info{};
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != IPPROTO_IPV6) continue;
      if (c->cmsg_type == IPV6_HOPLIMIT) std::memcpy(&hops, CMSG_DATA(c), sizeof hops);
      if (c->cmsg_type == IPV6_PKTINFO) std::memcpy(&info, CMSG_DATA(c), sizeof info);
    }
    const auto asked = Solicitation::parse(std::span(packet, static_cast<std::size_t>(size)));
    const auto host = v6::read_address(std::span(from.sin6_addr.s6_addr, 16));
    const auto wire = std::ranges::find_if(
        wires_, [&](const auto& w) { return w->index == static_cast<int>(info.ipi6_ifindex); });
    if (!asked || hops != kHopLimit || wire == wires_.end()) continue;
    if (host == IpAddress::v6({})) {
      if (asked->source) continue;  // RFC 4861 6.1.1
      (*wire)->schedule.asked(std::chrono::steady_clock::now());
      speak_later(**wire);
    } else {
      answer(**wire, host);
    }
  }
}

void Service::answer(Wire& wire, const IpAddress& host) {
  if (events::listening())
    tell(events::Direction::In, host.text(), "ROUTER-SOLICITATION: Is there a router?");
  const auto reply = [this, host](const Wire& on) {
    (void)send(on, host, on.advertisement);
    if (events::listening())
      tell(events::Direction::Out, host.text(), "ROUTER-ADVERTISEMENT: " + summary(on.advertisement));
  };
  const auto delay = wire.schedule.delay();
  if (delay.count() == 0) return reply(wire);
  auto timer = std::make_shared<asio::steady_timer>(io_, delay);
  timer->async_wait([this, timer, reply, index = wire.index](const boost::system::error_code& error) {
    for (const auto& on : wires_)
      if (!error && on->index == index) reply(*on);
  });
}

bool Service::send(const Wire& wire, const IpAddress& to, const Advertisement& advertisement) const {
  const auto own = v6::interface_addresses(wire.name);
  const auto from = std::ranges::find_if(own, v6::is_link_local);
  if (from == own.end()) return false;
  Bytes bytes = advertisement.encode();
  sockaddr_in6 at = internet_address(to, wire.index);
  iovec vector{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  msghdr header{};
  header.msg_name = &at;
  header.msg_namelen = sizeof at;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = IPV6_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
  in6_pktinfo info{};
  // RFC 4861 6.1.2: hosts believe advertisements from link-local addresses only.
  std::memcpy(&info.ipi6_addr, from->bytes().data(), sizeof info.ipi6_addr);
  info.ipi6_ifindex = static_cast<unsigned>(wire.index);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
  return sendmsg(socket_.native_handle(), &header, MSG_DONTWAIT) >= 0;
}

}  // namespace lab::dhcp::ra
