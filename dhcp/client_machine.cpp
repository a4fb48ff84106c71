#include "dhcp/client_machine.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "dhcp/domain_list.hpp"
#include "dhcp/explain.hpp"

namespace lab::dhcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 3442: option 121 is asked for before option 3. Order is preference (RFC 2132 9.8).
constexpr std::uint8_t kWishes[] = {option::kSubnetMask,   option::kClasslessRoutes,  option::kRouters,
                                    option::kNameServers,  option::kHostName,         option::kDomainName,
                                    option::kDomainSearch, option::kBroadcastAddress, 42 /* NTP */};

/// RFC 2132 3.3: a mask that is no mask is ignored, and the address's class decides (RFC 950).
unsigned prefix_of(const Message& ack) {
  if (auto mask = ack.options.uint32(option::kSubnetMask)) {
    const auto ones = static_cast<unsigned>(std::countl_one(*mask));
    if (ones < 32 ? (*mask << ones) == 0 : true) return ones;
  }
  const std::uint32_t address = ack.yiaddr.v4_value();
  return address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24;
}

}  // namespace

const char* name(ClientState state) {
  switch (state) {
    case ClientState::Init: return "INIT";
    case ClientState::Rebooting: return "REBOOTING";
    case ClientState::Selecting: return "SELECTING";
    case ClientState::Requesting: return "REQUESTING";
    case ClientState::Bound: return "BOUND";
    case ClientState::Renewing: return "RENEWING";
    case ClientState::Rebinding: return "REBINDING";
    case ClientState::Declined: return "DECLINED";
  }
  return "";
}

ClientLease lease_of(const Message& ack, ClientTime obtained) {
  ClientLease lease;
  const Options& o = ack.options;
  lease.address = ack.yiaddr;
  lease.server = o.address(option::kServerId).value_or(ack.siaddr);
  lease.prefix = prefix_of(ack);
  lease.routers = o.addresses(option::kRouters);
  lease.name_servers = o.addresses(option::kNameServers);
  lease.time_servers = o.addresses(42);
  if (const Bytes* routes = o.find(option::kClasslessRoutes)) lease.routes = decode_routes(*routes);
  // RFC 3442: with classless routes, the router option is ignored; a default route is among them or does not
  // exist.
  if (!lease.routes.empty()) lease.routers.clear();
  lease.domain = printable_text(o.text(option::kDomainName).value_or(""));
  lease.hostname = printable_text(o.text(option::kHostName).value_or(""));
  if (const Bytes* search = o.find(option::kDomainSearch))
    for (const auto& name : decode_domain_list(*search).value_or(std::vector<std::string>{}))
      lease.search.push_back(printable_text(name));
  lease.broadcast = o.address(option::kBroadcastAddress);
  lease.obtained = obtained;

  const std::uint32_t time = o.uint32(option::kLeaseTime).value_or(3600);
  lease.forever = time == std::numeric_limits<std::uint32_t>::max();
  lease.lease = seconds(time);
  // RFC 2131 4.4.5: T1 and T2 are half and seven eighths of the lease unless the server says otherwise, and
  // in order.
  lease.rebind = std::min(seconds(o.uint32(option::kRebindingTime).value_or(time / 8 * 7)), lease.lease);
  lease.renew = std::min(seconds(o.uint32(option::kRenewalTime).value_or(time / 2)), lease.rebind);
  return lease;
}

ClientMachine::ClientMachine(ClientSettings settings, std::function<std::uint32_t()> random)
    : settings_(std::move(settings)), random_(std::move(random)) {
  if (settings_.client_id.empty()) {
    settings_.client_id = {Message::kEthernet};
    append(settings_.client_id, settings_.hardware.bytes());
  }
}

void ClientMachine::new_exchange(ClientTime now) {
  xid_ = random_();
  exchange_began_ = now;
  attempt_ = 0;
}

milliseconds ClientMachine::backoff(int attempt) {
  const auto spread = kClientLimits.first_wait_spread.count();
  const auto unit = kClientLimits.first_wait.count() + static_cast<std::int64_t>(random_()) % (spread + 1);
  return std::min(milliseconds(unit << std::min(attempt, 16)), kClientLimits.longest_wait);
}

milliseconds ClientMachine::renewal_wait(ClientTime now, ClientTime until) const {
  // RFC 2131 4.4.5: half of what is left, but not less than a minute. A lease of minutes, as a lesson uses to
  // watch a renewal, would never be asked for twice; there the floor is an eighth of the lease.
  const auto least = std::clamp<milliseconds>(lease_->lease / 8, seconds(1), kClientLimits.renewal_wait);
  return std::min(std::max((until - now) / 2, least), std::max(until - now, milliseconds(1)));
}

Message ClientMachine::request(MessageType type, ClientTime now) const {
  Message m;
  m.xid = xid_;
  m.secs = static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(std::chrono::duration_cast<seconds>(now - exchange_began_).count(), 0,
                               std::numeric_limits<std::uint16_t>::max()));
  std::ranges::copy(settings_.hardware.bytes(), m.chaddr.begin());
  m.set_type(type);
  m.options.set(option::kClientId, settings_.client_id);  // RFC 2131 4.2: the same in every message
  return m;
}

void ClientMachine::add_wishes(Message& m) const {
  if (!settings_.hostname.empty()) m.options.set_text(option::kHostName, settings_.hostname);
  if (!settings_.vendor_class.empty()) m.options.set_text(option::kVendorClass, settings_.vendor_class);
  m.options.set_uint16(option::kMaxMessageSize, static_cast<std::uint16_t>(kMessageLimits.ethernet));
  m.options.set(option::kParameterList, Bytes(std::begin(kWishes), std::end(kWishes)));
}

ClientActions ClientMachine::start(ClientTime now, std::optional<IpAddress> remembered) {
  if (!remembered) return discover(now);
  new_exchange(now);
  state_ = ClientState::Rebooting;
  wanted_ = *remembered;
  return send_reboot_request(now);
}

ClientActions ClientMachine::discover(ClientTime now) {
  new_exchange(now);
  state_ = ClientState::Selecting;
  return send_discover(now);
}

ClientActions ClientMachine::ask_everybody(Message m, ClientTime now) {
  add_wishes(m);
  deadline_ = now + backoff(attempt_++);
  return {SendMessage{std::move(m), false, {}}};
}

ClientActions ClientMachine::send_discover(ClientTime now) {
  Message m = request(MessageType::Discover, now);
  if (wanted_ != IpAddress{}) m.options.set_address(option::kRequestedAddress, wanted_);
  return ask_everybody(std::move(m), now);
}

ClientActions ClientMachine::send_reboot_request(ClientTime now) {
  // RFC 2131 4.3.2, INIT-REBOOT: the address in option 50, no server identifier, ciaddr zero.
  Message m = request(MessageType::Request, now);
  m.options.set_address(option::kRequestedAddress, wanted_);
  return ask_everybody(std::move(m), now);
}

ClientActions ClientMachine::send_selecting_request(ClientTime now) {
  // RFC 2131 4.3.2, SELECTING: option 50 is the offered address, the server identifier says whose offer is
  // taken.
  Message m = request(MessageType::Request, now);
  m.options.set_address(option::kRequestedAddress, wanted_);
  m.options.set_address(option::kServerId, chosen_server_);
  return ask_everybody(std::move(m), now);
}

ClientActions ClientMachine::send_renewal(ClientTime now) {
  // RFC 2131 4.3.2, RENEWING and REBINDING: ciaddr is our address; neither option 50 nor a server identifier.
  const bool renewing = state_ == ClientState::Renewing;
  Message m = request(MessageType::Request, now);
  m.ciaddr = lease_->address;
  add_wishes(m);
  deadline_ = now + renewal_wait(now, lease_->obtained + (renewing ? lease_->rebind : lease_->lease));
  return {SendMessage{std::move(m), renewing, lease_->server}};
}

ClientActions ClientMachine::on_deadline(ClientTime now) {
  switch (state_) {
    case ClientState::Init:
    case ClientState::Declined: return discover(now);
    case ClientState::Selecting: return send_discover(now);
    case ClientState::Requesting:
      if (attempt_ >= kClientLimits.request_tries) return discover(now);
      return send_selecting_request(now);
    case ClientState::Rebooting:
      if (attempt_ >= kClientLimits.reboot_tries) return discover(now);
      return send_reboot_request(now);
    case ClientState::Bound:
      new_exchange(now);
      state_ = ClientState::Renewing;
      return send_renewal(now);
    case ClientState::Renewing:
      if (now < lease_->obtained + lease_->rebind) return send_renewal(now);
      new_exchange(now);
      state_ = ClientState::Rebinding;
      return send_renewal(now);
    case ClientState::Rebinding: {
      if (now < lease_->obtained + lease_->lease) return send_renewal(now);
      ClientActions actions{
          Deconfigure{"the lease of " + lease_->address.text() + " has run out and no server renewed it"}};
      wanted_ = lease_->address;
      lease_.reset();
      std::ranges::move(discover(now), std::back_inserter(actions));
      return actions;
    }
  }
  return {};
}

bool ClientMachine::answers_us(const Message& m) const {
  if (m.op != Message::kBootReply || m.xid != xid_) return false;
  if (!std::ranges::equal(std::span(m.chaddr).first(settings_.hardware.bytes().size()),
                          settings_.hardware.bytes()))
    return false;
  const Bytes* id = m.options.find(option::kClientId);
  return id == nullptr || *id == settings_.client_id;  // RFC 6842 3
}

ClientActions ClientMachine::on_message(const Message& m, ClientTime now) {
  const auto type = m.type();
  if (!type || !answers_us(m)) return {};
  switch (*type) {
    case MessageType::Offer: return on_offer(m, now);
    case MessageType::Ack: return on_ack(m, now);
    case MessageType::Nak: return on_nak(m, now);
    case MessageType::Discover:
    case MessageType::Request:
    case MessageType::Decline:
    case MessageType::Release:
    case MessageType::Inform:
    case MessageType::LeaseQuery:
    case MessageType::LeaseUnassigned:
    case MessageType::LeaseUnknown:
    case MessageType::LeaseActive: break;
  }
  return {};
}

ClientActions ClientMachine::on_offer(const Message& m, ClientTime now) {
  const auto server = m.options.address(option::kServerId);
  if (state_ != ClientState::Selecting || !server || m.yiaddr == IpAddress{}) return {};
  // The first offer is taken: RFC 2131 4.4.1 leaves the choice to the client, and waiting for more would cost
  // time.
  state_ = ClientState::Requesting;
  wanted_ = m.yiaddr;
  chosen_server_ = *server;
  attempt_ = 0;
  return send_selecting_request(now);
}

ClientActions ClientMachine::on_ack(const Message& m, ClientTime now) {
  switch (state_) {
    case ClientState::Requesting:
    case ClientState::Rebooting:
    case ClientState::Renewing:
    case ClientState::Rebinding: break;
    case ClientState::Init:
    case ClientState::Selecting:
    case ClientState::Bound:
    case ClientState::Declined: return {};
  }
  if (m.yiaddr == IpAddress{}) return {};
  // RFC 2131 4.4.1: the lease is counted from the moment the request was sent, so that it never outlives the
  // server's.
  const bool moved = lease_ && lease_->address != m.yiaddr;
  ClientActions actions;
  if (moved) actions.push_back(Deconfigure{"the server gave another address"});
  lease_ = lease_of(m, exchange_began_);
  wanted_ = lease_->address;
  state_ = ClientState::Bound;
  naks_ = 0;
  deadline_.reset();
  if (!lease_->forever)
    deadline_ = std::max<ClientTime>(lease_->obtained + lease_->renew, now + milliseconds(1));
  actions.push_back(Configure{*lease_});
  return actions;
}

ClientActions ClientMachine::on_nak(const Message& m, ClientTime now) {
  switch (state_) {
    case ClientState::Requesting:
    case ClientState::Rebooting:
    case ClientState::Renewing:
    case ClientState::Rebinding: break;
    case ClientState::Init:
    case ClientState::Selecting:
    case ClientState::Bound:
    case ClientState::Declined: return {};
  }
  ClientActions actions;
  const std::string why = "the server refused " + wanted_.text() + ": " +
                          printable_text(m.options.text(option::kText).value_or("no reason given"));
  if (lease_) {
    actions.push_back(Deconfigure{why});
  } else {
    actions.push_back(Say{why});
  }
  lease_.reset();
  wanted_ = {};
  if (naks_++ == 0) {
    std::ranges::move(discover(now), std::back_inserter(actions));
    return actions;
  }
  // Refused again and again (two servers that disagree): ever slower, so that it is no flood.
  state_ = ClientState::Init;
  deadline_ = now + std::min<milliseconds>(seconds(1) * (1LL << std::min(naks_ - 2, 6)),
                                           kClientLimits.longest_nak_wait);
  return actions;
}

ClientActions ClientMachine::on_conflict(ClientTime now) {
  if (!lease_) return {};
  const IpAddress address = lease_->address, server = lease_->server;
  new_exchange(now);
  Message m =
      request(MessageType::Decline, now);  // RFC 2131 4.4.4: broadcast, with the address and the server
  m.options.set_address(option::kRequestedAddress, address);
  m.options.set_address(option::kServerId, server);
  lease_.reset();
  wanted_ = {};
  state_ = ClientState::Declined;
  deadline_ = now + kClientLimits.after_decline;
  return {Deconfigure{"another machine uses " + address.text()}, SendMessage{std::move(m), false, {}}};
}

ClientActions ClientMachine::release(ClientTime now) {
  state_ = ClientState::Init;
  deadline_.reset();
  if (!lease_) return {};
  new_exchange(now);
  Message m = request(MessageType::Release, now);  // RFC 2131 4.4.6: unicast to the server
  m.ciaddr = lease_->address;
  m.options.set_address(option::kServerId, lease_->server);
  const IpAddress server = lease_->server;
  lease_.reset();
  return {SendMessage{std::move(m), true, server}, Deconfigure{"the lease was given back"}};
}

}  // namespace lab::dhcp
