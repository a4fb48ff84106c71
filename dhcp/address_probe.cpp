#include "dhcp/address_probe.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dhcp/frame.hpp"

namespace lab::dhcp {

namespace asio = boost::asio;

AddressProbe::~AddressProbe() { stop(); }

Result<void> AddressProbe::open() {
  const int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
  if (fd < 0) return fail(std::string("cannot open a packet socket for ARP: ") + std::strerror(errno));
  readable_.assign(fd);
  listen();
  return {};
}

void AddressProbe::stop() {
  boost::system::error_code ignored;
  readable_.close(ignored);
  questions_.clear();
}

bool AddressProbe::ask(const std::string& interface, const IpAddress& address, const MacAddress& asker,
                       std::chrono::milliseconds wait, std::function<void(bool)> done) {
  auto [at, fresh] = questions_.try_emplace(address);
  if (!fresh) return false;
  Question& question = at->second;
  question.asker = asker;
  question.done = std::move(done);
  question.timer = std::make_unique<asio::steady_timer>(io_, wait);
  question.timer->async_wait([this, address](const boost::system::error_code& error) {
    if (!error) finish(address, false);
  });
  send_probe(interface, address);
  return true;
}

void AddressProbe::send_probe(const std::string& interface, const IpAddress& address) {
  const int fd = readable_.native_handle();
  ifreq query{};
  if (interface.size() >= sizeof query.ifr_name) return;
  std::memcpy(query.ifr_name, interface.c_str(), interface.size() + 1);
  if (ioctl(fd, SIOCGIFHWADDR, &query) != 0) return;
  std::array<std::uint8_t, 6> own{};
  std::memcpy(own.data(), query.ifr_hwaddr.sa_data, own.size());
  if (ioctl(fd, SIOCGIFINDEX, &query) != 0) return;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_ARP);
  to.sll_ifindex = query.ifr_ifindex;
  to.sll_halen = ETH_ALEN;
  std::memset(to.sll_addr, 0xFF, ETH_ALEN);
  // RFC 5227 2.1.1: a probe has no sender address, so that it disturbs nobody's cache.
  const Bytes frame = encode_arp(
      {.sender_hardware = MacAddress(own), .target_hardware = {}, .sender = {}, .target = address});
  (void)sendto(fd, frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to),
               sizeof to);
}

void AddressProbe::listen() {
  readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (error) return;
                         receive();
                         listen();
                       });
}

void AddressProbe::receive() {
  std::uint8_t frame[64];
  for (ssize_t size = 0; (size = recv(readable_.native_handle(), frame, sizeof frame, MSG_DONTWAIT)) >= 0;) {
    const auto heard = decode_arp(std::span(frame, static_cast<std::size_t>(size)));
    if (!heard) continue;
    const auto question = questions_.find(heard->sender);
    if (question != questions_.end() && heard->sender_hardware != question->second.asker)
      finish(heard->sender, true);
  }
}

void AddressProbe::finish(const IpAddress& address, bool in_use) {
  const auto at = questions_.find(address);
  if (at == questions_.end()) return;
  const auto done = std::move(at->second.done);
  questions_.erase(at);
  done(in_use);
}

}  // namespace lab::dhcp
