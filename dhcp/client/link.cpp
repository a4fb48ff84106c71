#include "dhcp/client/link.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dhcp/frame.hpp"

namespace lab::dhcp::client {
namespace {

constexpr std::uint8_t kBroadcastHardware[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

Error broken(const std::string& doing, const std::string& where) {
  const bool forbidden = errno == EPERM || errno == EACCES;
  return {"cannot " + doing + ": " + std::strerror(errno), where,
          forbidden ? "run it as root of the network namespace, as labctl does" : ""};
}

/// Lets only UDP to port 68 through to the program: fifty clients on one wire must not wake each other.
Result<void> only_client_port(int socket, const std::string& where) {
  // Offsets count from the IP header.
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),  // protocol
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),  // fragment offset
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1FFF, 4, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),  // length of the IP header
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),   // destination port
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kClientPort, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFF),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return std::unexpected(broken("filter packets", where));
  return {};
}

/// Nothing is read from the UDP socket: it sends, and keeps the kernel from answering port 68 with "port
/// unreachable".
Result<void> take_nothing(int socket, const std::string& where) {
  sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog program{1, code};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return std::unexpected(broken("filter datagrams", where));
  return {};
}

/// A link that has just come up drops what is sent before the other end has noticed; a lost DISCOVER costs
/// more than this wait, which ends after a millisecond or two unless nobody is there.
void await_carrier(int socket, ifreq query) {
  constexpr int kTries = 100;
  for (int i = 0;
       i < kTries && ioctl(socket, SIOCGIFFLAGS, &query) == 0 && (query.ifr_flags & IFF_RUNNING) == 0; ++i)
    usleep(1000);
}

sockaddr_ll link_address(int index, std::uint16_t protocol) {
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(protocol);
  at.sll_ifindex = index;
  at.sll_halen = sizeof kBroadcastHardware;
  std::memcpy(at.sll_addr, kBroadcastHardware, sizeof kBroadcastHardware);
  return at;
}

sockaddr_in internet_address(const IpAddress& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(address.v4_value());
  return at;
}

const sockaddr* generic(const void* address) { return static_cast<const sockaddr*>(address); }

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<Link> Link::open(const std::string& interface) {
  Link link;
  link.name_ = interface;
  link.udp_ = Descriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq query{};
  if (interface.empty() || interface.size() >= sizeof query.ifr_name)
    return fail("not an interface name", interface);
  std::memcpy(query.ifr_name, interface.c_str(), interface.size() + 1);
  const int udp = link.udp_.get();
  if (ioctl(udp, SIOCGIFINDEX, &query) != 0)
    return fail("there is no such interface", interface, "`ip link` lists them");
  link.index_ = query.ifr_ifindex;
  if (ioctl(udp, SIOCGIFHWADDR, &query) != 0)
    return std::unexpected(broken("read the hardware address", interface));
  if (query.ifr_hwaddr.sa_family != ARPHRD_ETHER) return fail("is no Ethernet interface", interface);
  std::array<std::uint8_t, 6> mac{};
  std::memcpy(mac.data(), query.ifr_hwaddr.sa_data, mac.size());
  link.hardware_ = MacAddress(mac);
  if (ioctl(udp, SIOCGIFFLAGS, &query) != 0)
    return std::unexpected(broken("read the state of the interface", interface));
  if ((query.ifr_flags & IFF_UP) == 0) {
    query.ifr_flags = static_cast<short>(query.ifr_flags | IFF_UP);
    if (ioctl(udp, SIOCSIFFLAGS, &query) != 0)
      return std::unexpected(broken("bring the interface up", interface));
    await_carrier(udp, query);
  }

  link.packets_ = Descriptor(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (link.packets_.get() < 0) return std::unexpected(broken("open a packet socket", interface));
  if (auto set = only_client_port(link.packets_.get(), interface); !set) return std::unexpected(set.error());
  const auto at = link_address(link.index_, ETH_P_IP);
  if (bind(link.packets_.get(), generic(&at), sizeof at) != 0)
    return std::unexpected(broken("listen to packets", interface));

  const int on = 1;
  setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                 static_cast<socklen_t>(interface.size())) != 0)
    return std::unexpected(broken("bind to the interface", interface));
  if (auto set = take_nothing(udp, interface); !set) return std::unexpected(set.error());
  const auto any = internet_address({}, kClientPort);
  if (bind(udp, generic(&any), sizeof any) != 0) {
    if (errno == EADDRINUSE) return fail("another DHCP client runs here already", interface, "stop it first");
    return std::unexpected(broken("take port 68", interface));
  }
  return link;
}

bool Link::send_frame(int socket, std::uint16_t protocol, const Bytes& frame) const {
  const auto to = link_address(index_, protocol);
  return sendto(socket, frame.data(), frame.size(), 0, generic(&to), sizeof to) >= 0;
}

Result<void> Link::broadcast(const Bytes& payload, const Endpoint& from) {
  const Endpoint everybody{IpAddress::v4(0xFFFFFFFF), kServerPort};
  if (!send_frame(packets_.get(), ETH_P_IP, encode_packet({from, everybody, payload})))
    return std::unexpected(broken("send", name_));
  return {};
}

Result<void> Link::unicast(const Bytes& payload, const IpAddress& to) {
  const auto at = internet_address(to, kServerPort);
  if (sendto(udp_.get(), payload.data(), payload.size(), 0, generic(&at), sizeof at) < 0)
    return std::unexpected(broken("send to " + to.text(), name_));
  return {};
}

std::optional<Link::Received> Link::receive() {
  std::uint8_t buffer[kMessageLimits.received];
  for (;;) {
    const auto size = recv(packets_.get(), buffer, sizeof buffer, 0);
    if (size < 0) return std::nullopt;
    if (auto d = decode_packet(std::span(buffer, static_cast<std::size_t>(size))))
      return Received{Bytes(d->payload.begin(), d->payload.end()), d->from, d->to};
  }
}

Bytes Link::arp(const IpAddress& sender, const IpAddress& target) const {
  return encode_arp(
      {.sender_hardware = hardware_, .target_hardware = {}, .sender = sender, .target = target});
}

void Link::announce(const IpAddress& address) {
  const Descriptor socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  (void)send_frame(socket.get(), ETH_P_ARP, arp(address, address));  // a courtesy: nothing depends on it
}

bool Link::in_use(const IpAddress& address, std::chrono::milliseconds wait) {
  const Descriptor socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto at = link_address(index_, ETH_P_ARP);
  if (socket.get() < 0 || bind(socket.get(), generic(&at), sizeof at) != 0) return false;
  // RFC 5227 2.1.1: a probe has no sender address, so that it disturbs nobody's cache.
  if (!send_frame(socket.get(), ETH_P_ARP, arp({}, address))) return false;
  const auto end = std::chrono::steady_clock::now() + wait;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{socket.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    std::uint8_t frame[64];
    const auto size = recv(socket.get(), frame, sizeof frame, 0);
    const auto heard = decode_arp(std::span(frame, static_cast<std::size_t>(std::max<ssize_t>(size, 0))));
    if (heard && heard->sender == address && heard->sender_hardware != hardware_) return true;
  }
}

}  // namespace lab::dhcp::client
