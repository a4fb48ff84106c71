// The server's leases from their beginning to their end: for how long, for whom, and that they are over.
#include <algorithm>

#include "dhcp/explain.hpp"
#include "dhcp/host_name.hpp"
#include "dhcp/reply.hpp"
#include "dhcp/server_context.hpp"

namespace lab::dhcp {
namespace {

constexpr std::uint32_t kForever = 0xFFFFFFFF;  // RFC 2131 3.3

/// RFC 2131 4.3.1: what the client asks for, within what the scope allows; else the scope's own.
std::chrono::seconds lease_time(const Message& m, const Scope& scope) {
  const auto asked = m.options.uint32(option::kLeaseTime);
  if (!asked || scope.lease.count() == kForever) return scope.lease;
  return std::clamp(std::chrono::seconds(*asked), std::min(scope.min_lease, scope.lease),
                    std::max(scope.max_lease, scope.lease));
}

/// When a record was made. Of two made within moments, as of a client that gives its lease back and takes it
/// again, the later must be known as such, also by a partner whose clock shows another second: between two
/// connections the difference of the clocks, in whole seconds, is found to be one more or one less.
ServerTime stamp(const Lease* before, LeaseState next, ServerTime now) {
  constexpr std::chrono::seconds kApart(2);
  const bool needed = before != nullptr && before->state != next;
  return needed ? std::max(now, before->touched + kApart) : now;
}

/// The address is the client's already, and goes on to be.
bool continues(const Lease* before, const ClientKey& client) {
  return before != nullptr && before->client == client && before->state == LeaseState::Active;
}

}  // namespace

std::chrono::seconds Server::promised_time(const Context& c, const Scope& scope,
                                           const IpAddress& address) const {
  const auto time = lease_time(c.message, scope);
  return unknown_to_partner(address) ? std::min(time, reach_) : time;
}

/// The silence for a client behind a port that holds as many addresses as it may; nullopt where it may have
/// this one, which is noted. A reservation is nobody's attack.
std::optional<Outcome> Server::over_port_limit(const Context& c, const Scope& scope,
                                               const IpAddress& address) {
  if (scope.per_port == 0) return std::nullopt;
  const std::string port = port_of(c.message, c.arrival);
  const Reservation* own = allocator_.reservation(scope, c.who);
  if (port.empty() || (own != nullptr && own->address == address)) return std::nullopt;
  const Lease* known = leases_.find(address);
  const bool has_it = known != nullptr && known->client == c.who.client && known->holds(c.now);
  if (!has_it && ports_.held(port, c.now) >= scope.per_port)
    return silence(port + " holds " + std::to_string(scope.per_port) + " addresses of " + scope.name +
                       ", the most one port may: a starvation attack, or a switch behind it that needs a "
                       "higher 'per_port'",
                   true);
  ports_.note(port, address);
  return std::nullopt;
}

/// What a client that is granted the address has from then on. `reservation`: its own of this address, if it
/// has one.
Lease Server::lease_of(const Context& c, const IpAddress& address, const Reservation* reservation,
                       std::chrono::seconds time) const {
  const Lease* before = leases_.find(address);
  const bool continued = continues(before, c.who.client);
  Lease lease{.address = address,
              .state = LeaseState::Active,
              .client = c.who.client,
              .hardware = c.who.hardware,
              .hostname = client_host_name(c.message),
              .started = continued ? before->started : c.now,
              .expires = c.now + time,
              .touched = stamp(before, LeaseState::Active, c.now)};
  if (reservation != nullptr && !reservation->name.empty()) {
    lease.hostname = host_label(reservation->name);
  } else if (lease.hostname.empty() && continued) {
    lease.hostname = before->hostname;  // a renewal need not repeat the name
  }

  // The partner knows of the longer promise, and keeps to it.
  if (continued && unknown_to_partner(address)) lease.expires = std::max(lease.expires, before->expires);
  return lease;
}

/// A client has one lease on a wire: what it has there besides is given back when it gets this one.
std::vector<Lease> Server::others_on_wire(const Context& c, const IpAddress& address) const {
  std::vector<Lease> others;
  for (const auto* other : leases_.of_client(c.who.client))
    if (other->address != address && other->state == LeaseState::Active &&
        scope_of(c.network, other->address) != nullptr)
      others.push_back(*other);
  return others;
}

Outcome Server::grant(const Context& c, const Scope& scope, const IpAddress& address, std::string why) {
  // Also here: a client may ask for an address by name without an offer.
  if (auto refused = over_port_limit(c, scope, address)) return *refused;
  const auto time = promised_time(c, scope, address);
  const Reservation* reservation = allocator_.reservation(scope, c.who);
  if (reservation != nullptr && reservation->address != address) reservation = nullptr;
  Lease lease = lease_of(c, address, reservation, time);
  Outcome outcome;
  const Lease* before = leases_.find(address);
  if (has_partner_ && continues(before, c.who.client)) outcome.before = *before;
  for (auto& other : others_on_wire(c, address)) {
    end(other, c.now);
    outcome.store.push_back(leases_.put(other));
    freed(other);
  }
  outcome.note = "leased " + address.text() + " for " +
                 duration_text(static_cast<std::uint32_t>(time.count())) + ": " + why;
  outcome.reply = lease_reply({.request = c.message,
                               .arrival = c.arrival,
                               .scope = scope,
                               .reservation = reservation,
                               .server_id = c.server_id,
                               .fqdn = fqdn(lease)},
                              MessageType::Ack, address, time);
  outcome.store.push_back(leases_.put(std::move(lease)));
  if (scope.per_port > 0) outcome.port = port_of(c.message, c.arrival);
  return outcome;
}

/// The lease is over. While the partner does not hear of it, and would give the address back to its client,
/// it is kept for that client as one that has run out is.
void Server::end(Lease& lease, ServerTime now) const {
  lease.touched = stamp(&lease, LeaseState::Released, now);
  lease.state = keeps_to_own_share() ? LeaseState::Active : LeaseState::Released;
  lease.expires = now;
}

void Server::freed(const Lease& lease) {
  if (lease.state != LeaseState::Active) allocator_.freed(lease.address);
}

Outcome Server::release(const Context& c) {
  const IpAddress address = c.message.ciaddr;
  const Lease* lease = leases_.find(address);
  if (lease == nullptr || lease->client != c.who.client || lease->state != LeaseState::Active)
    return silence("released " + address.text() + ", which is not leased to this client");
  Lease released = *lease;
  end(released, c.now);
  Outcome outcome;
  freed(outcome.store.emplace_back(leases_.put(std::move(released))));
  outcome.note = address.text() + " given back by its client";
  return outcome;
}

Outcome Server::decline(const Context& c) {
  const auto server_id = c.message.options.address(option::kServerId);
  if (!c.who.wanted || (server_id && !is_ours(*server_id, c)))
    return silence("declined an address of another server");
  const Lease* lease = leases_.find(*c.who.wanted);
  const Scope* scope = scope_of(c.network, *c.who.wanted);
  // Only who was given the address may put it into quarantine, or one machine could empty the pool.
  if (scope == nullptr || lease == nullptr || lease->client != c.who.client || !lease->holds(c.now))
    return silence("declined " + c.who.wanted->text() + ", which is not leased to this client");
  Lease declined = *lease;
  declined.touched = stamp(lease, LeaseState::Declined, c.now);
  declined.state = LeaseState::Declined;
  declined.expires = c.now + scope->quarantine;
  Outcome outcome;
  outcome.note = c.who.wanted->text() + " is in use by a machine that did not lease it; it rests for " +
                 duration_text(static_cast<std::uint32_t>(scope->quarantine.count()));
  outcome.alarming = true;
  outcome.store.push_back(leases_.put(std::move(declined)));
  return outcome;
}

}  // namespace lab::dhcp
