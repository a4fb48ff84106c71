/// wire_socket -- the server's two sockets: UDP port 67 for everything an IP stack can carry, and a packet
/// socket for the frame to a client that has no address yet. Many datagrams move per system call; nothing
/// here waits.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/datagrams.hpp"
#include "dhcp/server.hpp"

namespace lab::dhcp {

struct Incoming {
  std::span<const std::uint8_t> payload;  ///< valid until the next `receive`
  Arrival arrival;
  Endpoint from;
};

/// A reply in wire form, with its way.
struct Outgoing {
  Bytes bytes;  ///< UDP payload; for `hardware`, the whole IP packet
  Endpoint to;
  IpAddress from;
  int interface = 0;              ///< 0: as the routes say
  std::optional<Bytes> hardware;  ///< send a frame to this address
};

class WireSocket {
 public:
  /// Binds port `port` on every interface: scopes say which are served. Needs CAP_NET_BIND_SERVICE and
  /// CAP_NET_RAW, now only: the privileges can be dropped afterwards.
  static Result<WireSocket> open(std::uint16_t port = kServerPort);
  WireSocket(WireSocket&&) noexcept;
  WireSocket& operator=(WireSocket&&) = delete;
  ~WireSocket();

  int descriptor() const { return udp_; }
  /// What has arrived, up to a batch; empty when nothing is there. `more`: the batch was full.
  const std::vector<Incoming>& receive(bool& more);
  /// The reply as it will leave on `interface`: all that can be done before the lease is on disk.
  Outgoing prepare(const Reply& reply, const std::string& interface);
  /// Sends them all, in order; `failed` is called, with the reason in errno, for each the kernel refuses.
  /// Safe from any thread.
  void send(std::span<const Outgoing> all, const std::function<void(const Outgoing&)>& failed) const;

  /// The kernel's number of the interface; 0 when there is none.
  int interface_index(const std::string& name) const { return names_.index_of(name); }

 private:
  WireSocket() = default;
  std::size_t send_datagrams(std::span<const Outgoing> all) const;
  bool send_frame(const Outgoing& outgoing) const;

  struct Batch;
  int udp_ = -1, raw_ = -1;
  std::unique_ptr<Batch> batch_;
  std::vector<Incoming> incoming_;
  InterfaceNames names_;
};

/// Our IPv4 address on `interface` inside `network`; nullopt when it has none there.
std::optional<IpAddress> interface_address(const std::string& interface, const Network& network);

}  // namespace lab::dhcp
