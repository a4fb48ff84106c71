#include "dhcp/v6/service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/v6/explain.hpp"
#include "dhcp/v6/lease_list.hpp"

namespace lab::dhcp::v6 {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kExpiryInterval(1);

void tell(events::Direction direction, const Message& m, const std::string& peer, const std::string& text) {
  events::emit(
      {.protocol = "dhcp", .session = m.transaction, .direction = direction, .peer = peer, .text = text});
}

/// RFC 4361 6.1: the identifier a dual-stack client has in DHCPv4. With it, one machine's A and AAAA records
/// have one DHCID (RFC 4703 6).
ClientKey dual_stack_key(const Lease& lease) {
  ClientKey key = "\xFF";
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(lease.iaid >> shift);
  return key + lease.duid;
}

/// The lease as the follower of names knows it.
dhcp::Lease named_lease(const Lease& lease) {
  return {.address = lease.address,
          .state = lease.state,
          .client = dual_stack_key(lease),
          .hardware = {},
          .hostname = lease.hostname,
          .started = lease.started,
          .expires = lease.expires};
}

}  // namespace

Service::Service(asio::io_context& io, UdpSocket socket)
    : io_(io),
      socket_(std::move(socket)),
      readable_(io, socket_.descriptor()),
      expiry_(io),
      updater_(io, names_,
               [this](DnsName row) {
                 StoreChange change;
                 change.names.push_back(std::move(row));
                 commit(std::move(change), {});
               }),
      control_(io, [this](const std::string& question) { return answer(question); }) {}

Service::~Service() { readable_.release(); }  // the descriptor is the socket's to close

Result<Settings> Service::settings_of(const Config& config) {
  Settings settings;
  settings.scopes = scopes_of(config.scopes6);
  settings.offer_hold = config.offer_hold;
  settings.duid = duid_;
  if (config.dns_update) settings.dns_forward = config.dns_update->forward;
  for (auto& scope : settings.scopes) {
    if (scope.interface.empty()) continue;
    scope.own = interface_addresses(scope.interface);
    if (std::ranges::none_of(scope.own, [&](const IpAddress& a) { return scope.network.contains(a); }))
      return fail(
          "scope " + scope.name + ": " + scope.interface + " has no address in " + scope.network.text(), {},
          "give it one, or leave 'interface' out where only relays reach the scope");
    if (auto joined = socket_.join(scope.interface); !joined) return std::unexpected(joined.error());
  }
  return settings;
}

void Service::configure(const Config& config, Settings settings) {
  server_.configure(std::move(settings));
  std::vector<Network> networks;
  for (const auto& scope : server_.settings().scopes) networks.push_back(scope.network);
  updater_.configure(config.dns_update, std::move(networks));
}

Result<std::unique_ptr<Service>> Service::start(asio::io_context& io, const Config& config) {
  auto socket = UdpSocket::open();
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<Service> service(new Service(io, std::move(*socket)));
  LeaseStore::Content content;
  for (const auto& [name, scope] : config.scopes6)
    if (!scope.interface.empty() && content.duid.empty())
      content.duid = link_layer_duid(interface_mac(scope.interface));
  if (content.duid.empty()) content.duid = link_layer_duid(interface_mac("eth0"));
  auto store = LeaseStore::open(config.leases6, content);
  if (!store) return std::unexpected(store.error());
  service->store_ = std::move(*store);
  if (auto clock = service->clock_.go_on(config.leases6); !clock) return std::unexpected(clock.error());
  service->duid_ = content.duid;
  auto settings = service->settings_of(config);
  if (!settings) return std::unexpected(settings.error());
  const auto now = service->clock_.now();
  const std::size_t count = content.leases.size();
  for (auto& lease : content.leases) {
    lease.expires = end_by_clock(lease.started, lease.expires, now);
    service->server_.restore(std::move(lease));
  }
  for (const auto& name : content.names) service->names_.restore(name);
  service->configure(config, std::move(*settings));
  for (const auto& scope : service->server_.settings().scopes) {
    std::string ranges;
    for (const auto& range : scope.ranges) ranges += (ranges.empty() ? "" : ", ") + range.text();
    for (const auto& p : scope.prefixes)
      ranges += (ranges.empty() ? "" : ", ") + fmt::format("/{} prefixes of {}", p.length, p.pool.text());
    log::info("scope {}: {} on {}, {}", scope.name, scope.network.text(),
              scope.interface.empty() ? "relays" : scope.interface,
              ranges.empty() ? "telling about the network only" : "lending " + ranges);
  }
  log::info("{} IPv6 leases remembered in {}", count, config.leases6);
  if (!config.control.empty())
    if (auto listening = service->control_.listen(config.control + "6"); !listening)
      return std::unexpected(listening.error());
  service->listen();
  service->expire_later();
  return service;
}

Result<void> Service::reload(const Config& config) {
  auto settings = settings_of(config);
  if (!settings) return std::unexpected(settings.error());
  configure(config, std::move(*settings));
  return {};
}

void Service::stop(std::function<void()> done) {
  stopping_ = true;
  readable_.cancel();
  expiry_.cancel();
  control_.stop();
  if (in_flight_ == 0) return done();
  when_idle_ = std::move(done);
}

void Service::listen() {
  readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (error || stopping_) return;
                         receive();
                         listen();
                       });
}

void Service::receive() {
  constexpr int kBatchesAtOnce = 8;  // then timers and commits get their turn
  bool more = true;
  for (int i = 0; more && i < kBatchesAtOnce; ++i) receive_batch(socket_.receive(more));
}

void Service::receive_batch(const std::vector<Incoming>& batch) {
  StoreChange change;
  std::vector<Outgoing> at_once, after_commit;
  const auto time = clock_.now();
  for (const auto& in : batch) {
    const auto packet = Packet::parse(in.payload);
    if (!packet) {
      ++malformed_;
      log::debug("dropped a datagram from {}: {}", in.from.text(), packet.error().text());
      continue;
    }
    ++received_[static_cast<std::size_t>(packet->message.type)];
    Outcome outcome = server_.handle(*packet, in.arrival, time);
    tell_and_log(in, *packet, outcome);
    for (const auto& lease : outcome.store) follow_name(lease, change);
    if (outcome.reply) {
      ++sent_[static_cast<std::size_t>(outcome.reply->type)];
      // RFC 8415 18.3.10: to the source address; clients listen on 546 and relays on 547, unless a relay
      // names its port (RFC 8357).
      std::uint16_t port = packet->relays.empty() ? kClientPort : kServerPort;
      if (!packet->relays.empty() && packet->relays.front().options.has(option::kRelayPort))
        port = in.from.port;
      (outcome.store.empty() ? at_once : after_commit)
          .push_back({.bytes = encode_reply(*packet, *outcome.reply),
                      .to = {in.from.address, port},
                      .interface = in.interface});
    }
    std::ranges::move(outcome.store, std::back_inserter(change.leases));
  }
  send(at_once);
  if (!change.leases.empty()) commit(std::move(change), std::move(after_commit));
}

void Service::tell_and_log(const Incoming& in, const Packet& packet, const Outcome& outcome) {
  if (events::listening()) {
    const Message& m = packet.message;
    tell(events::Direction::In, m, in.from.text(), summary(packet));
    tell(events::Direction::Note, m, in.from.text(), outcome.note);
    if (outcome.reply) tell(events::Direction::Out, m, in.from.text(), summary(*outcome.reply));
  }
  if (outcome.alarming) {
    if (const auto text = alarms_.raise(outcome.note, clock_.now()))
      log::warning("{}: {}", in.from.text(), *text);
  } else if (log::enabled(log::Level::Debug)) {
    log::debug("{}: {}", summary(packet), outcome.note);
  }
}

void Service::follow_name(const Lease& lease, StoreChange& change) {
  if (lease.kind != IaKind::Addresses) return;
  std::ranges::move(names_.follow(named_lease(lease), server_.fqdn(lease)), std::back_inserter(change.names));
}

void Service::commit(StoreChange change, std::vector<Outgoing> replies) {
  ++in_flight_;
  leases_changed_ = true;
  store_->save(std::move(change), [this, replies = std::move(replies)](const Error* error) {
    // On the writer's thread, as the DHCPv4 half does. Without a commit there is no REPLY.
    if (error == nullptr)
      send(replies);
    else
      log::error("leases are not on disk, so they are not acknowledged: {}", error->text());
    asio::post(io_, [this] {
      updater_.wake();
      if (--in_flight_ == 0 && when_idle_) std::exchange(when_idle_, nullptr)();
    });
  });
}

void Service::send(const std::vector<Outgoing>& replies) const {
  socket_.send(replies, [](const Outgoing& reply) {
    log::warning("cannot answer {}: {}", reply.to.text(), std::strerror(errno));
  });
}

void Service::expire_later() {
  expiry_.expires_after(kExpiryInterval);
  expiry_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    StoreChange change;
    change.leases = server_.expire(clock_.now());
    for (const auto& lease : change.leases) {
      log::debug("the lease of {} has run out", lease.text());
      follow_name(lease, change);
    }
    if (!change.leases.empty()) commit(std::move(change), {});
    if (std::exchange(leases_changed_, false)) watch_pools();
    expire_later();
  });
}

void Service::watch_pools() {
  constexpr double kWarn = 0.9, kCalm = 0.8;
  for (const auto& pool : server_.pools(clock_.now())) {
    const auto addresses =
        static_cast<double>(pool.leased) / static_cast<double>(std::max<std::uint64_t>(pool.addresses, 1));
    const auto prefixes =
        static_cast<double>(pool.delegated) / static_cast<double>(std::max<std::uint64_t>(pool.prefixes, 1));
    const auto share = std::max(addresses, prefixes);
    if (share >= kWarn && nearly_full_.insert(pool.scope->name).second)
      log::warning(
          "scope {} is nearly full: {} of {} addresses and {} of {} prefixes are lent; widen 'ranges' or "
          "shorten 'lease'",
          pool.scope->name, pool.leased, pool.addresses, pool.delegated, pool.prefixes);
    if (share < kCalm) nearly_full_.erase(pool.scope->name);
  }
}

std::string Service::answer(const std::string& question) {
  if (question == "leases") {
    std::vector<Lease> leases;
    server_.leases().for_each([&](const Lease& lease) { leases.push_back(lease); });
    std::ranges::sort(leases, {}, &Lease::address);
    return leases_json(leases);
  }
  if (question.starts_with("revoke ")) return revoke(question.substr(7));
  if (question != "status") return "{\"error\":\"unknown question; status, leases, or revoke ADDRESS\"}\n";
  std::string counters;
  for (std::size_t type = 1; type < received_.size(); ++type)
    counters += fmt::format(R"({}"{}":{})", counters.empty() ? "" : ",", name(static_cast<MessageType>(type)),
                            received_[type] + sent_[type]);
  return fmt::format("{{\"scopes\":{},\"messages\":{{{},\"malformed\":{}}},\"leases\":{}}}\n",
                     pools_json(server_.pools(clock_.now())), counters, malformed_, server_.leases().size());
}

std::string Service::revoke(const std::string& text) {
  const auto address = IpAddress::parse(text.substr(0, text.find('/')));
  auto lease = address && !address->is_v4() ? server_.revoke(*address, clock_.now()) : std::nullopt;
  if (!lease) return "{\"error\":\"that address is not leased\"}\n";
  log::info("the lease of {} was revoked", text);
  StoreChange change;
  follow_name(*lease, change);
  const std::string json = lease_json(*lease);
  change.leases.push_back(std::move(*lease));
  commit(std::move(change), {});
  return "{\"revoked\":" + json + "}\n";
}

}  // namespace lab::dhcp::v6
