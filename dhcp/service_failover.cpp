// The service's part in a hot standby: what is promised to a client is on the partner's disk too.
#include <boost/asio/post.hpp>

#include "common/log.hpp"
#include "dhcp/service.hpp"

namespace lab::dhcp {

namespace asio = boost::asio;

Result<void> Service::join_partner(const Config& config, const Settings& settings) {
  server_.share_pools(config.failover->role == Role::Primary ? Share::Lower : Share::Upper);
  server_.promise_alone_for(std::chrono::floor<std::chrono::seconds>(config.failover->reach));
  std::chrono::seconds longest{0};
  for (const auto& scope : settings.scopes) longest = std::max({longest, scope.lease, scope.max_lease});
  partner_ = std::make_unique<PartnerLink>(
      io_, *config.failover, longest, PartnerMemory(config.leases + "-sole"),
      PartnerLink::Hooks{
          .hello =
              [this] {
                PartnerHello hello;
                hello.now = now();
                for (const auto& scope : server_.settings().scopes)
                  if (scope.server_id != IpAddress{}) hello.server_ids.push_back(scope.server_id);
                return hello;
              },
          .greeted = [this](const PartnerHello& partner) { server_.know_partner(partner.server_ids); },
          .everything = [this] { return everything(); },
          .take =
              [this](StoreChange change, std::function<void(bool)> stored) {
                take_partners(std::move(change), std::move(stored));
              },
          .changed = [this] { follow_duty(); }});
  return partner_->listen();
}

void Service::follow_duty() {
  const auto duty = partner_->partnership().duty();
  server_.set_duty(duty);
  updater_.pause(duty == Duty::StandBy ||
                 duty == Duty::Hold);  // of two that write one name, the slower would undo the faster's work
}

std::vector<StoreChange> Service::everything() const {
  std::vector<StoreChange> all;
  StoreChange piece;
  const auto full = [&](std::size_t rows) {
    if (rows < PartnerLimits::kRows) return;
    all.push_back(std::exchange(piece, {}));
  };
  server_.leases().for_each([&](const Lease& lease) {
    if (lease.state == LeaseState::Offered) return;
    piece.leases.push_back(lease);
    full(piece.leases.size());
  });
  names_.for_each([&](const DnsName& row) {
    piece.names.push_back(row);
    full(piece.names.size());
  });
  if (!piece.leases.empty() || !piece.names.empty()) all.push_back(std::move(piece));
  return all;
}

void Service::take_partners(StoreChange change, std::function<void(bool)> stored) {
  leases_changed_ = true;
  std::set<IpAddress> stale;  // our record is the newer one, and so is what it says about the name
  std::erase_if(change.leases, [&](const Lease& lease) {
    const bool taken = server_.merge(lease);
    if (!taken) stale.insert(lease.address);
    return !taken;
  });
  std::erase_if(change.names, [&](const DnsName& row) { return stale.contains(row.address); });
  for (const auto& row : change.names) names_.take(row);
  ++in_flight_;
  store_->save(std::move(change), [this, stored = std::move(stored)](const Error* error) {
    if (error != nullptr) log::error("the partner's leases are not on disk: {}", error->text());
    asio::post(io_, [this, stored, ok = error == nullptr] {
      stored(ok);
      settled();
    });
  });
}

void Service::commit_on_both(StoreChange change, std::vector<Outgoing> replies, std::vector<Lease> before) {
  struct Both {
    int left = 2;
    bool promised = true;
    std::vector<Outgoing> replies;
  };
  auto both = std::make_shared<Both>();
  both->replies = std::move(replies);
  const auto part = [this, both](bool ok) {
    both->promised = both->promised && ok;
    if (--both->left > 0) return;
    if (both->promised) send(both->replies);
    settled();
  };
  partner_->replicate(change, [this, part, leases = change.leases, before = std::move(before)](bool stored) {
    part(stored || take_back(leases, before));
  });
  store_->save(std::move(change), [this, part](const Error* error) {
    if (error != nullptr) log::error("leases are not on disk, so they are not acknowledged: {}", error->text());
    asio::post(io_, [part, ok = error == nullptr] { part(ok); });
  });
}

/// The partner was lost before it could store these: a lease is promised for as long as both know of it only,
/// so it is taken back, and its client asks again in a moment. Whether the rest may be answered.
bool Service::take_back(const std::vector<Lease>& promised, const std::vector<Lease>& before) {
  StoreChange change;
  for (const auto& lease : promised) {
    const auto had = std::ranges::find(before, lease.address, &Lease::address);
    auto now_again = server_.take_back(lease, had == before.end() ? nullptr : &*had, now());
    if (!now_again) continue;
    follow_name(*now_again, change);
    change.leases.push_back(std::move(*now_again));
  }
  if (change.leases.empty()) return true;
  commit(std::move(change), {});
  return false;
}

}  // namespace lab::dhcp
