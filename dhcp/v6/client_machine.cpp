#include "dhcp/v6/client_machine.hpp"

#include <algorithm>
#include <limits>

#include "dhcp/domain_list.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/v6/client_name.hpp"
#include "dhcp/v6/option_types.hpp"

namespace lab::dhcp::v6 {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kWishes[] = {option::kNameServers, option::kDomainSearch, option::kNtpServer};

std::vector<std::string> names(const Options& options, std::uint16_t code) {
  std::vector<std::string> out;
  if (const Bytes* data = options.find(code))
    for (const auto& name : decode_domain_list(*data).value_or(std::vector<std::string>{}))
      out.push_back(printable_text(name));
  return out;
}

std::vector<std::string> time_servers(const Options& options) {
  const Bytes* data = options.find(option::kNtpServer);
  if (data == nullptr) return {};
  std::vector<std::string> out;
  const auto all = option_text(option::kNtpServer, *data);
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find(", ", at), all.size());
    out.push_back(printable_text(all.substr(at, end - at)));
    at = end + 2;
  }
  return out;
}

/// What an answer says against us: its own status, else that of an association that gives nothing.
Status complaint(const Message& m) {
  auto status = status_of(m.options);
  for (const auto& ia : associations(m.options))
    if (status.code == StatusCode::Success) status = ia.status;
  return status;
}

}  // namespace

const char* name(ClientState state) {
  switch (state) {
    case ClientState::Idle: return "IDLE";
    case ClientState::Soliciting: return "SOLICITING";
    case ClientState::Requesting: return "REQUESTING";
    case ClientState::Confirming: return "CONFIRMING";
    case ClientState::Bound: return "BOUND";
    case ClientState::Renewing: return "RENEWING";
    case ClientState::Rebinding: return "REBINDING";
    case ClientState::Declining: return "DECLINING";
    case ClientState::Informing: return "INFORMING";
    case ClientState::Informed: return "INFORMED";
  }
  return "";
}

seconds ClientLease::valid() const {
  seconds longest{0};
  for (const auto& entry : entries) longest = std::max(longest, entry.valid);
  return longest;
}

ClientLease lease_of(const Message& reply, ClientTime obtained) {
  ClientLease lease;
  if (const Bytes* server = reply.options.find(option::kServerId)) lease.server = *server;
  lease.obtained = obtained;
  std::uint32_t t1 = 0, t2 = 0, preferred = kForever;
  for (const auto& ia : associations(reply.options)) {
    if (ia.status.code != StatusCode::Success || (ia.t1 > ia.t2 && ia.t2 != 0)) continue;  // RFC 8415 21.4
    for (const auto& entry : ia.entries) {
      if (entry.valid == 0 || entry.status.code != StatusCode::Success) continue;
      lease.entries.push_back({.kind = ia.kind,
                               .address = entry.address,
                               .length = entry.length,
                               .preferred = seconds(entry.preferred),
                               .valid = seconds(entry.valid)});
      preferred = std::min(preferred, entry.preferred);
      t1 = ia.t1;
      t2 = ia.t2;
    }
  }
  // RFC 8415 14.2: where the server leaves the times to us.
  const auto share = [&](std::uint32_t of, std::uint32_t tenths) {
    return of == kForever ? kForever : of / 10 * tenths;
  };
  lease.rebind = seconds(t2 != 0 ? t2 : share(preferred, 8));
  lease.renew = std::min(seconds(t1 != 0 ? t1 : share(preferred, 5)), lease.rebind);
  lease.name_servers = reply.options.addresses(option::kNameServers);
  lease.search = names(reply.options, option::kDomainSearch);
  lease.time_servers = time_servers(reply.options);
  if (const Bytes* fqdn = reply.options.find(option::kClientFqdn); fqdn != nullptr && fqdn->size() > 1)
    if (const auto all = decode_domain_list(std::span(*fqdn).subspan(1)); all && all->size() == 1)
      lease.fqdn = printable_text(all->front());
  return lease;
}

Message ClientMachine::build(MessageType type, ClientTime now) const {
  Message m{.type = type, .transaction = transaction_, .options = {}};
  m.options.add(option::kClientId, settings_.duid);
  // RFC 8415 21.9: hundredths of a second since the first message of this exchange.
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - exchange_began_).count() / 10;
  m.options.set_uint16(option::kElapsedTime,
                       static_cast<std::uint16_t>(std::clamp<std::int64_t>(elapsed, 0, 0xFFFF)));
  if (type == MessageType::Release || type == MessageType::Decline) return m;
  Bytes wishes;
  for (const auto code : kWishes) append16(wishes, code);
  const bool inform = type == MessageType::InformationRequest;
  if (inform) append16(wishes, option::kInformationRefresh);
  append16(wishes, inform ? option::kInfMaxRt : option::kSolMaxRt);  // RFC 8415 18.2.1, 18.2.6
  m.options.add(option::kOptionRequest, std::move(wishes));
  if (!settings_.hostname.empty() && type != MessageType::Confirm && !inform)
    m.options.add(option::kClientFqdn, ask_fqdn(settings_.hostname));
  return m;
}

void ClientMachine::add_ias(Message& m, const std::vector<HeldEntry>& entries, bool with_times) const {
  for (const auto kind : {IaKind::Addresses, IaKind::Prefixes}) {
    Ia ia{.kind = kind, .iaid = settings_.iaid, .t1 = 0, .t2 = 0, .entries = {}};
    for (const auto& entry : entries)
      if (entry.kind == kind)
        ia.entries.push_back(
            {.address = entry.address,
             .length = entry.length,
             .preferred = with_times ? static_cast<std::uint32_t>(entry.preferred.count()) : 0,
             .valid = with_times ? static_cast<std::uint32_t>(entry.valid.count()) : 0});
    const bool wanted = kind == IaKind::Addresses || settings_.wants_prefix;
    const bool all = m.type == MessageType::Solicit || m.type == MessageType::Request ||
                     m.type == MessageType::Renew || m.type == MessageType::Rebind;
    if (!ia.entries.empty() || (all && wanted)) add_association(m.options, ia);
  }
}

milliseconds ClientMachine::next_wait(milliseconds first, milliseconds most) {
  // RFC 8415 15: twice the last wait, a tenth more or less.
  const auto base = attempt_ == 0 ? first : wait_ * 2;
  const auto tenth = std::max<std::int64_t>(base.count() / 10, 1);
  const auto spread =
      static_cast<std::int64_t>(random_() % static_cast<std::uint32_t>(2 * tenth + 1)) - tenth;
  // The first SOLICIT's wait gathers offers, and must not be shorter than said (RFC 8415 18.2.1).
  wait_ = std::min(milliseconds(base.count() + (attempt_ == 0 ? std::abs(spread) : spread)), most);
  ++attempt_;
  return wait_;
}

ClientActions ClientMachine::enter(ClientState state, ClientTime now) {
  state_ = state;
  transaction_ = random_() & 0xFFFFFF;
  exchange_began_ = now;
  attempt_ = 0;
  best_.reset();
  return transmit(now);
}

ClientActions ClientMachine::transmit(ClientTime now) {
  const auto& limits = kClientLimits;
  const auto quick = [&] { return now + next_wait(limits.solicit_wait, limits.longest_wait); };
  const auto server = [this](Message& m) { m.options.add(option::kServerId, server_); };
  const auto send = [](Message m) { return ClientActions{SendMessage{std::move(m)}}; };
  switch (state_) {
    case ClientState::Soliciting: {
      Message m = build(MessageType::Solicit, now);
      if (settings_.rapid_commit) m.options.add(option::kRapidCommit);
      add_ias(m, asked_, false);
      deadline_ = quick();
      return send(std::move(m));
    }
    case ClientState::Requesting: {
      Message m = build(MessageType::Request, now);
      server(m);
      add_ias(m, asked_, true);
      deadline_ = quick();
      return send(std::move(m));
    }
    case ClientState::Confirming: {
      // RFC 8415 18.2.12: prefixes cannot be confirmed; then the lease is asked for again.
      const bool prefixes =
          std::ranges::any_of(lease_->entries, [](const HeldEntry& e) { return e.kind == IaKind::Prefixes; });
      Message m = build(prefixes ? MessageType::Rebind : MessageType::Confirm, now);
      add_ias(m, lease_->entries, prefixes);
      deadline_ = quick();
      return send(std::move(m));
    }
    case ClientState::Renewing: {
      Message m = build(MessageType::Renew, now);
      server(m);
      add_ias(m, lease_->entries, true);
      // Half of the time to T2 where that is short: a lesson with a lease of a minute sees a second try.
      const auto left = std::max(lease_->obtained + lease_->rebind - now, milliseconds(1000));
      const auto first = std::min<milliseconds>(limits.renew_wait, left / 2);
      deadline_ =
          std::min(now + next_wait(first, limits.longest_renew_wait), lease_->obtained + lease_->rebind);
      return send(std::move(m));
    }
    case ClientState::Rebinding: {
      Message m = build(MessageType::Rebind, now);
      add_ias(m, lease_->entries, true);
      const auto left = std::max(lease_->obtained + lease_->valid() - now, milliseconds(1000));
      const auto first = std::min<milliseconds>(limits.renew_wait, left / 2);
      deadline_ =
          std::min(now + next_wait(first, limits.longest_renew_wait), lease_->obtained + lease_->valid());
      return send(std::move(m));
    }
    case ClientState::Declining: {
      Message m = build(MessageType::Decline, now);
      server(m);
      add_ias(m, asked_, false);
      deadline_ = quick();
      return send(std::move(m));
    }
    case ClientState::Informing: {
      deadline_ = quick();
      return send(build(MessageType::InformationRequest, now));
    }
    case ClientState::Idle:
    case ClientState::Bound:
    case ClientState::Informed: break;
  }
  return {};
}

ClientActions ClientMachine::start(ClientTime now, std::optional<ClientLease> remembered) {
  if (remembered && !remembered->entries.empty() && remembered->obtained + remembered->valid() > now) {
    lease_ = std::move(remembered);
    server_ = lease_->server;
    return enter(ClientState::Confirming, now);
  }
  asked_.clear();
  return enter(ClientState::Soliciting, now);
}

ClientActions ClientMachine::start_stateless(ClientTime now) { return enter(ClientState::Informing, now); }

ClientActions ClientMachine::on_deadline(ClientTime now) {
  switch (state_) {
    case ClientState::Soliciting:
      if (!best_) return transmit(now);
      {
        const Message offer = std::move(best_->message);
        const ClientLease offered = lease_of(offer, now);
        asked_ = offered.entries;
        server_ = offered.server;
      }
      return enter(ClientState::Requesting, now);
    case ClientState::Requesting:
      if (attempt_ >= kClientLimits.request_tries) return enter(ClientState::Soliciting, now);
      return transmit(now);
    case ClientState::Confirming: {
      if (attempt_ < kClientLimits.confirm_tries) return transmit(now);
      // RFC 8415 18.2.3: nobody says that the addresses are wrong.
      state_ = ClientState::Bound;
      deadline_ = lease_->obtained + lease_->renew;
      return {Configure{*lease_}};
    }
    case ClientState::Bound: return renew(now);
    case ClientState::Renewing:
      if (now < lease_->obtained + lease_->rebind) return transmit(now);
      return enter(ClientState::Rebinding, now);
    case ClientState::Rebinding:
      if (now < lease_->obtained + lease_->valid()) return transmit(now);
      return on_lease_end(now);
    case ClientState::Declining:
      if (attempt_ < kClientLimits.decline_tries) return transmit(now);
      asked_.clear();
      return enter(ClientState::Soliciting, now);
    case ClientState::Informing: return transmit(now);
    case ClientState::Informed: return enter(ClientState::Informing, now);
    case ClientState::Idle: break;
  }
  return {};
}

ClientActions ClientMachine::renew(ClientTime now) {
  if (state_ != ClientState::Bound || !lease_) return {};
  server_ = lease_->server;
  return enter(ClientState::Renewing, now);
}

ClientActions ClientMachine::on_lease_end(ClientTime now) {
  return begin_anew(now, "the IPv6 lease has run out and no server renewed it");
}

ClientActions ClientMachine::begin_anew(ClientTime now, std::string why) {
  ClientActions actions;
  actions.emplace_back(Deconfigure{std::move(why)});
  asked_.clear();
  lease_.reset();
  std::ranges::move(enter(ClientState::Soliciting, now), std::back_inserter(actions));
  return actions;
}

ClientActions ClientMachine::on_message(const Message& m, ClientTime now) {
  if (m.transaction != transaction_ || state_ == ClientState::Idle) return {};
  const Bytes* client = m.options.find(option::kClientId);
  // RFC 8415 16.3, 16.10: both identifiers, and ours must be right.
  if (!m.options.has(option::kServerId)) return {};
  if (client == nullptr ? state_ != ClientState::Informing : *client != settings_.duid) return {};
  if (m.type == MessageType::Advertise) return on_advertise(m, now);
  return m.type == MessageType::Reply ? on_reply(m, now) : ClientActions{};
}

ClientActions ClientMachine::on_advertise(const Message& m, ClientTime now) {
  if (state_ != ClientState::Soliciting) return {};
  const auto offered = lease_of(m, now);
  if (offered.entries.empty()) {
    const auto status = complaint(m);
    std::string why = "a server has nothing for us: ";
    why += name(status.code);
    if (!status.text.empty()) why += ", " + printable_text(status.text);
    ClientActions actions;
    actions.emplace_back(Say{std::move(why)});
    return actions;
  }
  const int preference = m.options.uint8(option::kPreference).value_or(0);
  if (!best_ || preference > best_->preference ||
      (preference == best_->preference && offered.entries.size() > best_->entries))
    best_ = Offer{m, preference, offered.entries.size()};
  // RFC 8415 18.2.1: the first wait gathers offers, unless one cannot be beaten.
  constexpr int kUnbeatable = 255;
  return preference == kUnbeatable || attempt_ > 1 ? on_deadline(now) : ClientActions{};
}

ClientActions ClientMachine::on_reply(const Message& m, ClientTime now) {
  const auto status = status_of(m.options);
  switch (state_) {
    case ClientState::Soliciting:
      if (!settings_.rapid_commit || !m.options.has(option::kRapidCommit)) return {};
      return lease_of(m, now).entries.empty() ? ClientActions{} : take(m, now);
    case ClientState::Requesting:
      if (!lease_of(m, now).entries.empty()) return take(m, now);
      {
        const auto why = complaint(m);
        ClientActions actions;
        actions.emplace_back(
            Say{std::string("the server does not lease what it offered: ") + name(why.code)});
        asked_.clear();
        // The wait goes on growing, or a server that always refuses would be flooded.
        const auto waited = wait_;
        const auto tries = attempt_;
        (void)enter(ClientState::Soliciting, now);
        attempt_ = tries;
        wait_ = waited;
        deadline_ = now + next_wait(kClientLimits.solicit_wait, kClientLimits.longest_wait);
        return actions;
      }
    case ClientState::Confirming:
      if (!associations(m.options).empty()) return take(m, now);  // it was a REBIND
      if (status.code != StatusCode::Success)
        return begin_anew(now, "the remembered address is not of this network");
      {
        const auto told = lease_of(m, now);
        if (!told.name_servers.empty()) lease_->name_servers = told.name_servers;
        if (!told.search.empty()) lease_->search = told.search;
        if (!told.time_servers.empty()) lease_->time_servers = told.time_servers;
        lease_->server = told.server;
      }
      state_ = ClientState::Bound;
      deadline_ = lease_->obtained + lease_->renew;
      return {Configure{*lease_}};
    case ClientState::Renewing:
    case ClientState::Rebinding: {
      if (!lease_of(m, now).entries.empty()) return take(m, now);
      const auto why = complaint(m).code;
      if (why == StatusCode::NoBinding) {
        // RFC 8415 18.2.10.1: the server forgot us; we ask for the same anew.
        asked_ = lease_->entries;
        server_ = *m.options.find(option::kServerId);
        return enter(ClientState::Requesting, now);
      }
      if (why == StatusCode::Success && !associations(m.options).empty())
        return begin_anew(now, "the server ends the lease");
      return {};  // nothing useful; the next try may find another server
    }
    case ClientState::Declining: asked_.clear(); return enter(ClientState::Soliciting, now);
    case ClientState::Informing: {
      ClientLease told = lease_of(m, now);
      told.entries.clear();
      state_ = ClientState::Informed;
      const seconds refresh(m.options.uint32(option::kInformationRefresh)
                                .value_or(static_cast<std::uint32_t>(kClientLimits.refresh_default.count())));
      deadline_ = now + std::max(refresh, kClientLimits.refresh_least);
      lease_ = told;
      return {Configure{std::move(told)}};
    }
    case ClientState::Idle:
    case ClientState::Bound:
    case ClientState::Informed: break;
  }
  return {};
}

ClientActions ClientMachine::take(const Message& m, ClientTime now) {
  ClientLease lease = lease_of(m, now);
  server_ = lease.server;
  const bool for_ever = lease.renew.count() == kForever;
  deadline_ = for_ever ? std::nullopt : std::optional(now + std::max<milliseconds>(lease.renew, seconds(1)));
  state_ = ClientState::Bound;
  lease_ = lease;
  return {Configure{std::move(lease)}};
}

ClientActions ClientMachine::on_conflict(const IpAddress& address, ClientTime now) {
  if (!lease_) return {};
  asked_.clear();
  for (const auto& entry : lease_->entries)
    if (entry.address == address) asked_.push_back(entry);
  if (asked_.empty()) return {};
  server_ = lease_->server;
  lease_.reset();
  ClientActions actions;
  actions.emplace_back(Deconfigure{"another machine has " + address.text() + " already; it is declined"});
  std::ranges::move(enter(ClientState::Declining, now), std::back_inserter(actions));
  return actions;
}

ClientActions ClientMachine::release(ClientTime now) {
  ClientActions actions;
  if (lease_ && !lease_->entries.empty() && state_ != ClientState::Confirming) {
    transaction_ = random_() & 0xFFFFFF;
    exchange_began_ = now;
    Message m = build(MessageType::Release, now);
    m.options.add(option::kServerId, lease_->server);
    add_ias(m, lease_->entries, false);
    actions.emplace_back(SendMessage{std::move(m)});
    actions.emplace_back(Deconfigure{"the IPv6 lease is given back"});
  }
  lease_.reset();
  deadline_.reset();
  state_ = ClientState::Idle;
  return actions;
}

}  // namespace lab::dhcp::v6
