#include "dhcp/v6/allocator.hpp"

#include <algorithm>
#include <array>

namespace lab::dhcp::v6 {

IpAddress PrefixPool::at(std::uint64_t n) const {
  // n, moved to the bits between the pool's prefix and the delegated one.
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(pool.address().bytes(), bytes.begin());
  for (unsigned bit = length; bit-- > pool.prefix() && n != 0; n >>= 1)
    if ((n & 1) != 0) bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80U >> (bit % 8));
  return IpAddress::v6(bytes);
}

bool Scope::excludes(const IpAddress& address) const {
  return std::ranges::find(own, address) != own.end() ||
         std::ranges::any_of(excluded, [&](const AddressRange& r) { return r.contains(address); });
}

bool Scope::lends(const IpAddress& address) const {
  return !excludes(address) &&
         std::ranges::any_of(ranges, [&](const AddressRange& r) { return r.contains(address); });
}

bool Scope::lends_prefix(const IpAddress& prefix, unsigned bits) const {
  return std::ranges::any_of(prefixes, [&](const PrefixPool& p) { return p.holds(prefix, bits); });
}

void Allocator::configure(const std::vector<Scope>& scopes) {
  pools_.clear();
  reserved_.clear();
  for (const auto& scope : scopes) {
    pools_.push_back({.scope = &scope, .kind = IaKind::Addresses, .range = 0, .next = 0, .free_again = {}});
    pools_.push_back({.scope = &scope, .kind = IaKind::Prefixes, .range = 0, .next = 0, .free_again = {}});
    Reserved& all = reserved_.emplace_back();
    all.scope = &scope;
    for (const auto& r : scope.reservations) {
      if (r.mac) all.by_mac.emplace(*r.mac, &r);
      if (r.duid) all.by_duid.emplace(DuidKey(r.duid->begin(), r.duid->end()), &r);
      if (r.address) all.by_address.emplace(*r.address, &r);
      if (r.prefix) all.by_address.emplace(r.prefix->address(), &r);
    }
  }
  std::vector<const Lease*> free;
  leases_.for_each([&](const Lease& lease) {
    if (lease.state == LeaseState::Released || lease.state == LeaseState::Expired) free.push_back(&lease);
  });
  std::ranges::sort(free, {}, &Lease::expires);
  for (const auto* lease : free) freed(*lease);
}

const Allocator::Reserved* Allocator::reserved(const Scope& scope) const {
  const auto found = std::ranges::find(reserved_, &scope, &Reserved::scope);
  return found == reserved_.end() ? nullptr : &*found;
}

const Reservation* Allocator::reservation(const Scope& scope, const Claimant& who) const {
  const Reserved* all = reserved(scope);
  if (all == nullptr) return nullptr;
  // The hardware address first: it holds whatever DUID an installer or a new system makes up.
  if (who.mac)
    if (const auto found = all->by_mac.find(*who.mac); found != all->by_mac.end()) return found->second;
  const auto found = all->by_duid.find(who.duid);
  return found == all->by_duid.end() ? nullptr : found->second;
}

bool Allocator::free_for(const Scope& scope, const IpAddress& address, const Claimant& who,
                         ServerTime now) const {
  const Reserved* all = reserved(scope);
  const auto kept = all == nullptr ? nullptr : [&]() -> const Reservation* {
    const auto found = all->by_address.find(address);
    return found == all->by_address.end() ? nullptr : found->second;
  }();
  if (kept != nullptr && kept != reservation(scope, who)) return false;
  const Lease* lease = leases_.find(address);
  if (lease == nullptr || !lease->holds(now)) return true;
  if (lease->state == LeaseState::Declined) return false;
  if (lease->is_of(who.duid, who.kind, who.iaid)) return true;
  // A reserved machine is one machine, whatever DUID its installer and its system made.
  return kept != nullptr && lease->duid != who.duid && lease->mac && lease->mac == who.mac;
}

bool Allocator::may_have(const Scope& scope, const IpAddress& address, unsigned length, const Claimant& who,
                         ServerTime now) const {
  if (!free_for(scope, address, who, now)) return false;
  if (const Reservation* own = reservation(scope, who)) {
    const auto reserved_here = who.kind == IaKind::Addresses ? own->address
                               : own->prefix                 ? std::optional(own->prefix->address())
                                                             : std::nullopt;
    if (reserved_here) {
      if (*reserved_here == address) return who.kind == IaKind::Addresses || own->prefix->prefix() == length;
      // A reservation made or changed meanwhile supersedes what was lent, unless it cannot be had.
      if (free_for(scope, *reserved_here, who, now)) return false;
    }
  }
  return who.kind == IaKind::Addresses ? scope.lends(address) : scope.lends_prefix(address, length);
}

std::optional<Choice> Allocator::choose(const Link& link, const Claimant& who, ServerTime now) {
  const bool addresses = who.kind == IaKind::Addresses;
  for (const auto* scope : link) {
    const auto* own = reservation(*scope, who);
    if (own == nullptr) continue;
    const auto why = "reserved for " + own->name + " in " + scope->name;
    if (addresses && own->address && may_have(*scope, *own->address, 128, who, now))
      return Choice{*own->address, 128, scope, own, why};
    if (!addresses && own->prefix &&
        may_have(*scope, own->prefix->address(), own->prefix->prefix(), who, now))
      return Choice{own->prefix->address(), static_cast<std::uint8_t>(own->prefix->prefix()), scope, own,
                    why};
  }
  std::optional<Choice> had;
  for (const auto* lease : leases_.of_client(who.duid)) {
    if (lease->kind != who.kind || lease->iaid != who.iaid) continue;
    for (const auto* scope : link) {
      if (!may_have(*scope, lease->address, lease->length, who, now)) continue;
      const bool running = lease->holds(now);
      if (!had || running)
        had = Choice{lease->address, lease->length, scope, nullptr,
                     running ? "the client has it already" : "the client had it before"};
    }
  }
  if (had) return had;
  for (const auto& wish : who.wanted)
    for (const auto* scope : link)
      if (may_have(*scope, wish.address, wish.length, who, now))
        return Choice{wish.address, wish.length, scope, nullptr, "the client asks for it and it is free"};
  for (const auto& pick : {&Allocator::never_lent, &Allocator::longest_free})
    for (const auto* scope : link)
      for (auto& pool : pools_)
        if (pool.scope == scope && pool.kind == who.kind)
          if (auto choice = (this->*pick)(pool, who, now)) return choice;
  return std::nullopt;
}

std::optional<Choice> Allocator::never_lent(Pool& pool, const Claimant& who, ServerTime now) {
  const bool addresses = pool.kind == IaKind::Addresses;
  const Scope& scope = *pool.scope;
  const std::size_t ranges = addresses ? scope.ranges.size() : scope.prefixes.size();
  for (; pool.range < ranges; ++pool.range, pool.next = 0) {
    const auto size = addresses ? scope.ranges[pool.range].size() : scope.prefixes[pool.range].size();
    while (pool.next < size) {
      const auto n = pool.next++;
      const IpAddress address =
          addresses ? scope.ranges[pool.range].first.plus(n) : scope.prefixes[pool.range].at(n);
      const auto length =
          addresses ? std::uint8_t{128} : static_cast<std::uint8_t>(scope.prefixes[pool.range].length);
      // The cursor never goes back: a lease that ends comes back through the queue.
      if (leases_.find(address) != nullptr || !may_have(scope, address, length, who, now)) continue;
      return Choice{address, length, &scope, nullptr,
                    "first free in " + scope.name + (addresses ? "'s range" : "'s prefixes")};
    }
  }
  return std::nullopt;
}

std::optional<Choice> Allocator::longest_free(Pool& pool, const Claimant& who, ServerTime now) {
  while (!pool.free_again.empty()) {
    const auto [address, length] = pool.free_again.front();
    pool.free_again.pop_front();
    if (may_have(*pool.scope, address, length, who, now))
      return Choice{address, length, pool.scope, nullptr,
                    "free for longest in " + pool.scope->name + "; every one has been lent before"};
  }
  return std::nullopt;
}

void Allocator::freed(const Lease& lease) {
  for (auto& pool : pools_)
    if (pool.kind == lease.kind &&
        (lease.kind == IaKind::Addresses ? pool.scope->lends(lease.address)
                                         : pool.scope->lends_prefix(lease.address, lease.length)))
      pool.free_again.emplace_back(lease.address, lease.length);
}

}  // namespace lab::dhcp::v6
