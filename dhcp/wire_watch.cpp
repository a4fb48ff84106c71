#include "dhcp/wire_watch.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "dhcp/frame.hpp"

namespace lab::dhcp {
namespace {

constexpr std::size_t kRemembered = 4096;  // transactions; a flood pushes out the oldest

/// IPv4, UDP, not a fragment, to port 67 or 68; offsets from the IP header (SOCK_DGRAM).
constexpr sock_filter kDhcpOnly[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 7),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1FFF, 5, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),         BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 1, 0),  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xFFFF),              BPF_STMT(BPF_RET | BPF_K, 0)};

std::uint64_t key_of(std::uint32_t xid, std::span<const std::uint8_t> hardware) {
  const std::string_view bytes(reinterpret_cast<const char*>(hardware.data()), hardware.size());
  return std::uint64_t{xid} << 32 ^ std::hash<std::string_view>()(bytes);
}

std::string hardware_text(const sockaddr_ll& from) {
  if (from.sll_halen != ETH_ALEN) return {};
  std::array<std::uint8_t, ETH_ALEN> bytes{};
  std::memcpy(bytes.data(), from.sll_addr, bytes.size());
  return MacAddress(bytes).text();
}

}  // namespace

WireWatch::~WireWatch() {
  if (fd_ >= 0) close(fd_);
}

Result<void> WireWatch::open(const std::set<std::string>& interfaces) {
  fd_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return fail(std::string("cannot watch the wire: ") + std::strerror(errno), {}, "it needs CAP_NET_RAW");
  const sock_fprog program{.len = static_cast<unsigned short>(std::size(kDhcpOnly)),
                           .filter = const_cast<sock_filter*>(kDhcpOnly)};  // the kernel only reads
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return fail(std::string("cannot filter what is watched: ") + std::strerror(errno));
  for (const auto& interface : interfaces) {
    ifreq query{};
    if (interface.size() >= sizeof query.ifr_name) continue;
    std::memcpy(query.ifr_name, interface.c_str(), interface.size() + 1);
    if (ioctl(fd_, SIOCGIFHWADDR, &query) != 0) continue;
    std::array<std::uint8_t, ETH_ALEN> own{};
    std::memcpy(own.data(), query.ifr_hwaddr.sa_data, own.size());
    wires_[interface] = {static_cast<int>(if_nametoindex(interface.c_str())), MacAddress(own)};
  }
  // Only now a protocol: before the filter every frame of the machine would have come.
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_IP);
  at.sll_ifindex = wires_.size() == 1 ? wires_.begin()->second.index : 0;
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return fail(std::string("cannot watch the wire: ") + std::strerror(errno));
  return {};
}

void WireWatch::receive(const Heard& heard) {
  std::uint8_t frame[2048];
  sockaddr_ll from{};
  socklen_t length = sizeof from;
  for (ssize_t size = 0; (size = recvfrom(fd_, frame, sizeof frame, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from),
                                          &length)) >= 0;
       length = sizeof from) {
    if (from.sll_pkttype == PACKET_OUTGOING) continue;  // our own words
    const auto wire = std::ranges::find_if(wires_, [&](const auto& w) { return w.second.index == from.sll_ifindex; });
    if (wire == wires_.end()) continue;
    const auto datagram = decode_packet(std::span(frame, static_cast<std::size_t>(size)));
    if (!datagram) continue;
    if (datagram->to.port == kClientPort || datagram->from.port == kServerPort) {
      heard(wire->first, hardware_text(from), datagram->payload);
      continue;
    }
    constexpr std::size_t kXidAt = 4, kHlenAt = 2, kChaddrAt = 28;
    if (datagram->payload.size() < kFixedSize) continue;
    const std::size_t hlen = std::min<std::size_t>(datagram->payload[kHlenAt], 16);
    const auto key = key_of(read32(datagram->payload.subspan(kXidAt)), datagram->payload.subspan(kChaddrAt, hlen));
    if (stations_.insert_or_assign(key, hardware_text(from)).second) remembered_.push_back(key);
    if (remembered_.size() <= kRemembered) continue;
    stations_.erase(remembered_.front());
    remembered_.pop_front();
  }
}

std::string WireWatch::station_of(std::uint32_t xid, std::span<const std::uint8_t> hardware) const {
  const auto at = stations_.find(key_of(xid, hardware));
  return at == stations_.end() ? std::string() : at->second;
}

void WireWatch::provoke(const std::string& interface, std::uint32_t xid) {
  const auto wire = wires_.find(interface);
  if (wire == wires_.end()) return;
  const auto payload = encode(rogue_probe(wire->second.own, xid)).payload;
  const auto packet =
      encode_packet({{IpAddress(), kClientPort}, {IpAddress::v4(0xFFFFFFFF), kServerPort}, payload});
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = wire->second.index;
  to.sll_halen = ETH_ALEN;
  std::memset(to.sll_addr, 0xFF, ETH_ALEN);
  (void)sendto(fd_, packet.data(), packet.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

}  // namespace lab::dhcp
