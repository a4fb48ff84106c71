#include "dhcp/server.hpp"

#include <algorithm>

#include "dhcp/host_name.hpp"
#include "dhcp/lease_query.hpp"
#include "dhcp/reply.hpp"
#include "dhcp/server_context.hpp"

namespace lab::dhcp {
namespace {

constexpr char kPartnersToJudge[] =
    "an address of the partner's share while it is silent: it may have lent it since";

}  // namespace

Server::Server() : allocator_(leases_), ports_(leases_) {}

void Server::configure(Settings settings) {
  settings_ = std::move(settings);
  networks_.clear();
  // Scopes of one interface share its wire; one behind relays shares that of the scope it names, which is its
  // network's first and says who is who there.
  for (const bool shares : {false, true})
    for (const auto& scope : settings_.scopes) {
      if (scope.shared_with.empty() == shares) continue;
      auto shared = std::ranges::find_if(networks_, [&](const Network& n) {
        return shares ? std::ranges::find(n, scope.shared_with, &Scope::name) != n.end()
                      : !scope.interface.empty() && n.front()->interface == scope.interface;
      });
      if (shared == networks_.end()) {
        networks_.push_back({&scope});
      } else {
        shared->push_back(&scope);
      }
    }
  allocator_.configure(settings_.scopes);
}

const Server::Network* Server::network_of(const Message& m, const Arrival& arrival) const {
  const auto holding = [&](const IpAddress& address) -> const Network* {
    for (const auto& network : networks_)
      if (scope_of(network, address) != nullptr) return &network;
    return nullptr;
  };
  if (m.giaddr != IpAddress{}) return holding(link_of(m));
  // A renewal comes by unicast, and perhaps through a router: there the client's address says where it is.
  if (m.ciaddr != IpAddress{} && arrival.destination != kEverybody)
    if (const Network* network = holding(m.ciaddr)) return network;
  for (const auto& network : networks_)
    if (!network.front()->interface.empty() && network.front()->interface == arrival.interface)
      return &network;
  return nullptr;
}

const Scope* Server::scope_of(const Network& network, const IpAddress& address) const {
  for (const auto* scope : network)
    if (scope->network.contains(address)) return scope;
  return nullptr;
}

bool Server::is_ours(const IpAddress& server_id, const Context& c) const {
  return server_id == c.server_id ||
         std::ranges::any_of(settings_.scopes, [&](const Scope& s) { return s.server_id == server_id; });
}

std::string Server::fqdn(const Lease& lease) const {
  if (settings_.dns_forward.empty() || lease.hostname.empty()) return {};
  return lease.hostname + "." + settings_.dns_forward;
}

Outcome Server::handle(const Message& m, const Arrival& arrival, ServerTime now) {
  const auto type = m.type();
  if (m.op != Message::kBootRequest || !type) return silence("not a DHCP request");
  if (type == MessageType::LeaseQuery) return lease_query(m, arrival, now);
  const Network* network = network_of(m, arrival);
  if (network == nullptr)
    return silence(m.giaddr == IpAddress{} ? "no scope is served on " + arrival.interface
                                           : "no scope holds relay address " + link_of(m).text());
  const Scope& first = *network->front();
  const Context c{.message = m,
                  .arrival = arrival,
                  .now = now,
                  .network = *network,
                  .who = claimant(m, first.match),
                  .server_id = first.server_id == IpAddress{} ? arrival.destination : first.server_id};
  if (duty_ == Duty::StandBy && !speaks_to_us(c)) return silence("standing by: the partner answers");
  if (duty_ == Duty::Hold && (type == MessageType::Discover || type == MessageType::Request))
    return hold(c, *type);
  switch (*type) {
    case MessageType::Discover: return discover(c);
    case MessageType::Request: return request(c);
    case MessageType::Release: return release(c);
    case MessageType::Decline: return decline(c);
    case MessageType::Inform: return inform(c);
    case MessageType::Offer:
    case MessageType::Ack:
    case MessageType::Nak:
    case MessageType::LeaseQuery:
    case MessageType::LeaseUnassigned:
    case MessageType::LeaseUnknown:
    case MessageType::LeaseActive: break;
  }
  return silence("a server's message sent to a server");
}

Outcome Server::discover(const Context& c) {
  auto choice = allocator_.choose(c.network, c.who, c.now);
  if (!choice) {
    // Silence: another server may have an address, and a refusal would break its clients.
    std::string names;
    for (const auto* scope : c.network) names += (names.empty() ? "" : ", ") + scope->name;
    return silence("no address is left in " + names + "; widen 'ranges' or shorten 'lease'", true);
  }
  const Scope& scope = *choice->scope;
  const Lease* known = leases_.find(choice->address);
  if (auto refused = over_port_limit(c, scope, choice->address)) {
    // The address was chosen for nothing; it goes back, behind the others.
    if (known == nullptr || !known->holds(c.now)) allocator_.freed(choice->address);
    return *refused;
  }
  // What has run out is kept for its client while the partner is silent: the offer must not outlive it.
  const bool kept = known != nullptr && known->state == LeaseState::Active &&
                    (known->holds(c.now) || (keeps_to_own_share() && known->client == c.who.client));
  if (!kept) {
    Lease offer{.address = choice->address,
                .state = LeaseState::Offered,
                .client = c.who.client,
                .hardware = c.who.hardware,
                .hostname = {},
                .started = c.now,
                .expires = c.now + settings_.offer_hold,
                .touched = known == nullptr ? ServerTime{} : known->touched};
    leases_.put(std::move(offer));
  }
  const bool probe = scope.probe.count() > 0 && c.message.giaddr == IpAddress{} &&
                     leases_.find(choice->address)->state == LeaseState::Offered;
  Lease named{
      .address = choice->address, .client = {}, .hardware = {}, .hostname = client_host_name(c.message)};
  const auto time = promised_time(c, scope, choice->address);
  Outcome outcome;
  outcome.reply = lease_reply({.request = c.message,
                               .arrival = c.arrival,
                               .scope = scope,
                               .reservation = choice->reservation,
                               .server_id = c.server_id,
                               .fqdn = fqdn(named)},
                              MessageType::Offer, choice->address, time);
  if (probe)
    outcome.probe = ProbeFirst{choice->address, scope.probe};
  else if (!has_partner_ && scope.per_port == 0 && others_on_wire(c, choice->address).empty())
    outcome.ahead = lease_of(c, choice->address, choice->reservation, time);
  outcome.note = "offered " + choice->address.text() + ": " + choice->why;
  return outcome;
}

Outcome Server::request(const Context& c) {
  if (const auto server_id = c.message.options.address(option::kServerId)) return selecting(c, *server_id);
  if (c.message.ciaddr != IpAddress{}) return extend(c);
  if (c.who.wanted) return init_reboot(c, *c.who.wanted);
  return silence("a request that names no address");
}

Outcome Server::selecting(const Context& c, const IpAddress& server_id) {
  if (!is_ours(server_id, c)) {
    // RFC 2131 4.3.2: the client took another server's offer; ours is free again at once.
    for (const auto* lease : leases_.of_client(c.who.client))
      if (lease->state == LeaseState::Offered && scope_of(c.network, lease->address) != nullptr) {
        const IpAddress address = lease->address;
        leases_.erase(address);
        allocator_.freed(address);
        break;
      }
    if (std::ranges::find(partner_ids_, server_id) != partner_ids_.end())
      return silence("the client took the partner's offer");
    // On a network that is ours alone, a server that other machines listen to is a fault worth a person's
    // attention.
    return silence("a client took the offer of another DHCP server, " + server_id.text(), c.authoritative());
  }
  const IpAddress address = c.who.wanted.value_or(c.message.ciaddr);
  const Scope* scope = scope_of(c.network, address);
  if (scope == nullptr) return refuse(c, address.text() + " does not belong to this network");
  // No offer need be remembered: it may have been made before a restart. What counts is that the address can
  // be given.
  if (!allocator_.may_have(*scope, address, c.who, c.now)) {
    if (is_partners_to_judge(address)) return silence(kPartnersToJudge);  // offered before it fell silent
    return refuse(c, address.text() + " is not free for you");
  }
  return grant(c, *scope, address, "the client took our offer");
}

Outcome Server::init_reboot(const Context& c, const IpAddress& address) {
  const Scope* scope = scope_of(c.network, address);
  const auto known = leases_.of_client(c.who.client);
  const bool has_record =
      std::ranges::any_of(known, [](const Lease* l) { return l->state != LeaseState::Offered; });
  if (scope == nullptr) {
    // RFC 2131 4.3.2: on the wrong network the answer is NAK, from any server that knows this network.
    if (!c.authoritative() && !has_record)
      return silence(address.text() + " is of another network, and this scope is not authoritative");
    return refuse(c, address.text() + " does not belong to this network");
  }
  const Reservation* own = allocator_.reservation(*scope, c.who);
  const bool mine = own != nullptr && own->address == address;
  if (!has_record && !mine) {
    // RFC 2131 4.3.2: INIT-REBOOT from an unknown client gets silence, not NAK: the lease may be another
    // server's.
    return silence("an unknown client asks for " + address.text() + " again; it will begin anew");
  }
  const bool recorded =
      mine || std::ranges::any_of(known, [&](const Lease* l) { return l->address == address; });
  if (!recorded) return refuse(c, address.text() + " is not the address you were given");
  if (!allocator_.may_have(*scope, address, c.who, c.now)) {
    if (is_partners_to_judge(address)) return silence(kPartnersToJudge);
    return refuse(c, address.text() + " is no longer yours");
  }
  return grant(c, *scope, address, "the client comes back to its address");
}

Outcome Server::extend(const Context& c) {
  const IpAddress address = c.message.ciaddr;
  const char* state = c.unicast() ? "renewal" : "rebinding";
  const Scope* scope = scope_of(c.network, address);
  const bool known = !leases_.of_client(c.who.client).empty();
  if (scope == nullptr) {
    if (!c.authoritative() && !known)
      return silence(address.text() + " is of another network, and this scope is not authoritative");
    return refuse(c, address.text() + " does not belong to this network");
  }
  if (!allocator_.may_have(*scope, address, c.who, c.now)) {
    const Lease* lease = leases_.find(address);
    const bool of_client = lease != nullptr && lease->client == c.who.client;
    // Not ours to judge, where another server shares the network: an address we never lent is perhaps its.
    if (!c.authoritative() && !of_client) return silence(address.text() + " was not lent by this server");
    if (is_partners_to_judge(address)) return silence(kPartnersToJudge);
    return refuse(c, address.text() + " is not yours to keep");
  }
  // An address we have no record of, but may lend, is granted: the client lives there already, and our memory
  // may be what was lost (RFC 2131 4.3.2 RENEWING: "the server trusts the client's ciaddr").
  return grant(c, *scope, address, state);
}

Outcome Server::refuse(const Context& c, std::string why) const {
  Outcome outcome;
  outcome.reply = refusal(c.message, c.server_id, why);
  outcome.note = "refused: " + std::move(why);
  return outcome;
}

Outcome Server::inform(const Context& c) const {
  const IpAddress address = c.message.ciaddr == IpAddress{} ? c.arrival.source : c.message.ciaddr;
  const Scope* scope = scope_of(c.network, address);
  if (scope == nullptr) scope = c.network.front();
  Outcome outcome;
  outcome.reply = inform_reply({.request = c.message,
                                .arrival = c.arrival,
                                .scope = *scope,
                                .reservation = allocator_.reservation(*scope, c.who),
                                .server_id = c.server_id,
                                .fqdn = {}});
  outcome.note = "told " + address.text() + " about " + scope->name;
  return outcome;
}

Outcome Server::lease_query(const Message& m, const Arrival& arrival, ServerTime now) const {
  // RFC 4388 6.3: the question carries the asker's address in giaddr, and is worth an answer only where we trust it.
  const auto asker = m.giaddr == IpAddress{} ? arrival.source : m.giaddr;
  const auto allowed = [&](const IpAddress& a) {
    return std::ranges::any_of(settings_.lease_query, [&](const auto& network) { return network.contains(a); });
  };
  if (m.giaddr == IpAddress{}) return silence("a lease query without giaddr");
  if (!allowed(asker) || !allowed(arrival.source))
    return silence("a lease query from " + arrival.source.text() + ", who may not ask ('lease_query' says who may)");
  Outcome outcome;
  outcome.reply = answer_lease_query(m, arrival, settings_, leases_, arrival.destination, now);
  outcome.note = "told " + asker.text() + " about " + (m.ciaddr == IpAddress{} ? m.hardware_text() : m.ciaddr.text());
  return outcome;
}

std::vector<PoolStatus> Server::pools(ServerTime now) const {
  std::vector<PoolStatus> pools;
  for (const auto& scope : settings_.scopes)
    pools.push_back({.scope = &scope, .addresses = scope.lendable()});
  leases_.for_each([&](const Lease& lease) {
    if (!lease.holds(now)) return;
    for (auto& pool : pools) {
      if (!pool.scope->lends(lease.address)) continue;
      ++pool.leased;
      if (lease.state == LeaseState::Declined) ++pool.resting;
    }
  });
  return pools;
}

std::vector<Lease> Server::expire(ServerTime now) {
  std::vector<Lease> store;
  for (auto& lease : leases_.expire(now)) {
    allocator_.freed(lease.address);
    if (lease.state == LeaseState::Offered) continue;
    lease.state = LeaseState::Expired;
    store.push_back(std::move(lease));
  }
  return store;
}

std::optional<Lease> Server::in_use(const IpAddress& address, ServerTime now) {
  const Lease* lease = leases_.find(address);
  if (lease == nullptr || lease->state != LeaseState::Offered) return std::nullopt;
  for (const auto& scope : settings_.scopes) {
    if (!scope.network.contains(address)) continue;
    Lease resting = *lease;
    resting.state = LeaseState::Declined;
    resting.expires = now + scope.quarantine;
    resting.touched = now;
    return leases_.put(std::move(resting));
  }
  return std::nullopt;
}

void Server::import(const Lease& lease) {
  leases_.put(lease);
  if (lease.state == LeaseState::Released || lease.state == LeaseState::Expired) allocator_.freed(lease.address);
}

bool Server::serves(const IpAddress& address) const {
  return std::ranges::any_of(settings_.scopes, [&](const Scope& s) { return s.network.contains(address); });
}

std::optional<Lease> Server::revoke(const IpAddress& address, ServerTime now) {
  const Lease* lease = leases_.find(address);
  if (lease == nullptr || lease->state == LeaseState::Released || lease->state == LeaseState::Expired)
    return std::nullopt;
  Lease revoked = *lease;
  end(revoked, now);
  freed(revoked);
  return leases_.put(std::move(revoked));
}

}  // namespace lab::dhcp
