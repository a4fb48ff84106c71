/// link6 -- the client's hands in the kernel for IPv6: a socket for router advertisements, one for DHCPv6,
/// and addresses by rtnetlink, with the kernel's word on whether another machine has them already (RFC
/// 4862 5.4). Routes, prefixes on the wire and self-made addresses are the kernel's own business (accept_ra).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dhcp/client/link.hpp"
#include "dhcp/ra/advertisement.hpp"
#include "dhcp/v6/client_machine.hpp"

namespace lab::dhcp::client {

class Link6 {
 public:
  static Result<Link6> open(const std::string& interface);

  /// Readable when something has come.
  int advertisements() const { return icmp_.get(); }
  int messages() const { return udp_.get(); }
  int changes() const { return events_.get(); }

  /// Asks for routers; false while the interface has no link-local address that may be used yet.
  bool solicit(const MacAddress& own) const;
  struct Router {
    IpAddress address;
    ra::Advertisement said;
  };
  std::optional<Router> next_advertisement() const;

  /// To every DHCPv6 server and relay on the wire.
  Result<void> send(const Bytes& payload) const;
  struct Received {
    Bytes payload;
    Endpoint from;
  };
  std::optional<Received> next_message() const;

  /// Adds the address or changes its lifetimes (seconds); no route comes with it.
  Result<void> put_address(const IpAddress& address, std::uint32_t preferred, std::uint32_t valid);
  Result<void> remove_address(const IpAddress& address);

  struct Address {
    IpAddress address;
    bool tentative = false;  ///< duplicate detection still runs
    bool duplicate = false;  ///< another machine has it
    bool gone = false;
  };
  /// What has happened to addresses of the interface since the last call.
  std::vector<Address> next_changes() const;
  /// Those it has now.
  std::vector<Address> addresses();

 private:
  Link6() = default;
  std::optional<Address> parse(const void* message) const;

  std::string name_;
  int index_ = 0;
  Descriptor icmp_, udp_, events_, netlink_;
};

}  // namespace lab::dhcp::client
