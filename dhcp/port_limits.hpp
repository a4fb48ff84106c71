/// port_limits -- how many addresses each port of a relay, a switch or a wire has been given, so that one machine that
/// makes up hardware addresses cannot take the whole pool (DHCP starvation). A port is what the client cannot choose:
/// the relay and its circuit (option 82), or the hardware address its frames really come from.
#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class PortLimits {
 public:
  explicit PortLimits(const LeaseTable& leases) : leases_(leases) {}
  /// The address has been offered or lent to somebody behind the port.
  void note(const std::string& port, const IpAddress& address);
  /// How many addresses are held behind the port now.
  std::size_t held(const std::string& port, ServerTime now);

 private:
  const LeaseTable& leases_;
  std::map<std::string, std::set<std::uint32_t>> addresses_;
  std::unordered_map<std::uint32_t, std::string> port_;
};

}  // namespace lab::dhcp
