#include "dhcp/service.hpp"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/lease_list.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kExpiryInterval(1);

std::chrono::nanoseconds boot_time() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

/// Gives each scope our address on its interface.
Result<void> resolve_interfaces(Settings& settings) {
  for (auto& scope : settings.scopes) {
    if (scope.interface.empty()) continue;
    const auto own = interface_address(scope.interface, scope.network);
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
      wall_at_start_(std::chrono::system_clock::now()),
      boot_at_start_(boot_time()) {}

Service::~Service() { readable_.release(); }  // the descriptor is the socket's to close

ServerTime Service::now() const {
  // The wall clock of the start, carried on by a clock nobody can set: a clock that jumps must not end every
  // lease.
  return std::chrono::floor<std::chrono::seconds>(
      wall_at_start_ +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(boot_time() - boot_at_start_));
}

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
  const std::size_t count = content.leases.size();
  const auto now = service->now();
  for (auto& lease : content.leases) {
    // A lease that begins later than now was granted before the clock was set back; counted on, it could last
    // for years.
    if (lease.started > now && lease.expires > now)
      lease.expires = std::min(lease.expires, now + (lease.expires - lease.started));
    service->server_.restore(std::move(lease));
  }
  for (const auto& name : content.names) service->names_.restore(name);
  if (auto ready = service->prepare_probe(settings); !ready) return std::unexpected(ready.error());
  service->server_.configure(std::move(settings));
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
  service->listen();
  service->expire_later();
  return service;
}

Result<void> Service::reload(const Config& config) {
  Settings settings = settings_of(config);
  if (auto resolved = resolve_interfaces(settings); !resolved) return resolved;
  if (auto ready = prepare_probe(settings); !ready) return ready;
  server_.configure(std::move(settings));
  updater_.configure(config.dns_update, networks_of(server_.settings()));
  return {};
}

void Service::stop(std::function<void()> done) {
  stopping_ = true;
  readable_.cancel();
  expiry_.cancel();
  control_.stop();
  probe_.stop();
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
  const auto time = now();
  for (const auto& in : batch) {
    const auto message = Message::parse(in.payload);
    if (!message) {
      ++malformed_;
      log::debug("dropped a datagram from {}: {}", in.from.text(), message.error().text());
      continue;
    }
    Outcome outcome = server_.handle(*message, in.arrival, time);
    ++received_[static_cast<std::size_t>(message->type().value_or(MessageType{}))];
    if (outcome.reply)
      ++sent_[static_cast<std::size_t>(outcome.reply->message.type().value_or(MessageType{}))];
    tell_and_log(in, *message, outcome);
    for (const auto& lease : outcome.store) follow_name(lease, change);
    if (outcome.probe) {
      offer_after_probe(*message, in.arrival, std::move(outcome));
      continue;
    }
    if (outcome.reply)
      (outcome.store.empty() ? at_once : after_commit)
          .push_back(socket_.prepare(*outcome.reply, in.arrival.interface));
    std::ranges::move(outcome.store, std::back_inserter(change.leases));
  }
  send(at_once);
  if (!change.leases.empty()) commit(std::move(change), std::move(after_commit));
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
  std::ranges::move(names_.follow(lease, server_.fqdn(lease)), std::back_inserter(change.names));
}

void Service::commit(StoreChange change, std::vector<Outgoing> replies) {
  ++in_flight_;
  leases_changed_ = true;
  store_->save(std::move(change), [this, replies = std::move(replies)](const Error* error) {
    // On the writer's thread: the replies are ready, and one more change of threads would only cost time.
    // Without a commit there is no ACK: the client asks again, and is served once the disk is.
    if (error == nullptr) {
      send(replies);
    } else {
      log::error("leases are not on disk, so they are not acknowledged: {}", error->text());
    }
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
    change.leases = server_.expire(now());
    for (const auto& lease : change.leases) {
      log::debug("the lease of {} has run out", lease.address.text());
      follow_name(lease, change);
    }
    if (!change.leases.empty()) commit(std::move(change), {});
    if (std::exchange(leases_changed_, false)) watch_pools();
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

std::string Service::answer(const std::string& question) {
  if (question == "status") return status();
  if (question == "leases") {
    std::vector<Lease> leases;
    server_.leases().for_each([&](const Lease& lease) { leases.push_back(lease); });
    std::ranges::sort(leases, {}, &Lease::address);
    return leases_json(leases);
  }
  if (question.starts_with("revoke ")) return revoke(question.substr(7));
  return "{\"error\":\"unknown question; status, leases, or revoke ADDRESS\"}\n";
}

std::string Service::revoke(const std::string& text) {
  const auto address = IpAddress::parse(text);
  auto lease = address && address->is_v4() ? server_.revoke(*address, now()) : std::nullopt;
  if (!lease) return "{\"error\":\"that address is not leased\"}\n";
  log::info("the lease of {} was revoked", text);
  StoreChange change;
  follow_name(*lease, change);
  const std::string json = lease_json(*lease);
  change.leases.push_back(std::move(*lease));
  commit(std::move(change), {});
  return "{\"revoked\":" + json + "}\n";
}

std::string Service::status() const {
  std::string counters;
  for (std::size_t type = 1; type < received_.size(); ++type)
    counters += fmt::format(R"({}"{}":{})", counters.empty() ? "" : ",", name(static_cast<MessageType>(type)),
                            received_[type] + sent_[type]);
  return fmt::format("{{\"scopes\":{},\"messages\":{{{},\"malformed\":{}}},\"leases\":{}}}\n",
                     pools_json(server_.pools(now())), counters, malformed_, server_.leases().size());
}

}  // namespace lab::dhcp
