/// udp_socket -- the server's UDP socket for DHCPv6: everything an IPv6 stack can carry, with the interface
/// it came in by. IPv6 needs no raw frames: a client has its link-local address before it asks. Many
/// datagrams move per system call; nothing here waits.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/datagrams.hpp"
#include "dhcp/v6/server.hpp"

namespace lab::dhcp::v6 {

struct Incoming {
  std::span<const std::uint8_t> payload;  ///< valid until the next `receive`
  Arrival arrival;
  Endpoint from;
  int interface = 0;
};

struct Outgoing {
  Bytes bytes;
  Endpoint to;
  int interface = 0;  ///< needed for link-local and multicast addresses; 0: as the routes say
};

class UdpSocket {
 public:
  /// Binds `port` on every interface. Needs CAP_NET_BIND_SERVICE, now only.
  static Result<UdpSocket> open(std::uint16_t port = kServerPort);
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;
  ~UdpSocket();

  /// Hears what clients send to all servers and relays on that interface (ff02::1:2), and what relays send to
  /// all servers (ff05::1:3).
  Result<void> join(const std::string& interface);

  int descriptor() const { return udp_; }
  /// What has arrived, up to a batch; empty when nothing is there. `more`: the batch was full.
  const std::vector<Incoming>& receive(bool& more);
  /// Sends them all, in order; `failed` is called, with the reason in errno, for each the kernel refuses.
  /// Safe from any thread.
  void send(std::span<const Outgoing> all, const std::function<void(const Outgoing&)>& failed) const;

 private:
  UdpSocket() = default;
  std::size_t send_batch(std::span<const Outgoing> all) const;

  struct Batch;
  int udp_ = -1;
  std::unique_ptr<Batch> batch_;
  std::vector<Incoming> incoming_;
  InterfaceNames names_;
};

/// Our IPv6 addresses on an interface, link-local ones last.
std::vector<IpAddress> interface_addresses(const std::string& interface);
/// The hardware address of an interface; all zero when it has none.
MacAddress interface_mac(const std::string& interface);

}  // namespace lab::dhcp::v6
