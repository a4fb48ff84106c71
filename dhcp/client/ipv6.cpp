#include "dhcp/client/ipv6.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "dhcp/client/outputs.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/option_types.hpp"
#include "dhcp/v6/explain.hpp"

namespace lab::dhcp::client {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 4861 6.3.7 has 4 s between solicitations and three of them; a lab's first one may meet a router that
// is just starting.
constexpr milliseconds kAskFirst(250), kAskAgain(1000);
constexpr int kAskMost = 4;  ///< then nobody routes here, and a DHCPv6 server is asked all the same
constexpr milliseconds kLinkNotReady(50);

std::uint32_t random_number() {
  std::uint32_t n = 0;
  if (getrandom(&n, sizeof n, GRND_NONBLOCK) != sizeof n) n = static_cast<std::uint32_t>(std::rand());
  return n;
}

std::int64_t epoch(ClientTime t) { return std::chrono::floor<seconds>(t).time_since_epoch().count(); }

}  // namespace

std::string remember(const v6::ClientLease& lease) {
  std::ostringstream out;
  out << "server " << v6::duid_text(lease.server) << "\nobtained " << epoch(lease.obtained) << "\nrenew "
      << lease.renew.count() << "\nrebind " << lease.rebind.count() << "\n";
  for (const auto& e : lease.entries)
    out << (e.kind == v6::IaKind::Addresses ? "address " : "prefix ") << e.address.text() << " "
        << unsigned{e.length} << " " << e.preferred.count() << " " << e.valid.count() << "\n";
  for (const auto& server : lease.name_servers) out << "dns " << server.text() << "\n";
  for (const auto& name : lease.search) out << "search " << name << "\n";
  return out.str();
}

std::optional<v6::ClientLease> recall6(const std::string& text, ClientTime now) {
  v6::ClientLease lease;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, value;
    words >> key >> value;
    const long long number = std::strtoll(value.c_str(), nullptr, 10);
    if (key == "server") lease.server = encode_option(OptionType::Hex, {value}).value_or(Bytes{});
    if (key == "obtained") lease.obtained = ClientTime(seconds(number));
    if (key == "renew") lease.renew = seconds(number);
    if (key == "rebind") lease.rebind = seconds(number);
    const auto address = IpAddress::parse(value);
    if (key == "dns" && address) lease.name_servers.push_back(*address);
    if (key == "search") lease.search.push_back(printable_text(value));
    if ((key != "address" && key != "prefix") || !address || address->is_v4()) continue;
    unsigned length = 128;
    long long preferred = 0, valid = 0;
    words >> length >> preferred >> valid;
    lease.entries.push_back({.kind = key == "address" ? v6::IaKind::Addresses : v6::IaKind::Prefixes,
                             .address = *address,
                             .length = static_cast<std::uint8_t>(std::min(length, 128U)),
                             .preferred = seconds(preferred),
                             .valid = seconds(valid)});
  }
  if (lease.entries.empty() || lease.server.empty() || lease.obtained > now ||
      lease.obtained + lease.valid() <= now)
    return std::nullopt;
  return lease;
}

Ipv6::Ipv6(Ipv6Settings settings, Link6 link, std::function<void()> changed)
    : settings_(std::move(settings)),
      link_(std::move(link)),
      machine_({.duid = settings_.duid,
                .iaid = settings_.iaid,
                .hostname = settings_.hostname,
                .rapid_commit = true,
                .wants_prefix = settings_.prefix},
               random_number),
      changed_(std::move(changed)) {}

Result<std::unique_ptr<Ipv6>> Ipv6::open(Ipv6Settings settings, std::function<void()> changed) {
  auto link = Link6::open(settings.interface);
  if (!link) return std::unexpected(link.error());
  return std::unique_ptr<Ipv6>(new Ipv6(std::move(settings), std::move(*link), std::move(changed)));
}

void Ipv6::start(ClientTime now) {
  now_ = now;
  ask_routers(now);
  if (settings_.mode == Ipv6Mode::Stateful || settings_.mode == Ipv6Mode::Stateless) begin();
}

/// Starts DHCPv6 once, in the way the mode or the routers say.
void Ipv6::begin() {
  if (started_) return;
  started_ = true;
  const bool addresses = settings_.mode == Ipv6Mode::Stateful ||
                         (settings_.mode == Ipv6Mode::Auto && (!router_ || router_->said.managed));
  const auto remembered =
      settings_.state.empty() ? std::nullopt : recall6(read_small_file(settings_.state), now_);
  perform(addresses ? machine_.start(now_, remembered) : machine_.start_stateless(now_));
}

void Ipv6::ask_routers(ClientTime now) {
  if (!link_.solicit(settings_.hardware)) {
    ask_again_ = now + kLinkNotReady;  // the link-local address is not there yet
    return;
  }
  ++asked_;
  ask_again_ = now + (asked_ == 1 ? kAskFirst : kAskAgain);
}

void Ipv6::add_to(std::vector<pollfd>& waiting) const {
  for (const int fd : {link_.advertisements(), link_.messages(), link_.changes()})
    waiting.push_back({fd, POLLIN, 0});
}

void Ipv6::on_readable(ClientTime now) {
  now_ = now;
  while (const auto router = link_.next_advertisement()) on_router(*router, now);
  while (const auto received = link_.next_message()) {
    const auto message = v6::Message::parse(received->payload);
    if (!message) continue;
    if (settings_.verbose)
      std::printf("%s\n\n",
                  v6::explanation(*message, received->from, {IpAddress(), v6::kClientPort}, false).c_str());
    perform(machine_.on_message(*message, now));
  }
  for (const auto& change : link_.next_changes()) on_address(change, now);
  if (settings_.verbose) std::fflush(stdout);
}

void Ipv6::on_router(const Link6::Router& router, ClientTime now) {
  if (settings_.verbose)
    std::printf("\u2190 ROUTER-ADVERTISEMENT from %s\n  \u201c%s\u201d\n\n", router.address.text().c_str(),
                ra::summary(router.said).c_str());
  ask_again_.reset();
  // A router that says goodbye, and another that stays: the one in use counts.
  if (router.said.lifetime == 0 && router_ && router_->address != router.address &&
      router_->said.lifetime != 0)
    return;
  router_ = router;
  if (settings_.mode == Ipv6Mode::Auto && (router.said.managed || router.said.other)) begin();
  for (const auto& address : link_.addresses()) on_address(address, now);
  changed_();
}

void Ipv6::on_address(const Link6::Address& address, ClientTime now) {
  const bool leased = lease_ && std::ranges::any_of(lease_->entries, [&](const v6::HeldEntry& e) {
                        return e.kind == v6::IaKind::Addresses && e.address == address.address;
                      });
  if (leased) {
    if (address.duplicate) {
      perform(machine_.on_conflict(address.address, now));
    } else if (!address.gone && !address.tentative && usable_.insert(address.address).second) {
      changed_();
    }
    return;
  }
  const bool announced =
      router_ && std::ranges::any_of(router_->said.prefixes, [&](const ra::PrefixInformation& p) {
        return p.autonomous && p.prefix.contains(address.address);
      });
  if (!announced) return;
  const bool news = address.gone ? own_made_.erase(address.address) > 0
                                 : !address.tentative && own_made_.insert(address.address).second;
  if (news) changed_();
}

std::optional<ClientTime> Ipv6::deadline() const {
  auto first = machine_.deadline();
  if (ask_again_ && (!first || *ask_again_ < *first)) first = ask_again_;
  return first;
}

void Ipv6::on_deadline(ClientTime now) {
  now_ = now;
  if (ask_again_ && now >= *ask_again_) {
    ask_again_.reset();
    if (asked_ < kAskMost) {
      ask_routers(now);
    } else if (settings_.mode == Ipv6Mode::Auto) {
      say("no router answers; asking for an IPv6 address all the same");
      begin();
    }
  }
  if (machine_.deadline() && now >= *machine_.deadline()) perform(machine_.on_deadline(now));
}

void Ipv6::renew(ClientTime now) {
  now_ = now;
  perform(machine_.renew(now));
}

void Ipv6::release(ClientTime now) {
  now_ = now;
  perform(machine_.release(now));
  if (!settings_.state.empty()) unlink(settings_.state.c_str());
}

bool Ipv6::settled() const {
  const bool leased =
      lease_ && !lease_->entries.empty() && std::ranges::all_of(lease_->entries, [&](const v6::HeldEntry& e) {
        return e.kind == v6::IaKind::Prefixes || usable_.contains(e.address);
      });
  switch (settings_.mode) {
    case Ipv6Mode::Off: return true;
    case Ipv6Mode::Stateful: return leased;
    case Ipv6Mode::Stateless: return lease_.has_value();
    case Ipv6Mode::Auto: break;
  }
  if (!router_) return leased;
  const auto& said = router_->said;
  if (said.managed) return leased;
  const bool autonomous = std::ranges::any_of(said.prefixes, &ra::PrefixInformation::autonomous);
  return (!said.other || lease_) && (!autonomous || !own_made_.empty());
}

Ipv6Outcome Ipv6::outcome() const {
  Ipv6Outcome out;
  const bool leases = lease_ && !lease_->entries.empty();
  out.how = leases ? "stateful" : lease_ ? "stateless" : "slaac";
  if (lease_)
    for (const auto& e : lease_->entries)
      if (e.kind == v6::IaKind::Prefixes || usable_.contains(e.address)) out.entries.push_back(e);
  out.own_made.assign(own_made_.begin(), own_made_.end());
  out.lease = lease_;
  if (router_ && router_->said.lifetime > 0) out.router = router_->address;
  if (lease_) {
    out.name_servers = lease_->name_servers;
    out.search = lease_->search;
  }
  if (router_) {
    // RFC 8106 5.3.1: both sources count, DHCP's first.
    for (const auto& server : router_->said.name_servers)
      if (std::ranges::find(out.name_servers, server) == out.name_servers.end())
        out.name_servers.push_back(server);
    for (const auto& name : router_->said.search)
      if (std::ranges::find(out.search, name) == out.search.end()) out.search.push_back(name);
  }
  return out;
}

void Ipv6::perform(const v6::ClientActions& actions) {
  for (const auto& action : actions) std::visit([this](const auto& a) { act(a); }, action);
}

void Ipv6::act(const v6::SendMessage& send) {
  if (settings_.verbose)
    std::printf("%s\n\n", v6::explanation(send.message, {IpAddress(), v6::kClientPort},
                                          {*IpAddress::parse("ff02::1:2"), v6::kServerPort}, true)
                              .c_str());
  // Where the link is not ready yet, the machine tries again at its deadline.
  if (auto sent = link_.send(send.message.encode()); !sent && settings_.verbose) say(sent.error().text());
}

void Ipv6::drop(const v6::HeldEntry& entry) {
  if (entry.kind != v6::IaKind::Addresses) return;
  usable_.erase(entry.address);
  (void)link_.remove_address(entry.address);  // the kernel may have removed it at its end
}

void Ipv6::act(const v6::Configure& configure) {
  const auto before = std::exchange(lease_, configure.lease);
  const auto& lease = *lease_;
  if (before)
    for (const auto& old : before->entries)
      if (std::ranges::none_of(lease.entries,
                               [&](const v6::HeldEntry& e) { return e.address == old.address; }))
        drop(old);
  const auto passed = std::chrono::floor<seconds>(now_ - lease.obtained);
  const auto left = [&](seconds time) {
    if (!settings_.lifetime || time.count() == v6::kForever) return v6::kForever;
    return static_cast<std::uint32_t>(std::max<std::int64_t>((time - passed).count(), 0));
  };
  for (const auto& e : lease.entries) {
    if (e.kind != v6::IaKind::Addresses) continue;
    if (auto put = link_.put_address(e.address, left(e.preferred), std::max<std::uint32_t>(left(e.valid), 1));
        !put)
      say(put.error().text());
  }
  if (!settings_.state.empty() && !lease.entries.empty())
    if (auto written = write_atomically(settings_.state, remember(lease)); !written)
      say(written.error().text());
  const bool renewed = before && !before->entries.empty();
  for (const auto& e : lease.entries)
    say((renewed ? "keeps " : "leased ") + v6::text(e.kind, e.address, e.length) + " for " +
        duration_text(static_cast<std::uint32_t>(e.valid.count())));
  if (lease.entries.empty()) say("told about the network by DHCPv6");
  for (const auto& address : link_.addresses()) on_address(address, now_);
  changed_();
}

void Ipv6::act(const Deconfigure& deconfigure) {
  say(deconfigure.why);
  if (!lease_) return;
  const auto gone = std::exchange(lease_, std::nullopt);
  for (const auto& entry : gone->entries) drop(entry);
  changed_();
}

void Ipv6::act(const Say& what) { say(what.text); }

void Ipv6::say(const std::string& text) const {
  std::fprintf(stderr, "lab-dhclient: %s: %s\n", settings_.interface.c_str(), text.c_str());
}

}  // namespace lab::dhcp::client
