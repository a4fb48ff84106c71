#include "dhcp/allocator.hpp"

#include <algorithm>

namespace lab::dhcp {

void Allocator::configure(const std::vector<Scope>& scopes) {
  pools_.clear();
  for (const auto& scope : scopes) {
    Pool& pool = pools_.emplace_back();
    pool.scope = &scope;
    for (const auto& range : scope.ranges) {
      // Half of each range, so that a scope of several ranges is shared evenly too.
      const auto half = range.size() / 2;
      if (share_ == Share::Whole || half == 0) {
        pool.parts.push_back({range, share_ != Share::Upper});
        continue;
      }
      pool.parts.push_back({{range.first, range.first.plus(half - 1)}, share_ == Share::Lower});
      pool.parts.push_back({{range.first.plus(half), range.last}, share_ == Share::Upper});
    }
    std::ranges::stable_partition(pool.parts, &Part::own);
    for (const auto& r : scope.reservations) {
      if (r.mac) pool.by_mac.emplace(*r.mac, &r);
      if (r.client_id) pool.by_client_id.emplace(*r.client_id, &r);
      if (r.circuit) pool.by_circuit.emplace(*r.circuit, &r);
      pool.by_address.emplace(r.address.v4_value(), &r);
    }
  }
  std::vector<const Lease*> free;
  leases_.for_each([&](const Lease& lease) {
    if (lease.state == LeaseState::Released || lease.state == LeaseState::Expired) free.push_back(&lease);
  });
  std::ranges::sort(free, {}, &Lease::expires);
  for (const auto* lease : free) freed(lease->address);
}

Allocator::Pool* Allocator::pool_of(const Scope& scope) {
  auto found = std::ranges::find(pools_, &scope, &Pool::scope);
  return found == pools_.end() ? nullptr : &*found;
}

const Allocator::Pool* Allocator::pool_of(const Scope& scope) const {
  auto found = std::ranges::find(pools_, &scope, &Pool::scope);
  return found == pools_.end() ? nullptr : &*found;
}

const Reservation* Allocator::reservation(const Pool& pool, const Claimant& who) const {
  // The hardware address first: it holds whatever option 61 the machine sends (RFC 4361 6.3).
  if (who.mac)
    if (auto found = pool.by_mac.find(*who.mac); found != pool.by_mac.end()) return found->second;
  if (who.client_id)
    if (auto found = pool.by_client_id.find(*who.client_id); found != pool.by_client_id.end())
      return found->second;
  if (who.circuit)
    if (auto found = pool.by_circuit.find(*who.circuit); found != pool.by_circuit.end()) return found->second;
  return nullptr;
}

const Reservation* Allocator::reservation(const Scope& scope, const Claimant& who) const {
  const Pool* pool = pool_of(scope);
  return pool == nullptr ? nullptr : reservation(*pool, who);
}

bool Allocator::free_for(const Pool& pool, const IpAddress& address, const Claimant& who,
                         ServerTime now) const {
  const auto reserved = pool.by_address.find(address.v4_value());
  const bool is_reserved = reserved != pool.by_address.end();
  if (is_reserved && reserved->second != reservation(pool, who)) return false;
  const Lease* lease = leases_.find(address);
  if (own_only_) {
    // What both know to be lent is kept for its client, though its time has run out; anything else is for
    // whose share it is to lend.
    const bool lent =
        lease != nullptr && (lease->state == LeaseState::Active || lease->state == LeaseState::Declined);
    if (lent && lease->client != who.client) return false;
    if ((!lent || strictly_) && !in_own_share(address)) return false;
  }
  if (lease == nullptr) return true;
  if (!lease->holds(now)) return true;
  if (lease->state == LeaseState::Declined) return false;
  // A reserved machine is one machine, whatever its firmware, installer and system put into option 61.
  return lease->client == who.client || (is_reserved && lease->hardware == who.hardware);
}

bool Allocator::may_have(const Scope& scope, const IpAddress& address, const Claimant& who,
                         ServerTime now) const {
  const Pool* pool = pool_of(scope);
  if (pool == nullptr || !free_for(*pool, address, who, now)) return false;
  const Reservation* own = reservation(*pool, who);
  if (own != nullptr && own->address == address) return true;
  // A reservation made or changed while the lease runs supersedes it at once: any other address is no longer
  // right, unless the reserved one cannot be had.
  if (own != nullptr && free_for(*pool, own->address, who, now)) return false;
  return scope.lends(address);
}

std::optional<Choice> Allocator::choose(const std::vector<const Scope*>& network, const Claimant& who,
                                        ServerTime now) {
  for (const auto* scope : network)
    if (const auto* own = reservation(*scope, who);
        own != nullptr && may_have(*scope, own->address, who, now))
      return Choice{own->address, scope, own, "reserved for " + own->name + " in " + scope->name};

  std::optional<Choice> had;
  for (const auto* lease : leases_.of_client(who.client))
    for (const auto* scope : network)
      if (scope->network.contains(lease->address) && may_have(*scope, lease->address, who, now)) {
        const bool running = lease->holds(now);
        if (!had || running)
          had = Choice{lease->address, scope, nullptr,
                       running ? "the client has it already" : "the client had it before"};
      }
  if (had) return had;

  if (who.wanted && (!own_only_ || in_own_share(*who.wanted)))
    for (const auto* scope : network)
      if (scope->network.contains(*who.wanted) && may_have(*scope, *who.wanted, who, now))
        return Choice{*who.wanted, scope, nullptr, "the client asks for it and it is free"};

  for (const auto* scope : network)
    if (Pool* pool = pool_of(*scope))
      if (auto address = never_lent(*pool, who, now))
        return Choice{*address, scope, nullptr, "first free in " + scope->name + "'s range"};
  for (const auto* scope : network)
    if (Pool* pool = pool_of(*scope))
      if (auto address = longest_free(*pool, who, now))
        return Choice{*address, scope, nullptr,
                      "free for longest in " + scope->name + "; every address has been lent before"};
  return std::nullopt;
}

std::optional<IpAddress> Allocator::never_lent(Pool& pool, const Claimant& who, ServerTime now) {
  for (; pool.part < pool.parts.size(); ++pool.part, pool.next = 0) {
    const auto& [range, own] = pool.parts[pool.part];
    if (own_only_ && !own) break;  // its turn may come
    for (; pool.next < range.size(); ++pool.next) {
      const IpAddress address = range.first.plus(pool.next);
      // The cursor never goes back: a lease that ends comes back through the queue. So do addresses passed
      // over here.
      if (leases_.find(address) != nullptr) continue;
      if (pool.scope->lends(address) && free_for(pool, address, who, now)) {
        ++pool.next;
        return address;
      }
    }
  }
  return std::nullopt;
}

std::optional<IpAddress> Allocator::longest_free(Pool& pool, const Claimant& who, ServerTime now) {
  // Once round: what is the partner's for now stays in the queue.
  for (auto left = pool.free_again.size(); left > 0; --left) {
    const auto value = pool.free_again.front();
    const IpAddress address = IpAddress::v4(value);
    pool.free_again.pop_front();
    if (own_only_ && !in_own_share(address)) {
      pool.free_again.push_back(value);
    } else if (pool.scope->lends(address) && free_for(pool, address, who, now)) {
      return address;
    }
  }
  return std::nullopt;
}

bool Allocator::in_own_share(const IpAddress& address) const {
  for (const auto& pool : pools_) {
    // A reservation is one machine's on both servers.
    if (pool.by_address.contains(address.v4_value())) return true;
    for (const auto& part : pool.parts)
      if (part.range.contains(address)) return part.own;
  }
  return false;
}

void Allocator::freed(const IpAddress& address) {
  for (auto& pool : pools_)
    if (pool.scope->lends(address)) pool.free_again.push_back(address.v4_value());
}

}  // namespace lab::dhcp
