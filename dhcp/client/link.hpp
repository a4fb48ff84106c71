/// link -- the client's hands in the kernel: the interface's hardware address, its IPv4 address and routes,
/// by ioctl and raw rtnetlink (rtnetlink(7)); and two sockets that work without an address: one for UDP to
/// port 68, one for ARP.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/client_machine.hpp"

namespace lab::dhcp::client {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

class Link {
 public:
  /// Finds the interface, brings it up and opens the sockets.
  static Result<Link> open(const std::string& interface);

  const std::string& name() const { return name_; }
  const MacAddress& hardware() const { return hardware_; }
  /// Readable when a message to port 68 has come.
  int descriptor() const { return packets_.get(); }

  /// One UDP payload from `from` to everybody on the wire.
  Result<void> broadcast(const Bytes& payload, const Endpoint& from);
  /// By an ordinary socket and the routes of the kernel, from the configured address.
  Result<void> unicast(const Bytes& payload, const IpAddress& to);
  struct Received {
    Bytes payload;
    Endpoint from, to;
  };
  /// Nullopt when nothing (more) is there.
  std::optional<Received> receive();

  /// Sets address and routes as the lease says; `lifetime`: the kernel removes the address after the lease,
  /// in case this program does not live to do it.
  Result<void> configure(const ClientLease& lease, bool lifetime);
  Result<void> deconfigure(const ClientLease& lease);

  /// Says to the wire that the address is here now (RFC 5227 2.3), so that caches of its former owner are
  /// corrected.
  void announce(const IpAddress& address);
  /// Asks the wire whether anybody has the address (RFC 5227 2.1.1); waits at most `wait` for an answer.
  bool in_use(const IpAddress& address, std::chrono::milliseconds wait);

 private:
  Link() = default;
  Result<void> route(const Network& destination, const IpAddress& router, const ClientLease& lease);
  Result<void> ask_kernel(const Bytes& message);
  Bytes arp(const IpAddress& sender, const IpAddress& target) const;
  bool send_frame(int socket, std::uint16_t protocol, const Bytes& frame) const;

  std::string name_;
  int index_ = 0;
  MacAddress hardware_;
  Descriptor packets_, udp_, netlink_;
};

}  // namespace lab::dhcp::client
