#include "dhcp/server.hpp"

#include <algorithm>

#include "dhcp/explain.hpp"
#include "dhcp/host_name.hpp"
#include "dhcp/lease_query.hpp"
#include "dhcp/reply.hpp"

namespace lab::dhcp {
namespace {

constexpr std::uint8_t kCircuitId = 1;          // RFC 3046 2.0, inside option 82
constexpr std::uint8_t kLinkSelection = 5;      // RFC 3527, inside option 82
constexpr std::uint32_t kForever = 0xFFFFFFFF;  // RFC 2131 3.3

const IpAddress kEverybody = IpAddress::v4(0xFFFFFFFF);

std::string hardware_key(const Message& m) {
  std::string key(1, static_cast<char>(m.htype));
  key.append(m.hardware().begin(), m.hardware().end());
  return key;
}

/// A sub-option of the relay's information (RFC 3046); nullopt when it is not there.
std::optional<Bytes> relay_sub_option(const Message& m, std::uint8_t code) {
  const Bytes* info = m.options.find(option::kRelayInformation);
  for (std::size_t at = 0; info != nullptr && at + 2 <= info->size();) {
    const std::size_t length = (*info)[at + 1];
    const auto data = std::span(*info).subspan(at + 2);
    if (length > data.size()) break;
    if ((*info)[at] == code) return Bytes(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(length));
    at += 2 + length;
  }
  return std::nullopt;
}

Claimant claimant(const Message& m, Match match) {
  Claimant who;
  who.hardware = hardware_key(m);
  who.client = who.hardware;
  if (m.htype == Message::kEthernet && m.hlen == 6) {
    std::array<std::uint8_t, 6> mac{};
    std::ranges::copy(m.hardware(), mac.begin());
    who.mac = MacAddress(mac);
  }
  if (const Bytes* id = m.options.find(option::kClientId); id != nullptr && !id->empty()) {
    who.client_id = *id;
    if (match == Match::ClientId) who.client.assign(id->begin(), id->end());
  }
  who.circuit = relay_sub_option(m, kCircuitId);
  who.wanted = m.options.address(option::kRequestedAddress);
  return who;
}

/// The address a relay chose its link by: RFC 3527's sub-option, else giaddr.
IpAddress link_of(const Message& m) {
  const auto link = relay_sub_option(m, kLinkSelection);
  return link && link->size() == 4 ? IpAddress::v4(read32(*link)) : m.giaddr;
}

/// What a client cannot choose about where it is: its relay and the relay's port, else the hardware address its frame
/// came from; empty where neither is known.
std::string port_of(const Message& m, const Arrival& arrival) {
  if (m.giaddr != IpAddress{}) {
    const auto circuit = relay_sub_option(m, kCircuitId);
    if (!circuit) return {};  // a whole network behind a relay that does not tell its ports apart
    return "relay " + m.giaddr.text() + " port " +
           printable_text({reinterpret_cast<const char*>(circuit->data()), circuit->size()});
  }
  return arrival.station.empty() ? std::string() : "station " + arrival.station;
}

constexpr char kPartnersToJudge[] =
    "an address of the partner's share while it is silent: it may have lent it since";

/// When a record was made. Of two made within moments, as of a client that gives its lease back and takes it
/// again, the later must be known as such, also by a partner whose clock shows another second: between two
/// connections the difference of the clocks, in whole seconds, is found to be one more or one less.
ServerTime stamp(const Lease* before, LeaseState next, ServerTime now) {
  constexpr std::chrono::seconds kApart(2);
  const bool needed = before != nullptr && before->state != next;
  return needed ? std::max(now, before->touched + kApart) : now;
}

Outcome silence(std::string why, bool alarming = false) {
  return {.store = {},
          .before = {},
          .port = {},
          .reply = std::nullopt,
          .probe = std::nullopt,
          .note = std::move(why),
          .alarming = alarming};
}

}  // namespace

/// What every handler needs to know about one message.
struct Server::Context {
  const Message& message;
  const Arrival& arrival;
  ServerTime now;
  const Network& network;
  Claimant who;
  IpAddress server_id;

  bool unicast() const {
    if (arrival.destination == kEverybody) return false;
    return std::ranges::none_of(
        network, [&](const Scope* s) { return s->network.broadcast() == arrival.destination; });
  }
  bool authoritative() const { return network.front()->authoritative; }
};

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

/// A client that was given its lease by us while the partner was away renews it with us and gives it back to us
/// (RFC 2131 4.4.5, 4.4.6), though we stand by again.
bool Server::speaks_to_us(const Context& c) const {
  const auto type = c.message.type();
  if (type != MessageType::Request && type != MessageType::Release) return false;
  if (c.message.ciaddr == IpAddress{} || !c.unicast()) return false;
  const Lease* lease = leases_.find(c.message.ciaddr);
  return lease != nullptr && lease->state == LeaseState::Active && lease->client == c.who.client &&
         lease->holds(c.now);
}

namespace {

/// RFC 2131 4.3.1: what the client asks for, within what the scope allows; else the scope's own.
std::chrono::seconds lease_time(const Message& m, const Scope& scope) {
  const auto asked = m.options.uint32(option::kLeaseTime);
  if (!asked || scope.lease.count() == kForever) return scope.lease;
  return std::clamp(std::chrono::seconds(*asked), std::min(scope.min_lease, scope.lease),
                    std::max(scope.max_lease, scope.lease));
}

}  // namespace

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

std::chrono::seconds Server::promised_time(const Context& c, const Scope& scope,
                                           const IpAddress& address) const {
  const auto time = lease_time(c.message, scope);
  return unknown_to_partner(address) ? std::min(time, reach_) : time;
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
  Outcome outcome;
  outcome.reply = lease_reply({.request = c.message,
                               .arrival = c.arrival,
                               .scope = scope,
                               .reservation = choice->reservation,
                               .server_id = c.server_id,
                               .fqdn = fqdn(named)},
                              MessageType::Offer, choice->address, promised_time(c, scope, choice->address));
  if (probe) outcome.probe = ProbeFirst{choice->address, scope.probe};
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

Outcome Server::grant(const Context& c, const Scope& scope, const IpAddress& address, std::string why) {
  // Also here: a client may ask for an address by name without an offer.
  if (auto refused = over_port_limit(c, scope, address)) return *refused;
  const auto time = promised_time(c, scope, address);
  const Reservation* reservation = allocator_.reservation(scope, c.who);
  if (reservation != nullptr && reservation->address != address) reservation = nullptr;
  const Lease* before = leases_.find(address);
  const bool continued =
      before != nullptr && before->client == c.who.client && before->state == LeaseState::Active;
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

  Outcome outcome;
  if (has_partner_ && continued) outcome.before = *before;
  // A client has one lease on a wire: what it had there besides is given back with this one.
  std::vector<Lease> given_up;
  for (const auto* other : leases_.of_client(c.who.client))
    if (other->address != address && other->state == LeaseState::Active &&
        scope_of(c.network, other->address) != nullptr)
      given_up.push_back(*other);
  for (auto& other : given_up) {
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

Outcome Server::refuse(const Context& c, std::string why) const {
  Outcome outcome;
  outcome.reply = refusal(c.message, c.server_id, why);
  outcome.note = "refused: " + std::move(why);
  return outcome;
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
