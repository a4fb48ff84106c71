#include "dhcp/service.hpp"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <thread>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/lease_list.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kExpiryInterval(1);
constexpr std::chrono::seconds kProbeSoon(5);  ///< after a client spoke, other servers are looked for
constexpr std::size_t kCrowd = 4;  ///< messages of one round; fewer are no crowd, and none of them waits
constexpr std::chrono::milliseconds kGather(1);

/// Gives each scope our address on its interface.
Result<void> resolve_interfaces(Settings& settings) {
  for (auto& scope : settings.scopes) {
    if (scope.interface.empty()) continue;
    auto own = interface_address(scope.interface, scope.network);
    // A second subnet on the same wire is served from the address the server has there.
    if (!own)
      for (const auto& other : settings.scopes)
        if (&other != &scope && other.interface == scope.interface)
          if (!own) own = interface_address(other.interface, other.network);
    if (!own)
      return fail(
          "scope " + scope.name + ": " + scope.interface + " has no address in " + scope.network.text(), {},
          "give it one, or leave 'interface' out where only relays reach the scope");
    scope.server_id = *own;
  }
  return {};
}

std::vector<Network> networks_of(const Settings& settings) {
  std::vector<Network> networks;
  for (const auto& scope : settings.scopes) networks.push_back(scope.network);
  return networks;
}

void tell(events::Direction direction, const Message& m, const std::string& peer, const std::string& text) {
  events::emit({.protocol = "dhcp", .session = m.xid, .direction = direction, .peer = peer, .text = text});
}

}  // namespace

Service::Service(asio::io_context& io, WireSocket socket)
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
      control_(io, [this](const std::string& question) { return answer(question); }),
      probe_(io),
      watching_(io),
      provoke_(io) {}

Service::~Service() { readable_.release(); }  // the descriptor is the socket's to close

Result<std::unique_ptr<Service>> Service::start(asio::io_context& io, const Config& config) {
  Settings settings = settings_of(config);
  if (auto resolved = resolve_interfaces(settings); !resolved) return std::unexpected(resolved.error());
  auto socket = WireSocket::open();
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<Service> service(new Service(io, std::move(*socket)));
  LeaseStore::Content content;
  auto store = LeaseStore::open(config.leases, content);
  if (!store) return std::unexpected(store.error());
  service->store_ = std::move(*store);
  if (auto clock = service->clock_.go_on(config.leases); !clock) return std::unexpected(clock.error());
  const std::size_t count = content.leases.size();
  const auto now = service->now();
  for (auto& lease : content.leases) {
    lease.expires = end_by_clock(lease.started, lease.expires, now);
    lease.touched = order_by_clock(lease.touched, now);
    service->server_.restore(std::move(lease));
  }
  for (const auto& name : content.names) service->names_.restore(name);
  for (const auto& lent : content.ports) service->server_.restore_port(lent.port, lent.address);
  if (auto ready = service->prepare_probe(settings); !ready) return std::unexpected(ready.error());
  if (auto alone = service->guard_wires(settings, config.failover); !alone) return std::unexpected(alone.error());
  if (config.failover)
    if (auto joined = service->join_partner(config, settings); !joined)
      return std::unexpected(joined.error());
  service->server_.configure(std::move(settings));
  if (service->partner_) service->follow_duty();
  service->updater_.configure(config.dns_update, networks_of(service->server_.settings()));
  for (const auto& scope : service->server_.settings().scopes) {
    std::string ranges;
    for (const auto& range : scope.ranges) ranges += (ranges.empty() ? "" : ", ") + range.text();
    log::info("scope {}: {} on {}, lending {}", scope.name, scope.network.text(),
              scope.interface.empty() ? "relays" : scope.interface,
              ranges.empty() ? "reservations only" : ranges);
  }
  log::info("{} leases remembered in {}", count, config.leases);
  if (!config.control.empty())
    if (auto listening = service->control_.listen(config.control); !listening)
      return std::unexpected(listening.error());
  service->name_the_nameless();
  service->listen();
  service->expire_later();
  if (service->partner_) service->partner_->start();
  return service;
}

Result<void> Service::reload(const Config& config) {
  Settings settings = settings_of(config);
  if (auto resolved = resolve_interfaces(settings); !resolved) return resolved;
  if (auto ready = prepare_probe(settings); !ready) return ready;
  if (config.failover.has_value() != (partner_ != nullptr) ||
      (partner_ && (config.failover->role != partner_->config().role ||
                    config.failover->partner != partner_->config().partner)))
    return fail("another failover partner or role", "failover", "it takes effect when the server is started anew");
  server_.configure(std::move(settings));
  updater_.configure(config.dns_update, networks_of(server_.settings()));
  return {};
}

void Service::stop(std::function<void()> done) {
  stopping_ = true;
  readable_.cancel();
  expiry_.cancel();
  control_.stop();
  StoreChange change;
  forget_unclaimed(change, true);
  if (!change.forgotten.empty()) commit(std::move(change), {});
  probe_.stop();
  provoke_.cancel();
  boost::system::error_code ignored;
  watching_.close(ignored);
  when_idle_ = [this, done = std::move(done)] {
    if (partner_) partner_->stop();  // now that nothing is promised that the partner does not know
    done();
  };
  if (in_flight_ == 0) std::exchange(when_idle_, nullptr)();
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
  Round round{.time = now(), .change = {}, .at_once = {}, .after_commit = {}};
  if (!guarded_.empty() && provoke_.expiry() - std::chrono::steady_clock::now() > kProbeSoon)
    provoke_.expires_after(kProbeSoon);
  bool more = true;
  std::size_t messages = 0;
  for (int i = 0; more && i < kBatchesAtOnce; ++i) {
    const auto& batch = socket_.receive(more);
    // A frame is seen there before its datagram comes here: only after the datagrams are all their stations known.
    if (watch_.is_open()) hear_others();
    messages += batch.size();
    receive_batch(batch, round);
  }
  send(round.at_once);
  if (!round.change.leases.empty())
    commit(std::move(round.change), std::move(round.after_commit), std::move(round.before));
  if (messages == 1 && round.ahead) write_ahead(std::move(*round.ahead));
  // A crowd is served in fewer, larger rounds: what wakes this thread costs more than what a message asks.
  if (messages >= kCrowd) std::this_thread::sleep_for(kGather);
}

void Service::receive_batch(const std::vector<Incoming>& batch, Round& round) {
  for (const auto& in : batch) {
    const auto message = Message::parse(in.payload);
    if (!message) {
      ++malformed_;
      log::debug("dropped a datagram from {}: {}", in.from.text(), message.error().text());
      continue;
    }
    auto arrival = in.arrival;
    if (watch_.is_open()) arrival.station = watch_.station_of(message->xid, message->hardware());
    Outcome outcome = server_.handle(*message, arrival, round.time);
    ++received_[static_cast<std::size_t>(message->type().value_or(MessageType{}))];
    if (outcome.reply)
      ++sent_[static_cast<std::size_t>(outcome.reply->message.type().value_or(MessageType{}))];
    tell_and_log(in, *message, outcome);
    for (const auto& lease : outcome.store) follow_name(lease, round.change);
    if (outcome.probe) {
      offer_after_probe(*message, in.arrival, std::move(outcome));
      continue;
    }
    if (outcome.reply)
      (outcome.store.empty() ? round.at_once : round.after_commit)
          .push_back(socket_.prepare(*outcome.reply, in.arrival.interface));
    round.ahead = std::move(outcome.ahead);
    if (outcome.before) round.before.push_back(std::move(*outcome.before));
    if (!outcome.port.empty())
      round.change.ports.push_back({outcome.store.back().address, std::move(outcome.port)});
    std::ranges::move(outcome.store, std::back_inserter(round.change.leases));
  }
}

void Service::tell_and_log(const Incoming& in, const Message& message, const Outcome& outcome) {
  if (events::listening()) {
    tell(events::Direction::In, message, in.from.text(), summary(message));
    tell(events::Direction::Note, message, in.from.text(), outcome.note);
    if (outcome.reply)
      tell(events::Direction::Out, message, outcome.reply->to.text(), summary(outcome.reply->message));
  }
  if (outcome.alarming) {
    if (const auto text = alarms_.raise(outcome.note, now()))
      log::warning("{}: {}", message.hardware_text(), *text);
  } else if (log::enabled(log::Level::Debug)) {
    log::debug("{}: {}", summary(message), outcome.note);
  }
}

Result<void> Service::prepare_probe(const Settings& settings) {
  const bool wanted =
      std::ranges::any_of(settings.scopes, [](const Scope& s) { return s.probe.count() > 0; });
  if (!wanted || probe_.is_open()) return {};
  auto opened = probe_.open();
  if (!opened)
    opened.error().remedy =
        "'probe' takes effect when the server is started anew";  // privileges were dropped
  return opened;
}

void Service::offer_after_probe(const Message& message, const Arrival& arrival, Outcome outcome) {
  std::array<std::uint8_t, 6> mac{};
  std::ranges::copy(message.hardware().first(std::min<std::size_t>(message.hlen, mac.size())), mac.begin());
  const auto [address, wait] = *outcome.probe;
  // While the question is out, the client may ask again; the one answer serves both.
  (void)probe_.ask(
      arrival.interface, address, MacAddress(mac), wait,
      [this, message, arrival, address, reply = std::move(*outcome.reply)](bool in_use) {
        if (!in_use) return send({socket_.prepare(reply, arrival.interface)});
        StoreChange change;
        if (auto resting = server_.in_use(address, now())) change.leases.push_back(std::move(*resting));
        log::warning(
            "{} is used by a machine that did not lease it; it rests, and another address is offered",
            address.text());
        if (!change.leases.empty()) commit(std::move(change), {});
        Outcome next = server_.handle(message, arrival, now());
        if (next.probe) return offer_after_probe(message, arrival, std::move(next));
        if (next.reply) send({socket_.prepare(*next.reply, arrival.interface)});
      });
}

void Service::follow_name(const Lease& lease, StoreChange& change) {
  std::ranges::move(names_.follow(lease, wanted_name(lease)), std::back_inserter(change.names));
}

/// Leases whose names are not known, as of a server that was killed between the two; and all of them, where
/// names have just been asked for.
void Service::name_the_nameless() {
  if (partner_) return;  // the two agree on names
  StoreChange change;
  server_.leases().for_each([&](const Lease& lease) {
    if (lease.state == LeaseState::Active && !wanted_name(lease).empty() && names_.of(lease.address).empty())
      follow_name(lease, change);
  });
  if (!change.names.empty()) commit(std::move(change), {});
}

/// A lease that has been given back while the partner is silent is kept for its client as one that has run
/// out is: its name is not.
std::string Service::wanted_name(const Lease& lease) const {
  return lease.expires > now() ? server_.fqdn(lease) : std::string();
}

/// A client that comes alone takes an offer within moments: its lease is written while it makes up its mind.
/// Who leaves offers alone, by ill will perhaps, makes the disk work for no more than a few.
void Service::write_ahead(Lease lease) {
  constexpr std::size_t kUnclaimed = 16;
  if (ahead_.size() >= kUnclaimed || !store_->try_save({.leases = {lease}, .names = {}})) return;
  const IpAddress address = lease.address;
  ahead_.insert_or_assign(address, std::move(lease));
}

/// Whether the one lease of the change is on disk as it is to be. What was written ahead for an address ends
/// with any change of it, so that this can be asked once.
bool Service::claim_written(const StoreChange& change) {
  bool written = change.leases.size() == 1 && change.ports.empty();
  for (const Lease& lease : change.leases) {
    const auto ahead = ahead_.find(lease.address);
    written = written && ahead != ahead_.end() && ahead->second == lease;
    if (ahead != ahead_.end()) ahead_.erase(ahead);
  }
  return written;
}

/// What was written for an offer that has lapsed, or is no longer its client's.
void Service::forget_unclaimed(StoreChange& change, bool all) {
  std::erase_if(ahead_, [&](const auto& entry) {
    const auto& [address, written] = entry;
    const Lease* known = server_.leases().find(address);
    const bool offered =
        known != nullptr && known->state == LeaseState::Offered && known->client == written.client;
    if (offered && !all) return false;
    if (offered || known == nullptr) change.forgotten.push_back(address);
    return true;
  });
}

void Service::commit(StoreChange change, std::vector<Outgoing> replies, std::vector<Lease> before) {
  leases_changed_ = true;
  if (claim_written(change)) {
    send(replies);
    if (change.names.empty()) return;
    change.leases.clear();
    replies.clear();
  }
  ++in_flight_;
  if (partner_ && partner_->connected())
    return commit_on_both(std::move(change), std::move(replies), std::move(before));
  const auto save = change.leases.size() == 1 ? &LeaseStore::save_lone : &LeaseStore::save;
  (*store_.*save)(std::move(change), [this, replies = std::move(replies)](const Error* error) {
    // Wherever it was written: the replies are ready, and one more change of threads would only cost time.
    // Without a commit there is no ACK: the client asks again, and is served once the disk is.
    if (error == nullptr) {
      send(replies);
    } else {
      log::error("leases are not on disk, so they are not acknowledged: {}", error->text());
    }
    asio::post(io_, [this] { settled(); });
  });
}

void Service::settled() {
  updater_.wake();
  if (--in_flight_ == 0 && when_idle_) std::exchange(when_idle_, nullptr)();
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
    // A standby hears of it from the partner; one that does not hear its partner knows not who renewed there.
    if (server_.duty() == Duty::Serve || server_.duty() == Duty::WholePool)
      change.leases = server_.expire(now());
    for (const auto& lease : change.leases) {
      log::debug("the lease of {} has run out", lease.address.text());
      follow_name(lease, change);
    }
    forget_unclaimed(change, false);
    if (!change.leases.empty() || !change.forgotten.empty()) commit(std::move(change), {});
    if (std::exchange(leases_changed_, false) && server_.duty() != Duty::StandBy) watch_pools();
    expire_later();
  });
}

void Service::watch_pools() {
  constexpr double kWarn = 0.9, kCalm = 0.8;
  for (const auto& pool : server_.pools(now())) {
    if (pool.addresses == 0) continue;
    const auto share = static_cast<double>(pool.leased) / static_cast<double>(pool.addresses);
    if (share >= kWarn && nearly_full_.insert(pool.scope->name).second)
      log::warning("scope {} is nearly full: {} of {} addresses are lent; widen 'ranges' or shorten 'lease'",
                   pool.scope->name, pool.leased, pool.addresses);
    if (share < kCalm) nearly_full_.erase(pool.scope->name);
  }
}

}  // namespace lab::dhcp
