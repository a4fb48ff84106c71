// The server's part in a hot standby: whose record of a lease counts, and what may be said while the partner
// is not heard.
#include <algorithm>

#include "dhcp/explain.hpp"
#include "dhcp/reply.hpp"
#include "dhcp/server_context.hpp"

namespace lab::dhcp {

void Server::set_duty(Duty duty) {
  duty_ = duty;
  allocator_.keep_to_own_share(keeps_to_own_share(), duty == Duty::OwnShareOnly);
  allocator_.configure(settings_.scopes);  // the partner has lent and taken back since we looked
}

bool Server::merge(const Lease& lease) {
  const Lease* ours = leases_.find(lease.address);
  if (ours != nullptr && ours->state != LeaseState::Offered) {
    // Of one transaction with the client, its end is newer than its beginning.
    if (ours->touched > lease.touched) return false;
    if (ours->touched == lease.touched && ours->state > lease.state) return false;
    if (ours->touched == lease.touched && ours->state == lease.state && ours->expires > lease.expires)
      return false;
  }
  leases_.put(lease);
  return true;
}

std::optional<Lease> Server::take_back(const Lease& row, const Lease* before, ServerTime now) {
  const Lease* ours = leases_.find(row.address);
  if (ours == nullptr || ours->client != row.client) return std::nullopt;
  switch (row.state) {
    case LeaseState::Active:
      if (before != nullptr) return leases_.put(*before);
      break;
    case LeaseState::Released:
    case LeaseState::Expired: break;
    case LeaseState::Declined:  // nobody gets it either way
    case LeaseState::Offered: return std::nullopt;
  }
  // Whether the partner has it as lent or as free is not known. Of our own share it is kept for its client,
  // to whom the partner gives it at most; of the partner's share it is nobody's here, since the partner may
  // lend it to another.
  Lease ended = *ours;
  ended.state = allocator_.in_own_share(row.address) ? LeaseState::Active : LeaseState::Released;
  ended.expires = now;
  ended.touched =
      row.touched - std::chrono::seconds(1);  // whatever the partner has to say of it is better founded
  return leases_.put(std::move(ended));
}

/// A client that was given its lease by us while the partner was away renews it with us and gives it back to
/// us (RFC 2131 4.4.5, 4.4.6), though we stand by again.
bool Server::speaks_to_us(const Context& c) const {
  const auto type = c.message.type();
  if (type != MessageType::Request && type != MessageType::Release) return false;
  if (c.message.ciaddr == IpAddress{} || !c.unicast()) return false;
  const Lease* lease = leases_.find(c.message.ciaddr);
  return lease != nullptr && lease->state == LeaseState::Active && lease->client == c.who.client &&
         lease->holds(c.now);
}

/// Started, and cut off from the partner ever since, which may own the whole pool by now: what it has lent,
/// renewed and taken back meanwhile is unknown here. It cannot have given a lease to another client before
/// the end both know of.
Outcome Server::hold(const Context& c, MessageType type) {
  constexpr char kNothingNew[] =
      "not heard from the partner since the start: what it has lent is unknown, so nothing new is given";
  const auto server_id = c.message.options.address(option::kServerId);
  const auto named = c.message.ciaddr == IpAddress{} ? c.who.wanted.value_or(IpAddress{}) : c.message.ciaddr;
  // A client that begins anew may have given its lease back to the partner.
  if (type == MessageType::Discover) return silence(kNothingNew);
  for (const auto* lease : leases_.of_client(c.who.client)) {
    const Scope* scope = scope_of(c.network, lease->address);
    if (scope == nullptr || lease->state != LeaseState::Active || !lease->holds(c.now)) continue;
    if (named != lease->address || server_id) continue;
    const auto left = lease->expires - c.now;
    Outcome outcome;
    outcome.reply = lease_reply({.request = c.message,
                                 .arrival = c.arrival,
                                 .scope = *scope,
                                 .reservation = allocator_.reservation(*scope, c.who),
                                 .server_id = c.server_id,
                                 .fqdn = fqdn(*lease)},
                                MessageType::Ack, lease->address, left);
    // Said once more, so that of both servers' records the one with this end counts.
    Lease confirmed = *lease;
    confirmed.touched = c.now;
    outcome.store.push_back(std::move(confirmed));
    outcome.note = "confirmed " + lease->address.text() + " for the " +
                   duration_text(static_cast<std::uint32_t>(left.count())) +
                   " it has left: the partner is not heard";
    leases_.put(outcome.store.back());
    return outcome;
  }
  return silence(kNothingNew);
}

/// Of the partner's share while it is silent, and not lent as far as we know: it may have lent it since.
bool Server::is_partners_to_judge(const IpAddress& address) const {
  return keeps_to_own_share() && !allocator_.in_own_share(address);
}

/// Whether a promise about the address is one the partner has no part in.
bool Server::unknown_to_partner(const IpAddress& address) const {
  switch (duty_) {
    case Duty::OwnShare:
    case Duty::OwnShareOnly: return true;
    case Duty::WholePool: return !allocator_.in_own_share(address);
    case Duty::Serve:
    case Duty::Hold:
    case Duty::StandBy: break;
  }
  return false;
}

}  // namespace lab::dhcp
