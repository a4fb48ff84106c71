#include "dhcp/port_limits.hpp"

namespace lab::dhcp {

void PortLimits::note(const std::string& port, const IpAddress& address) {
  auto& before = port_[address.v4_value()];
  if (before == port) return;
  if (const auto at = addresses_.find(before); at != addresses_.end()) {
    at->second.erase(address.v4_value());
    if (at->second.empty()) addresses_.erase(at);
  }
  before = port;
  addresses_[port].insert(address.v4_value());
}

std::size_t PortLimits::held(const std::string& port, ServerTime now) {
  const auto at = addresses_.find(port);
  if (at == addresses_.end()) return 0;
  std::erase_if(at->second, [&](std::uint32_t address) {
    const Lease* lease = leases_.find(IpAddress::v4(address));
    if (lease != nullptr && lease->holds(now)) return false;
    port_.erase(address);
    return true;
  });
  const auto count = at->second.size();
  if (count == 0) addresses_.erase(at);
  return count;
}

}  // namespace lab::dhcp
