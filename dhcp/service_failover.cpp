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
              [this](StoreChange change, bool of_before, std::function<void(bool)> stored) {
                take_partners(std::move(change), of_before, std::move(stored));
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

/// A lease and its names go together, as far as they find room.
std::vector<StoreChange> Service::everything() const {
  std::vector<StoreChange> all;
  StoreChange piece;
  const auto flush = [&] { all.push_back(std::exchange(piece, {})); };
  server_.leases().for_each([&](const Lease& lease) {
    if (lease.state == LeaseState::Offered) return;
    const auto names = names_.of(lease.address);
    if (piece.leases.size() == PartnerLimits::kRows ||
        piece.names.size() + names.size() > PartnerLimits::kRows)
      flush();
    piece.leases.push_back(lease);
    for (const auto& row : names) {
      if (piece.names.size() == PartnerLimits::kRows) flush();
      piece.names.push_back(row);
    }
  });
  if (!piece.leases.empty() || !piece.names.empty()) flush();
  return all;
}

namespace {

Later later_of(const Lease* ours, const Lease& partners) {
  if (ours == nullptr || ours->client != partners.client) return Later::Partners;
  if (ours->touched == partners.touched && ours->state == partners.state && ours->expires == partners.expires)
    return Later::Same;
  return Later::PartnersOfOurClient;
}

}  // namespace

void Service::take_partners(StoreChange change, bool of_before, std::function<void(bool)> stored) {
  leases_changed_ = true;
  std::map<IpAddress, Later> later;
  std::erase_if(change.leases, [&](const Lease& lease) {
    later[lease.address] = later_of(server_.leases().find(lease.address), lease);
    const bool taken = server_.merge(lease);
    if (!taken) later[lease.address] = Later::Ours;  // and so is what it says about the name
    return !taken;
  });
  if (of_before) {
    agree_on_names(change, later);
  } else {
    std::erase_if(change.names, [&](const DnsName& row) {
      const auto found = later.find(row.address);
      return found != later.end() && found->second == Later::Ours;
    });
    for (const auto& row : change.names) names_.take(row);
  }
  ++in_flight_;
  store_->save(std::move(change), [this, stored = std::move(stored)](const Error* error) {
    if (error != nullptr) log::error("the partner's leases are not on disk: {}", error->text());
    asio::post(io_, [this, stored, ok = error == nullptr] {
      stored(ok);
      settled();
    });
  });
}

/// What each has told the name server while it did not hear the other.
void Service::agree_on_names(StoreChange& change, const std::map<IpAddress, Later>& later) {
  std::map<IpAddress, std::vector<DnsName>> partners;
  for (const auto& [address, relation] : later) partners[address];
  for (auto& row : change.names) partners[row.address].push_back(std::move(row));
  change.names.clear();
  for (const auto& [address, rows] : partners) {
    const Lease* lease = server_.leases().find(address);
    if (lease == nullptr) continue;
    const auto found = later.find(address);
    std::ranges::move(
        names_.agree(*lease, wanted_name(*lease), rows, found == later.end() ? Later::Same : found->second),
        std::back_inserter(change.names));
  }
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
