#include "dhcp/v6/server.hpp"

#include <algorithm>

#include "dhcp/explain.hpp"
#include "dhcp/v6/client_name.hpp"
#include "dhcp/v6/option_types.hpp"

namespace lab::dhcp::v6 {

namespace {

constexpr std::ptrdiff_t kLeasesPerClient = 16;  // associations of one DUID: more is an attack on the pool

Outcome silence(std::string why, bool alarming = false) {
  return {.store = {}, .reply = std::nullopt, .note = std::move(why), .alarming = alarming};
}

std::uint32_t seconds(std::chrono::seconds time) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, kForever));
}

}  // namespace

std::optional<MacAddress> client_mac(const Packet& packet, const IpAddress& source) {
  constexpr std::uint16_t kEthernet = 1;
  if (!packet.relays.empty()) {
    const auto& nearest = packet.relays.back();  // to the client
    if (const Bytes* told = nearest.options.find(option::kClientLinkLayer);
        told != nullptr && told->size() == 8 && read16(*told) == kEthernet) {
      std::array<std::uint8_t, 6> mac{};
      std::copy_n(told->begin() + 2, mac.size(), mac.begin());
      return MacAddress(mac);
    }
  }
  if (auto mac = mac_in_address(packet.relays.empty() ? source : packet.relays.back().peer)) return mac;
  const Bytes* duid = packet.message.options.find(option::kClientId);
  return duid == nullptr ? std::nullopt : mac_in_duid(*duid);
}

/// What every handler needs to know about one message.
struct Server::Context {
  const Packet& packet;
  const Message& message;
  const Arrival& arrival;
  ServerTime now;
  const Link& link;
  DuidKey duid;  ///< empty from a client that does not say who it is
  std::optional<MacAddress> mac;

  bool relayed() const { return !packet.relays.empty(); }
  bool unicast() const { return !relayed() && !is_multicast(arrival.destination); }
  const Scope& first() const { return *link.front(); }
};

void Server::configure(Settings settings) {
  settings_ = std::move(settings);
  links_.clear();
  for (const auto& scope : settings_.scopes) {
    // Scopes of one interface share its wire; a scope behind relays stands alone.
    const auto shared = std::ranges::find_if(links_, [&](const Link& link) {
      return !scope.interface.empty() && link.front()->interface == scope.interface;
    });
    if (shared == links_.end())
      links_.push_back({&scope});
    else
      shared->push_back(&scope);
  }
  allocator_.configure(settings_.scopes);
}

const Link* Server::link_of(const Packet& packet, const Arrival& arrival) const {
  const auto holding = [&](const IpAddress& address) -> const Link* {
    for (const auto& link : links_)
      for (const auto* scope : link)
        if (scope->network.contains(address)) return &link;
    return nullptr;
  };
  // RFC 8415 13.1: the relay nearest to the client that names a link says where the client is.
  for (auto relay = packet.relays.rbegin(); relay != packet.relays.rend(); ++relay)
    if (relay->link != IpAddress::v6({}) && !is_link_local(relay->link)) return holding(relay->link);
  for (const auto& link : links_)
    if (!link.front()->interface.empty() && link.front()->interface == arrival.interface) return &link;
  return nullptr;
}

std::string Server::fqdn(const Lease& lease) const {
  if (settings_.dns_forward.empty() || lease.hostname.empty() || lease.kind != IaKind::Addresses) return {};
  return lease.hostname + "." + settings_.dns_forward;
}

Outcome Server::handle(const Packet& packet, const Arrival& arrival, ServerTime now) {
  const Message& m = packet.message;
  const Link* link = link_of(packet, arrival);
  if (link == nullptr)
    return silence(packet.relays.empty() ? "no IPv6 scope is served on " + arrival.interface
                                         : "no IPv6 scope holds the relay's link " +
                                               packet.relays.back().link.text());
  const Bytes* client = m.options.find(option::kClientId);
  const Bytes* server = m.options.find(option::kServerId);
  if (client != nullptr && (client->size() < 3 || client->size() > kMessageLimits.duid))
    return silence("a client identifier of an impossible length");
  const Context c{.packet = packet,
                  .message = m,
                  .arrival = arrival,
                  .now = now,
                  .link = *link,
                  .duid = client == nullptr ? DuidKey() : DuidKey(client->begin(), client->end()),
                  .mac = client_mac(packet, arrival.source)};
  const bool ours = server != nullptr && *server == settings_.duid;
  // RFC 8415 16: which identifiers a message must and must not have.
  switch (m.type) {
    case MessageType::Solicit:
    case MessageType::Confirm:
    case MessageType::Rebind:
      if (client == nullptr || server != nullptr)
        return silence(std::string(name(m.type)) + " with wrong identifiers");
      if (c.unicast())
        return silence(std::string(name(m.type)) + " belongs to everybody, and came to us alone");
      if (m.type == MessageType::Solicit) return solicit(c);
      return m.type == MessageType::Confirm ? confirm(c) : extend(c, true);
    case MessageType::Request:
    case MessageType::Renew:
    case MessageType::Release:
    case MessageType::Decline:
      if (client == nullptr || server == nullptr)
        return silence(std::string(name(m.type)) + " without identifiers");
      if (!ours)
        // On a network that is ours alone, a server that other machines listen to is worth a person's look.
        return silence("a client speaks to another DHCPv6 server, " + duid_text(*server),
                       m.type == MessageType::Request && c.first().authoritative);
      // RFC 8415 18.3.2: without leave (option 12, which is never given) by multicast only.
      if (c.unicast()) return use_multicast(c);
      if (m.type == MessageType::Request) return request(c);
      if (m.type == MessageType::Renew) return extend(c, false);
      return m.type == MessageType::Release ? release(c) : decline(c);
    case MessageType::InformationRequest:
      // RFC 8415 16.12
      if ((server != nullptr && !ours) || m.options.has(option::kIaNa) || m.options.has(option::kIaPd) ||
          m.options.has(option::kIaTa) || c.unicast())
        return silence("an INFORMATION-REQUEST that is not for us");
      return inform(c);
    case MessageType::Advertise:
    case MessageType::Reply:
    case MessageType::Reconfigure:
    case MessageType::RelayForward:
    case MessageType::RelayReply: break;
  }
  return silence("a server's message sent to a server");
}

Message Server::answer(const Context& c, MessageType type) const {
  Message m{.type = type, .transaction = c.message.transaction, .options = {}};
  if (const Bytes* client = c.message.options.find(option::kClientId))
    m.options.add(option::kClientId, *client);
  m.options.add(option::kServerId, settings_.duid);
  return m;
}

Outcome Server::use_multicast(const Context& c) const {
  Outcome outcome;
  outcome.reply = answer(c, MessageType::Reply);
  outcome.reply->options.add(option::kStatusCode,
                             encode_status({StatusCode::UseMulticast, "ask everybody (ff02::1:2)"}));
  outcome.note = "refused: the message came to us alone, and no client has leave for that";
  return outcome;
}

void Server::add_configuration(const Context& c, Message& reply) const {
  const Reservation* own = nullptr;
  Claimant who{.duid = c.duid, .mac = c.mac, .kind = {}, .iaid = 0, .wanted = {}};
  for (const auto* scope : c.link)
    if (own == nullptr) own = allocator_.reservation(*scope, who);
  const auto find = [&](std::uint16_t code) -> const Bytes* {
    if (own != nullptr)
      if (const Bytes* value = own->options.find(code)) return value;
    for (const auto* scope : c.link)
      if (const Bytes* value = scope->options.find(code)) return value;
    return nullptr;
  };
  const auto add = [&](std::uint16_t code) {
    if (is_protocols_own(code) || reply.options.has(code)) return;
    // RFC 8415 21.23: how long a stateless client may trust the answer; leases have times of their own.
    if (code == option::kInformationRefresh && c.message.type != MessageType::InformationRequest) return;
    if (const Bytes* value = find(code)) reply.options.add(code, *value);
  };
  if (const auto wishes = c.message.options.requested()) {
    for (const auto code : *wishes) add(code);
    if (c.message.type == MessageType::InformationRequest) add(option::kInformationRefresh);
  } else {
    if (own != nullptr)
      for (const auto& o : own->options.list()) add(o.code);
    for (const auto* scope : c.link)
      for (const auto& o : scope->options.list()) add(o.code);
  }
  const Bytes* asked = c.message.options.find(option::kClientFqdn);
  if (asked == nullptr) return;
  Lease named;
  named.hostname = own != nullptr && !own->name.empty() ? own->name : client_host_name(c.message);
  if (auto told = answer_fqdn(*asked, fqdn(named))) reply.options.add(option::kClientFqdn, std::move(*told));
}

Claimant Server::claimant(const Context& c, const Ia& ia) const {
  return {.duid = c.duid, .mac = c.mac, .kind = ia.kind, .iaid = ia.iaid, .wanted = ia.entries};
}

bool Server::on_link(const Link& link, IaKind kind, const IaEntry& entry) const {
  // A delegated prefix says nothing about the wire between router and server.
  return kind == IaKind::Prefixes ||
         std::ranges::any_of(link, [&](const Scope* s) { return s->network.contains(entry.address); });
}

void Server::add_entry(const Lease& lease, const Choice& choice, Ia& ia) const {
  const Scope& scope = *choice.scope;
  ia.entries.insert(ia.entries.begin(), IaEntry{.address = lease.address,
                                                .length = lease.length,
                                                .preferred = seconds(std::min(scope.preferred, scope.valid)),
                                                .valid = seconds(scope.valid)});
  ia.t1 = seconds(scope.renew);
  ia.t2 = seconds(scope.rebind);
}

Ia Server::serve_one(const Context& c, const Ia& asked, Binding binding, Outcome& outcome) {
  Ia ia{.kind = asked.kind, .iaid = asked.iaid, .t1 = 0, .t2 = 0, .entries = {}};
  const Claimant who = claimant(c, asked);
  const char* things = asked.kind == IaKind::Addresses ? "address" : "prefix";
  const auto nothing = [&](std::string why) {
    ia.status = {asked.kind == IaKind::Addresses ? StatusCode::NoAddrsAvail : StatusCode::NoPrefixAvail, why};
    outcome.note += (outcome.note.empty() ? "" : "; ") + std::move(why);
    return ia;
  };
  const auto held = leases_.of_client(c.duid);
  const bool known =
      std::ranges::any_of(held, [&](const Lease* l) { return l->kind == who.kind && l->iaid == who.iaid; });
  const auto running = std::ranges::count_if(held, [&](const Lease* l) { return l->holds(c.now); });
  if (!known && running >= kLeasesPerClient) {
    outcome.alarming = true;
    return nothing("one client holds " + std::to_string(running) + " leases already");
  }
  const auto choice = allocator_.choose(c.link, who, c.now);
  if (!choice) {
    const bool has_pool = std::ranges::any_of(c.link, [&](const Scope* s) {
      return asked.kind == IaKind::Addresses ? !s->ranges.empty() : !s->prefixes.empty();
    });
    outcome.alarming = outcome.alarming || has_pool;
    return nothing(has_pool ? std::string("no ") + things + " is left in " + c.first().name +
                                  "; widen 'ranges' or shorten 'lease'"
                            : c.first().name + " has no " + things + " to lend");
  }
  const Lease* before = leases_.find(choice->address);
  const bool continued = before != nullptr && before->is_of(c.duid, asked.kind, asked.iaid) &&
                         before->state == LeaseState::Active && before->holds(c.now);
  Lease lease{.kind = asked.kind,
              .address = choice->address,
              .length = choice->length,
              .state = binding == Binding::Grant || continued ? LeaseState::Active : LeaseState::Offered,
              .duid = c.duid,
              .iaid = asked.iaid,
              .mac = c.mac,
              .hostname = client_host_name(c.message),
              .started = continued ? before->started : c.now,
              .expires = c.now + settings_.offer_hold};
  if (choice->reservation != nullptr && !choice->reservation->name.empty())
    lease.hostname = choice->reservation->name;
  else if (lease.hostname.empty() && continued)
    lease.hostname = before->hostname;  // a renewal need not repeat the name
  add_entry(lease, *choice, ia);
  const auto place = lease.text();
  if (binding == Binding::Offer) {
    if (!continued) leases_.put(std::move(lease));
  } else {
    lease.expires = c.now + choice->scope->valid;
    give_up_others(c, lease, outcome);
    outcome.store.push_back(leases_.put(std::move(lease)));
  }
  outcome.note += (outcome.note.empty() ? "" : "; ") +
                  std::string(binding == Binding::Offer ? "offered " : "leased ") + place +
                  (binding == Binding::Offer ? "" : " for " + duration_text(seconds(choice->scope->valid))) +
                  ": " + choice->why;
  // What the client has besides and is not to have any longer ends now (RFC 8415 18.3.4).
  if (c.message.type == MessageType::Renew || c.message.type == MessageType::Rebind)
    for (const auto& entry : asked.entries)
      if (entry.address != choice->address || entry.length != choice->length)
        ia.entries.push_back({.address = entry.address, .length = entry.length, .preferred = 0, .valid = 0});
  return ia;
}

void Server::give_up_others(const Context& c, const Lease& kept, Outcome& outcome) {
  std::vector<Lease> given_up;
  for (const auto* other : leases_.of_client(c.duid))
    if (other->address != kept.address && other->kind == kept.kind && other->iaid == kept.iaid &&
        other->state == LeaseState::Active)
      given_up.push_back(*other);
  for (auto& other : given_up) {
    other.state = LeaseState::Released;
    other.expires = c.now;
    allocator_.freed(other);
    outcome.store.push_back(leases_.put(other));
  }
}

bool Server::serve(const Context& c, Binding binding, Message& reply, Outcome& outcome) {
  bool any = false;
  std::uint32_t t1 = kForever, t2 = kForever;
  std::vector<Ia> served;
  for (const auto& asked : associations(c.message.options)) {
    if (served.size() == kMessageLimits.ias) break;
    served.push_back(serve_one(c, asked, binding, outcome));
    if (served.back().status.code != StatusCode::Success) continue;
    any = true;
    t1 = std::min(t1, served.back().t1);
    t2 = std::min(t2, served.back().t2);
  }
  for (auto& ia : served) {
    // RFC 8415 18.3.1: one T1 and T2 for all, so that the client asks for everything at once.
    if (ia.status.code == StatusCode::Success) {
      ia.t1 = t1;
      ia.t2 = t2;
    }
    add_association(reply.options, ia);
  }
  for (const auto& o : c.message.options.list())
    if (o.code == option::kIaTa && o.data.size() >= 4) {
      // Temporary addresses are made by hosts themselves today (RFC 8981); none are lent.
      Bytes data(o.data.begin(), o.data.begin() + 4);
      Options inside;
      inside.add(option::kStatusCode, encode_status({StatusCode::NoAddrsAvail, "none are lent here"}));
      inside.encode(data);
      reply.options.add(option::kIaTa, std::move(data));
    }
  return any;
}

Outcome Server::solicit(const Context& c) {
  const bool rapid = c.first().rapid_commit && c.message.options.has(option::kRapidCommit);
  Outcome outcome;
  Message reply = answer(c, rapid ? MessageType::Reply : MessageType::Advertise);
  const bool any = serve(c, rapid ? Binding::Grant : Binding::Offer, reply, outcome);
  if (!any) {
    // RFC 8415 18.3.9: the client is told, and may find another server.
    reply.type = MessageType::Advertise;
    if (outcome.note.empty()) outcome.note = "a SOLICIT that asks for nothing";
  } else if (rapid) {
    reply.options.add(option::kRapidCommit);
  }
  if (any && c.first().preference > 0) reply.options.set_uint8(option::kPreference, c.first().preference);
  add_configuration(c, reply);
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::request(const Context& c) {
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  for (const auto& ia : associations(c.message.options))
    for (const auto& entry : ia.entries)
      if (!on_link(c.link, ia.kind, entry)) {
        // RFC 8415 18.3.2: the client has moved, and begins again.
        reply.options.add(option::kStatusCode,
                          encode_status({StatusCode::NotOnLink, "not an address of this network"}));
        outcome.note = "refused: " + entry.address.text() + " is of another network";
        outcome.reply = std::move(reply);
        return outcome;
      }
  (void)serve(c, Binding::Grant, reply, outcome);
  add_configuration(c, reply);
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::extend(const Context& c, bool rebinding) {
  const auto asked = associations(c.message.options);
  if (asked.empty()) return silence("asks to keep nothing");
  // RFC 8415 18.3.5: of leases we never gave, where another server may have given them, nothing is said.
  const auto known = leases_.of_client(c.duid);
  if (rebinding && known.empty() && !c.first().authoritative)
    return silence("asks to keep what this server did not lend");
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  // An association without a record here is made anew (RFC 8415 18.3.4): our memory may be what was lost, and
  // a client that hears NoBinding only asks for the same once more.
  (void)serve(c, Binding::Grant, reply, outcome);
  add_configuration(c, reply);
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::confirm(const Context& c) const {
  std::size_t count = 0;
  std::string foreign;
  for (const auto& ia : associations(c.message.options))
    for (const auto& entry : ia.entries) {
      if (ia.kind != IaKind::Addresses) continue;
      ++count;
      if (!on_link(c.link, ia.kind, entry)) foreign = entry.address.text();
    }
  if (count == 0) return silence("a CONFIRM without addresses");  // RFC 8415 18.3.3
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  if (foreign.empty()) {
    reply.options.add(option::kStatusCode, encode_status({StatusCode::Success, "all are of this network"}));
    outcome.note = "confirmed: the client is still on this network";
  } else {
    reply.options.add(option::kStatusCode,
                      encode_status({StatusCode::NotOnLink, foreign + " is of another network"}));
    outcome.note = "refused: " + foreign + " is of another network";
  }
  add_configuration(c, reply);
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::release(const Context& c) {
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  for (const auto& ia : associations(c.message.options)) {
    bool any = false;
    for (const auto& entry : ia.entries) {
      const Lease* lease = leases_.find(entry.address);
      if (lease == nullptr || !lease->is_of(c.duid, ia.kind, ia.iaid) || lease->state != LeaseState::Active)
        continue;
      any = true;
      Lease released = *lease;
      released.state = LeaseState::Released;
      released.expires = c.now;
      outcome.note += (outcome.note.empty() ? "" : "; ") + released.text() + " given back by its client";
      allocator_.freed(released);
      outcome.store.push_back(leases_.put(std::move(released)));
    }
    // RFC 8415 18.3.7
    if (!any)
      add_association(reply.options, {.kind = ia.kind,
                                      .iaid = ia.iaid,
                                      .t1 = 0,
                                      .t2 = 0,
                                      .entries = {},
                                      .status = {StatusCode::NoBinding, "nothing is leased there"}});
  }
  if (outcome.note.empty()) outcome.note = "released what is not leased";
  reply.options.add(option::kStatusCode, encode_status({StatusCode::Success, ""}));
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::decline(const Context& c) {
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  for (const auto& ia : associations(c.message.options)) {
    bool any = false;
    for (const auto& entry : ia.entries) {
      const Lease* lease = leases_.find(entry.address);
      // Only who was given the address may put it into quarantine, or one machine could empty the pool.
      if (lease == nullptr || !lease->is_of(c.duid, ia.kind, ia.iaid) || !lease->holds(c.now) ||
          lease->state == LeaseState::Declined || ia.kind != IaKind::Addresses)
        continue;
      any = true;
      Lease declined = *lease;
      declined.state = LeaseState::Declined;
      declined.expires = c.now + c.first().quarantine;
      outcome.note += (outcome.note.empty() ? "" : "; ") + declined.text() +
                      " is in use by a machine that did not lease it; it rests for " +
                      duration_text(seconds(c.first().quarantine));
      outcome.alarming = true;
      outcome.store.push_back(leases_.put(std::move(declined)));
    }
    // RFC 8415 18.3.8
    if (!any)
      add_association(reply.options, {.kind = ia.kind,
                                      .iaid = ia.iaid,
                                      .t1 = 0,
                                      .t2 = 0,
                                      .entries = {},
                                      .status = {StatusCode::NoBinding, "nothing is leased there"}});
  }
  if (outcome.note.empty()) outcome.note = "declined what is not leased";
  reply.options.add(option::kStatusCode, encode_status({StatusCode::Success, ""}));
  outcome.reply = std::move(reply);
  return outcome;
}

Outcome Server::inform(const Context& c) const {
  Outcome outcome;
  Message reply = answer(c, MessageType::Reply);
  add_configuration(c, reply);
  outcome.note = "told about " + c.first().name;
  outcome.reply = std::move(reply);
  return outcome;
}

std::vector<Lease> Server::expire(ServerTime now) {
  std::vector<Lease> store;
  for (auto& lease : leases_.expire(now)) {
    allocator_.freed(lease);
    if (lease.state == LeaseState::Offered) continue;
    lease.state = LeaseState::Expired;
    store.push_back(std::move(lease));
  }
  return store;
}

std::optional<Lease> Server::revoke(const IpAddress& address, ServerTime now) {
  const Lease* lease = leases_.find(address);
  if (lease == nullptr || lease->state == LeaseState::Released || lease->state == LeaseState::Expired)
    return std::nullopt;
  Lease revoked = *lease;
  revoked.state = LeaseState::Released;
  revoked.expires = now;
  allocator_.freed(revoked);
  return leases_.put(std::move(revoked));
}

std::vector<PoolStatus> Server::pools(ServerTime now) const {
  std::vector<PoolStatus> pools;
  for (const auto& scope : settings_.scopes) {
    PoolStatus pool{.scope = &scope};
    for (const auto& range : scope.ranges) pool.addresses += range.size();
    for (const auto& prefix : scope.prefixes) pool.prefixes += prefix.size();
    pools.push_back(pool);
  }
  leases_.for_each([&](const Lease& lease) {
    if (!lease.holds(now)) return;
    for (auto& pool : pools) {
      if (lease.kind == IaKind::Prefixes) {
        if (pool.scope->lends_prefix(lease.address, lease.length)) ++pool.delegated;
      } else if (pool.scope->lends(lease.address)) {
        ++pool.leased;
        if (lease.state == LeaseState::Declined) ++pool.resting;
      }
    }
  });
  return pools;
}

}  // namespace lab::dhcp::v6
