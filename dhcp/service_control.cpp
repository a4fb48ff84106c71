// What the running server tells and does for people, over its control socket.
#include <fstream>
#include <future>

#include "common/config.hpp"
#include "common/log.hpp"
#include "dhcp/lease_list.hpp"
#include "dhcp/service.hpp"

namespace lab::dhcp {

namespace {

std::string complaint(const std::string& what) {
  return "{\"error\":" + config::detail::json_string(what) + "}\n";
}

}  // namespace

std::string Service::answer(const std::string& question) {
  if (question == "status") return status();
  if (question == "leases" || question == "csv") {
    std::vector<Lease> leases;
    server_.leases().for_each([&](const Lease& lease) {
      if (question == "leases" || lease.state != LeaseState::Offered) leases.push_back(lease);
    });
    std::ranges::sort(leases, {}, &Lease::address);
    return question == "csv" ? leases_csv(leases) : leases_json(leases);
  }
  if (question == "partner-down") {
    if (!partner_) return complaint("this server has no failover partner");
    if (!partner_->declare_partner_down()) return complaint("the partner is heard, or known to be down already");
    return status();
  }
  if (question.starts_with("revoke ")) return revoke(question.substr(7));
  if (question.starts_with("import ")) return import(question.substr(7));
  return complaint("unknown question; status, leases, csv, partner-down, revoke ADDRESS, or import FILE");
}

bool Service::commit_now(StoreChange change) {
  if (partner_ && partner_->connected()) partner_->replicate(change, [](bool) {});
  leases_changed_ = true;
  if (claim_written(change)) change.leases.clear();
  auto done = std::make_shared<std::promise<bool>>();
  store_->save(std::move(change), [done](const Error* error) {
    if (error != nullptr) log::error("not on disk: {}", error->text());
    done->set_value(error == nullptr);
  });
  const bool good = done->get_future().get();
  updater_.wake();
  return good;
}

std::string Service::import(const std::string& path) {
  constexpr std::streamoff kLargest = 64 << 20;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() > kLargest) return complaint(path + ": cannot read it");
  in.seekg(0);
  auto leases = parse_leases_csv(std::string(std::istreambuf_iterator<char>(in), {}));
  if (!leases) return complaint(path + ":" + leases.error().text());
  const auto time = now();
  StoreChange change;
  std::size_t refused = 0;
  for (auto& lease : *leases) {
    // What runs here is worth more than what a file says.
    const Lease* ours = server_.leases().find(lease.address);
    if (!server_.serves(lease.address) || (ours != nullptr && ours->holds(time) && ours->client != lease.client)) {
      ++refused;
      continue;
    }
    lease.touched = time;
    server_.import(lease);
    follow_name(lease, change);
    change.leases.push_back(std::move(lease));
  }
  const auto count = change.leases.size();
  if (count > 0 && !commit_now(std::move(change))) return complaint("they are not on disk; the log says why");
  log::info("{} leases imported from {}, {} refused", count, path, refused);
  return fmt::format("{{\"imported\":{},\"refused\":{}}}\n", count, refused);
}

std::string Service::revoke(const std::string& text) {
  const auto address = IpAddress::parse(text);
  auto lease = address && address->is_v4() ? server_.revoke(*address, now()) : std::nullopt;
  if (!lease) return complaint("that address is not leased");
  log::info("the lease of {} was revoked", text);
  StoreChange change;
  follow_name(*lease, change);
  const std::string json = lease_json(*lease);
  change.leases.push_back(std::move(*lease));
  if (!commit_now(std::move(change))) return complaint("it is not on disk; the log says why");
  return "{\"revoked\":" + json + "}\n";
}

std::string Service::status() const {
  std::string counters;
  for (std::size_t type = 1; type < received_.size(); ++type)
    if (*name(static_cast<MessageType>(type)) != 'u') counters += fmt::format(R"({}"{}":{})", counters.empty() ? "" : ",", name(static_cast<MessageType>(type)),
                            received_[type] + sent_[type]);
  std::string failover;
  if (partner_) {
    const auto& p = partner_->partnership();
    failover = fmt::format(R"(,"failover":{{"role":"{}","state":"{}","partner":"{}","explanation":"{}"}})",
                           name(p.role()), name(p.state()), partner_->config().partner.text(), p.explanation());
  }
  std::string others;
  for (const auto& [id, other] : others_)
    others += fmt::format(R"({}{{"server":"{}","station":"{}","interface":{},"seen":{}}})", others.empty() ? "" : ",", id.text(),
                          other.server.station, config::detail::json_string(other.wire), other.seen.time_since_epoch().count());
  failover += ",\"other_servers\":[" + others + "]";
  return fmt::format("{{\"scopes\":{},\"messages\":{{{},\"malformed\":{}}},\"leases\":{}{}}}\n",
                     pools_json(server_.pools(now())), counters, malformed_, server_.leases().size(), failover);
}

}  // namespace lab::dhcp
