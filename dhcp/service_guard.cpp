// The service's eye on its wires: other DHCP servers, and where clients' frames really come from.
#include <poll.h>

#include <algorithm>
#include <random>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/service.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kListen(1200), kAskAgain(400);
// Another server's words to a client pass us by where they go by unicast, so it is asked: now and then, and soon after
// a client has spoken (Service::receive).
constexpr std::chrono::seconds kProbeInterval(60);

std::uint32_t random_xid() {
  static std::random_device random;
  return random();
}

}  // namespace

/// Opens the watch where a scope asks for it, and refuses to begin where another server answers.
Result<void> Service::guard_wires(const Settings& settings, const std::optional<FailoverConfig>& failover) {
  std::set<std::string> wires, refusing;
  for (const auto& scope : settings.scopes) {
    if (scope.interface.empty()) continue;
    if (scope.guard != Guard::Off || scope.per_port > 0) wires.insert(scope.interface);
    if (scope.guard != Guard::Off) guarded_.insert(scope.interface);
    if (scope.guard == Guard::Refuse) refusing.insert(scope.interface);
  }
  if (wires.empty()) return {};
  if (auto opened = watch_.open(wires); !opened) return opened;
  if (failover) friends_.insert(failover->partner.address);
  for (const auto& scope : settings.scopes) friends_.insert(scope.server_id);
  if (!refusing.empty()) {
    const auto begin = steady_now();
    auto asked = begin - kAskAgain;
    while (steady_now() - begin < kListen) {
      if (steady_now() - asked >= kAskAgain) {
        for (const auto& wire : refusing) watch_.provoke(wire, random_xid());
        asked = steady_now();
      }
      pollfd ready{.fd = watch_.descriptor(), .events = POLLIN, .revents = 0};
      poll(&ready, 1, 50);
      hear_others();
      for (const auto& [id, other] : others_)
        if (refusing.contains(other.wire))
          return fail("another DHCP server answers on " + other.wire + ": " + other.server.text(), {},
                      "stop it, or say 'guard: alert' in the scope to serve beside it; clients then take whichever is "
                      "quicker");
    }
  }
  watching_.assign(dup(watch_.descriptor()));
  for (const auto& wire : guarded_) watch_.provoke(wire, random_xid());
  watch_for_others();
  provoke_later();
  return {};
}

void Service::hear_others() {
  watch_.receive([this](const std::string& wire, const std::string& station, std::span<const std::uint8_t> payload) {
    if (!guarded_.contains(wire)) return;
    auto known = friends_;
    for (const auto& id : server_.partner_ids()) known.insert(id);
    auto other = other_server(payload, station, known);
    if (!other) return;
    const auto id = other->id;
    const auto [at, fresh] = others_.insert_or_assign(id, OtherOnWire{wire, std::move(*other), now()});
    const auto text = "another DHCP server answers on " + wire + ": " + at->second.server.text() +
                      "; clients may get addresses that are not this lab's";
    if (const auto say = alarms_.raise(text, now())) log::warning("{}", *say);
    if (events::listening())
      events::emit({.protocol = "dhcp", .session = 0, .direction = events::Direction::Note, .peer = id.text(), .text = text});
  });
}

void Service::watch_for_others() {
  watching_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    hear_others();
    watch_for_others();
  });
}

void Service::provoke_later() {
  if (provoke_.expiry() <= std::chrono::steady_clock::now()) provoke_.expires_after(kProbeInterval);
  provoke_.async_wait([this](const boost::system::error_code& error) {
    if (stopping_) return;
    if (!error)  // else it was set to an earlier time, and that is waited for now
      for (const auto& wire : guarded_) watch_.provoke(wire, random_xid());
    provoke_later();
  });
}

}  // namespace lab::dhcp
