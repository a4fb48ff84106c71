#include "dhcp/wire_socket.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dhcp/frame.hpp"

namespace lab::dhcp {
namespace {

constexpr std::size_t kPayload = 2048;  // no client sends more

sockaddr_in internet_address(const IpAddress& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(address.v4_value());
  return at;
}

IpAddress address_of(const in_addr& a) { return IpAddress::v4(ntohl(a.s_addr)); }

Error broken(const char* doing, std::uint16_t port) {
  const int error = errno;
  std::string remedy;
  if (error == EADDRINUSE) remedy = "another DHCP server runs on this machine; stop it first";
  if (error == EACCES || error == EPERM) remedy = "run it as root of the network namespace";
  return {std::string("cannot ") + doing + ": " + std::strerror(error), "port " + std::to_string(port),
          remedy};
}

}  // namespace

struct WireSocket::Batch : ReceiveBatch<sockaddr_in, in_pktinfo, kPayload> {};

WireSocket::WireSocket(WireSocket&& other) noexcept
    : udp_(std::exchange(other.udp_, -1)),
      raw_(std::exchange(other.raw_, -1)),
      batch_(std::move(other.batch_)),
      incoming_(std::move(other.incoming_)),
      names_(std::move(other.names_)) {}

WireSocket::~WireSocket() {
  if (udp_ >= 0) close(udp_);
  if (raw_ >= 0) close(raw_);
}

Result<WireSocket> WireSocket::open(std::uint16_t port) {
  WireSocket s;
  s.udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s.udp_ < 0) return std::unexpected(broken("make a socket", port));
  const int on = 1;
  if (setsockopt(s.udp_, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
      setsockopt(s.udp_, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0)
    return std::unexpected(broken("set up the socket", port));
  widen_receive_buffer(s.udp_);
  const auto any = internet_address({}, port);
  if (bind(s.udp_, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
    return std::unexpected(broken("listen", port));
  // Protocol 0: it only sends; a protocol would give it a copy of every packet on the machine.
  s.raw_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s.raw_ < 0) return std::unexpected(broken("make a packet socket", port));
  s.batch_ = std::make_unique<Batch>();
  s.incoming_.reserve(kReceiveBatch);
  return s;
}

const std::vector<Incoming>& WireSocket::receive(bool& more) {
  incoming_.clear();
  const auto count = batch_->receive(udp_);
  more = count == kReceiveBatch;
  for (std::size_t i = 0; i < count; ++i) {
    auto& one = (*batch_)[i];
    msghdr& h = batch_->header(i);
    Incoming in{.payload = std::span(one.payload, batch_->size_of(i)),
                .arrival = {.interface = {}, .source = address_of(one.from.sin_addr), .destination = {}},
                .from = {address_of(one.from.sin_addr), ntohs(one.from.sin_port)}};
    for (cmsghdr* c = CMSG_FIRSTHDR(&h); c != nullptr; c = CMSG_NXTHDR(&h, c)) {
      if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      in.arrival.interface = names_.of(info.ipi_ifindex);
      in.arrival.destination = address_of(info.ipi_addr);
    }
    incoming_.push_back(std::move(in));
  }
  return incoming_;
}

Outgoing WireSocket::prepare(const Reply& reply, const std::string& interface) {
  Outgoing out{.bytes = encode(reply.message, reply.encoding).payload,
               .to = reply.to,
               .from = reply.from,
               .interface = 0,
               .hardware = {}};
  switch (reply.delivery) {
    case Delivery::Relay:
    case Delivery::Unicast: break;  // routed: the way back may differ from the way here
    case Delivery::Broadcast: out.interface = names_.index_of(interface); break;
    case Delivery::Hardware:
      out.interface = names_.index_of(interface);
      out.bytes = encode_packet({{reply.from, kServerPort}, reply.to, out.bytes});
      out.hardware.emplace(reply.message.hardware().begin(), reply.message.hardware().end());
      break;
  }
  return out;
}

void WireSocket::send(std::span<const Outgoing> all,
                      const std::function<void(const Outgoing&)>& failed) const {
  while (!all.empty()) {
    if (all.front().hardware) {
      if (!send_frame(all.front())) failed(all.front());
      all = all.subspan(1);
      continue;
    }
    const auto frame =
        std::ranges::find_if(all, [](const Outgoing& out) { return out.hardware.has_value(); });
    const auto datagrams = all.first(std::min(static_cast<std::size_t>(frame - all.begin()), kSendBatch));
    const std::size_t sent = send_datagrams(datagrams);
    if (sent < datagrams.size()) failed(datagrams[sent]);
    all = all.subspan(
        std::min(sent + 1, datagrams.size()));  // what failed is passed over; its client asks again
  }
}

std::size_t WireSocket::send_datagrams(std::span<const Outgoing> all) const {
  struct One {
    sockaddr_in to;
    iovec vector;
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(in_pktinfo))];
  };
  One ones[kSendBatch];
  mmsghdr headers[kSendBatch] = {};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Outgoing& out = all[i];
    One& one = ones[i];
    one.to = internet_address(out.to.address, out.to.port);
    one.vector = {const_cast<std::uint8_t*>(out.bytes.data()),
                  out.bytes.size()};  // sendmmsg(2) takes no const, yet only reads
    msghdr& h = headers[i].msg_hdr;
    h.msg_name = &one.to;
    h.msg_namelen = sizeof one.to;
    h.msg_iov = &one.vector;
    h.msg_iovlen = 1;
    h.msg_control = one.control;
    h.msg_controllen = sizeof one.control;
    std::memset(one.control, 0, sizeof one.control);
    cmsghdr* c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_ifindex = out.interface;
    // Always the address of option 54: some clients ignore what comes from another one.
    info.ipi_spec_dst.s_addr = htonl(out.from.v4_value());
    std::memcpy(CMSG_DATA(c), &info, sizeof info);
  }
  const int sent = sendmmsg(udp_, headers, static_cast<unsigned>(all.size()), MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

bool WireSocket::send_frame(const Outgoing& out) const {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = out.interface;
  to.sll_halen = static_cast<unsigned char>(std::min(out.hardware->size(), sizeof to.sll_addr));
  std::memcpy(to.sll_addr, out.hardware->data(), to.sll_halen);
  return sendto(raw_, out.bytes.data(), out.bytes.size(), MSG_DONTWAIT,
                reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0;
}

std::optional<IpAddress> interface_address(const std::string& interface, const Network& network) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::optional<IpAddress> found;
  for (const ifaddrs* a = list; a != nullptr && !found; a = a->ifa_next) {
    if (a->ifa_addr == nullptr || a->ifa_addr->sa_family != AF_INET || interface != a->ifa_name) continue;
    sockaddr_in in{};
    std::memcpy(&in, a->ifa_addr, sizeof in);
    if (network.contains(address_of(in.sin_addr))) found = address_of(in.sin_addr);
  }
  freeifaddrs(list);
  return found;
}

}  // namespace lab::dhcp
