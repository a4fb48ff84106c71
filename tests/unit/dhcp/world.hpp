/// world -- a DHCP server in memory and the messages of clients, for tests: a case reads as what a machine
/// does.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dhcp/server.hpp"

namespace lab::dhcp {

inline IpAddress ip(const char* text) { return *IpAddress::parse(text); }
inline MacAddress mac(const char* text) { return *MacAddress::parse(text); }

inline Scope lan_scope() {
  Scope scope;
  scope.name = "lan";
  scope.interface = "eth0";
  scope.network = *Network::parse("192.168.56.0/24");
  scope.server_id = ip("192.168.56.10");
  scope.ranges = {*AddressRange::parse("192.168.56.100-192.168.56.103")};
  scope.max_lease = scope.lease;
  scope.options.set_address(option::kRouters, ip("192.168.56.1"));
  scope.options.set_address(option::kNameServers, ip("192.168.56.10"));
  scope.options.set_text(option::kDomainName, "helper.bac");
  return scope;
}

/// One machine: what it sends is built on its hardware address.
struct Machine {
  MacAddress hardware;
  Bytes client_id = {};
  std::string name = {};
  bool broadcast = false;

  Message message(MessageType type) const {
    Message m;
    m.xid = 42;
    if (broadcast) m.flags = Message::kBroadcastFlag;
    std::ranges::copy(hardware.bytes(), m.chaddr.begin());
    m.set_type(type);
    if (!client_id.empty()) m.options.set(option::kClientId, client_id);
    if (!name.empty()) m.options.set_text(option::kHostName, name);
    return m;
  }
};

class World : public testing::Test {
 protected:
  World() { configure({lan_scope()}); }

  void configure(std::vector<Scope> scopes) {
    Settings settings;
    settings.scopes = std::move(scopes);
    settings.dns_forward = "helper.bac";
    server_.configure(std::move(settings));
  }
  void wait(std::chrono::seconds time) {
    now_ += time;
    for (auto& lease : server_.expire(now_)) stored_.push_back(lease);
  }

  /// What the server answers, or nothing. The message came by broadcast on eth0 unless `arrival_` says
  /// otherwise.
  const Reply* send(const Message& m) {
    outcome_ = server_.handle(m, arrival_, now_);
    for (const auto& lease : outcome_.store) stored_.push_back(lease);
    return outcome_.reply ? &*outcome_.reply : nullptr;
  }
  std::optional<MessageType> type() const {
    return outcome_.reply ? outcome_.reply->message.type() : std::nullopt;
  }
  std::string address() const { return outcome_.reply ? outcome_.reply->message.yiaddr.text() : "no reply"; }
  const Options& options() const { return outcome_.reply->message.options; }

  std::string discover(const Machine& m, const char* wanted = nullptr) {
    Message d = m.message(MessageType::Discover);
    if (wanted != nullptr) d.options.set_address(option::kRequestedAddress, ip(wanted));
    send(d);
    return type() == MessageType::Offer ? address() : "no offer";
  }
  /// SELECTING: takes the offer of our server.
  std::string take(const Machine& m, const std::string& wanted, const char* server = "192.168.56.10") {
    Message r = m.message(MessageType::Request);
    r.options.set_address(option::kRequestedAddress, ip(wanted.c_str()));
    r.options.set_address(option::kServerId, ip(server));
    send(r);
    return said();
  }
  std::string lease(const Machine& m) {
    const auto offered = discover(m);
    return offered == "no offer" ? offered : take(m, offered);
  }
  /// INIT-REBOOT
  std::string come_back(const Machine& m, const char* wanted) {
    Message r = m.message(MessageType::Request);
    r.options.set_address(option::kRequestedAddress, ip(wanted));
    send(r);
    return said();
  }
  std::string renew(const Machine& m, const char* own) {
    const Arrival by_broadcast =
        std::exchange(arrival_, {.interface = "eth0", .source = ip(own), .destination = ip("192.168.56.10")});
    auto answer = rebind(m, own);
    arrival_ = by_broadcast;
    return answer;
  }
  std::string rebind(const Machine& m, const char* own) {
    Message r = m.message(MessageType::Request);
    r.ciaddr = ip(own);
    send(r);
    return said();
  }
  void release(const Machine& m, const char* own) {
    Message r = m.message(MessageType::Release);
    r.ciaddr = ip(own);
    send(r);
  }
  void decline(const Machine& m, const char* own) {
    Message d = m.message(MessageType::Decline);
    d.options.set_address(option::kRequestedAddress, ip(own));
    d.options.set_address(option::kServerId, ip("192.168.56.10"));
    send(d);
  }
  /// The address of an ACK, "NAK", or "silence".
  std::string said() const {
    if (!outcome_.reply) return "silence";
    return type() == MessageType::Ack ? address() : type() == MessageType::Nak ? "NAK" : "something else";
  }

  Machine pc1_{mac("02:4c:61:00:00:01"), {}, "pc1"}, pc2_{mac("02:4c:61:00:00:02"), {}, "pc2"},
      pc3_{mac("02:4c:61:00:00:03")}, pc4_{mac("02:4c:61:00:00:04")}, pc5_{mac("02:4c:61:00:00:05")};
  Server server_;
  ServerTime now_{std::chrono::seconds(1'700'000'000)};
  Arrival arrival_{.interface = "eth0", .source = {}, .destination = ip("255.255.255.255")};
  Outcome outcome_;
  std::vector<Lease> stored_;
};

}  // namespace lab::dhcp
