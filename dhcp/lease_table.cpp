#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

const char* name(LeaseState state) {
  switch (state) {
    case LeaseState::Offered: return "offered";
    case LeaseState::Active: return "active";
    case LeaseState::Released: return "released";
    case LeaseState::Expired: return "expired";
    case LeaseState::Declined: return "declined";
  }
  return "";
}

const Lease* LeaseTable::find(const IpAddress& address) const {
  auto found = leases_.find(address.v4_value());
  return found == leases_.end() ? nullptr : &found->second;
}

std::vector<const Lease*> LeaseTable::of_client(std::string_view client) const {
  std::vector<const Lease*> leases;
  auto [first, last] = by_client_.equal_range(client);
  for (; first != last; ++first) leases.push_back(&leases_.at(*first));
  return leases;
}

void LeaseTable::unindex(std::uint32_t address) {
  auto [first, last] = by_client_.equal_range(std::string_view(leases_.at(address).client));
  for (; first != last; ++first)
    if (*first == address) {
      by_client_.erase(first);
      return;
    }
}

const Lease& LeaseTable::put(Lease lease) {
  const std::uint32_t address = lease.address.v4_value();
  auto [at, is_new] = leases_.try_emplace(address);
  const bool same_client = !is_new && at->second.client == lease.client;
  if (!is_new && !same_client) unindex(address);
  at->second = std::move(lease);
  if (!same_client) by_client_.insert(address);
  const Lease& stored = at->second;
  switch (stored.state) {
    case LeaseState::Offered:
    case LeaseState::Active:
    case LeaseState::Declined: due_.emplace(stored.expires.time_since_epoch().count(), address); break;
    case LeaseState::Released:
    case LeaseState::Expired: break;
  }
  return stored;
}

void LeaseTable::erase(const IpAddress& address) {
  const std::uint32_t key = address.v4_value();
  if (!leases_.contains(key)) return;
  unindex(key);
  leases_.erase(key);
}

void LeaseTable::for_each(const std::function<void(const Lease&)>& visit) const {
  for (const auto& [address, lease] : leases_) visit(lease);
}

std::vector<Lease> LeaseTable::expire(ServerTime now) {
  std::vector<Lease> ended;
  while (!due_.empty() && due_.top().first < now.time_since_epoch().count()) {
    const auto [when, address] = due_.top();
    due_.pop();
    auto found = leases_.find(address);
    if (found == leases_.end()) continue;
    Lease& lease = found->second;
    if (lease.expires.time_since_epoch().count() != when || lease.state == LeaseState::Released ||
        lease.state == LeaseState::Expired)
      continue;  // renewed, given back, or in the queue twice
    ended.push_back(lease);
    if (lease.state == LeaseState::Offered) {
      erase(lease.address);
    } else {
      lease.state = LeaseState::Expired;
    }
  }
  return ended;
}

}  // namespace lab::dhcp
