#include "dhcp/v6/lease_table.hpp"

#include <string_view>

namespace lab::dhcp::v6 {

std::size_t LeaseTable::Hash::operator()(const IpAddress& address) const {
  const auto bytes = address.bytes();
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

const Lease* LeaseTable::find(const IpAddress& address) const {
  const auto found = leases_.find(address);
  return found == leases_.end() ? nullptr : &found->second;
}

std::vector<const Lease*> LeaseTable::of_client(const DuidKey& duid) const {
  std::vector<const Lease*> all;
  const auto [first, last] = by_client_.equal_range(duid);
  for (auto at = first; at != last; ++at) all.push_back(&leases_.at(at->second));
  return all;
}

void LeaseTable::unindex(const Lease& lease) {
  const auto [first, last] = by_client_.equal_range(lease.duid);
  for (auto at = first; at != last; ++at)
    if (at->second == lease.address) {
      by_client_.erase(at);
      return;
    }
}

const Lease& LeaseTable::put(Lease lease) {
  const IpAddress address = lease.address;
  const auto [at, is_new] = leases_.try_emplace(address);
  const bool same_client = !is_new && at->second.duid == lease.duid;
  if (!is_new && !same_client) unindex(at->second);
  at->second = std::move(lease);
  if (!same_client) by_client_.emplace(at->second.duid, address);
  const Lease& stored = at->second;
  if (stored.state != LeaseState::Released && stored.state != LeaseState::Expired)
    due_.emplace(stored.expires.time_since_epoch().count(), address);
  return stored;
}

void LeaseTable::erase(const IpAddress& address) {
  const auto found = leases_.find(address);
  if (found == leases_.end()) return;
  unindex(found->second);
  leases_.erase(found);
}

void LeaseTable::for_each(const std::function<void(const Lease&)>& visit) const {
  for (const auto& [address, lease] : leases_) visit(lease);
}

std::vector<Lease> LeaseTable::expire(ServerTime now) {
  std::vector<Lease> ended;
  while (!due_.empty() && due_.top().first < now.time_since_epoch().count()) {
    const auto [when, address] = due_.top();
    due_.pop();
    const auto found = leases_.find(address);
    if (found == leases_.end()) continue;
    Lease& lease = found->second;
    if (lease.expires.time_since_epoch().count() != when || lease.state == LeaseState::Released ||
        lease.state == LeaseState::Expired)
      continue;  // renewed, given back, or in the queue twice
    ended.push_back(lease);
    if (lease.state == LeaseState::Offered)
      erase(address);
    else
      lease.state = LeaseState::Expired;
  }
  return ended;
}

}  // namespace lab::dhcp::v6
