/// world -- a DHCPv6 server in memory and the messages of clients, for tests: a case reads as what a machine
/// does.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dhcp/v6/client_name.hpp"
#include "dhcp/v6/server.hpp"

namespace lab::dhcp::v6 {

inline IpAddress ip(const char* text) { return *IpAddress::parse(text); }
inline MacAddress mac(const char* text) { return *MacAddress::parse(text); }
inline Network net(const char* text) { return *Network::parse(text); }

inline Scope lan_scope() {
  Scope scope;
  scope.name = "lan";
  scope.interface = "eth0";
  scope.network = net("fd00:56::/64");
  scope.own = {ip("fd00:56::10")};
  scope.ranges = {*AddressRange::parse("fd00:56::1:0-fd00:56::1:3")};
  scope.prefixes = {{net("fd00:100::/54"), 56}};
  scope.options.set_addresses(option::kNameServers, {ip("fd00:56::10")});
  scope.options.set(option::kDomainSearch, {6, 'h', 'e', 'l', 'p', 'e', 'r', 3, 'b', 'a', 'c', 0});
  scope.options.set_uint32(option::kInformationRefresh, 3600);
  return scope;
}

/// One machine: DUID and link-local address are built on its hardware address.
struct Machine {
  MacAddress hardware;
  std::string name = {};
  Bytes duid = {};
  std::uint32_t iaid = 1;

  Message message(MessageType type) const {
    Message m{.type = type, .transaction = 0x424242, .options = {}};
    m.options.add(option::kClientId, duid.empty() ? link_layer_duid(hardware) : duid);
    if (!name.empty()) m.options.add(option::kClientFqdn, ask_fqdn(name));
    return m;
  }
};

class World : public testing::Test {
 protected:
  World() { configure({lan_scope()}); }

  static Bytes server_duid() { return {0, 3, 0, 1, 2, 0, 0, 0, 0, 0x10}; }
  void configure(std::vector<Scope> scopes) {
    Settings settings;
    settings.scopes = std::move(scopes);
    settings.duid = server_duid();
    settings.dns_forward = "helper.bac";
    server_.configure(std::move(settings));
  }
  void wait(std::chrono::seconds time) {
    now_ += time;
    for (auto& lease : server_.expire(now_)) stored_.push_back(lease);
  }

  /// What the server answers, or nothing. The message came to everybody on eth0, from the machine's
  /// link-local address, unless `arrival_` and `relays_` say otherwise.
  const Message* send(const Message& m, const Machine& from) {
    if (!arrival_fixed_) arrival_.source = link_local(from.hardware);
    outcome_ = server_.handle({.relays = relays_, .message = m}, arrival_, now_);
    for (const auto& lease : outcome_.store) stored_.push_back(lease);
    return outcome_.reply ? &*outcome_.reply : nullptr;
  }
  static void add(Message& m, IaKind kind, std::uint32_t iaid, const std::vector<std::string>& held) {
    Ia ia{.kind = kind, .iaid = iaid, .t1 = 0, .t2 = 0, .entries = {}};
    for (const auto& text : held) {
      const auto slash = text.find('/');
      ia.entries.push_back({.address = ip(text.substr(0, slash).c_str()),
                            .length = static_cast<std::uint8_t>(
                                slash == std::string::npos ? 128 : std::stoi(text.substr(slash + 1))),
                            .preferred = 0,
                            .valid = 0});
    }
    add_association(m.options, ia);
  }
  /// The message about the machine's addresses; `held` are written in its association.
  std::string say(MessageType type, const Machine& m, const std::vector<std::string>& held = {},
                  bool to_us = false, bool rapid = false, IaKind kind = IaKind::Addresses) {
    Message message = m.message(type);
    if (to_us) message.options.add(option::kServerId, server_duid());
    if (rapid) message.options.add(option::kRapidCommit);
    add(message, kind, m.iaid, held);
    send(message, m);
    return said();
  }
  std::string solicit(const Machine& m) { return say(MessageType::Solicit, m); }
  std::string request(const Machine& m, const std::string& offered) {
    return say(MessageType::Request, m, {offered}, true);
  }
  /// Four messages: the address, or what the server said instead.
  std::string lease(const Machine& m) {
    solicit(m);
    const auto all = associations(outcome_.reply->options);
    if (all.empty() || all.front().entries.empty()) return said();
    request(m, all.front().entries.front().address.text());
    return address();
  }
  /// The first address (or prefix) of the answer.
  std::string address() const {
    if (!outcome_.reply) return "silence";
    const auto all = associations(outcome_.reply->options);
    if (all.empty() || all.front().entries.empty()) return said();
    const auto& entry = all.front().entries.front();
    return text(all.front().kind, entry.address, entry.length);
  }
  /// `ADVERTISE fd00:56::1:0 for 3600`, `REPLY NoBinding`, "silence".
  std::string said() const {
    if (!outcome_.reply) return "silence";
    const Message& m = *outcome_.reply;
    std::string out = name(m.type);
    if (m.options.has(option::kStatusCode)) out += std::string(" ") + v6::name(status_of(m.options).code);
    for (const auto& ia : associations(m.options)) {
      for (const auto& entry : ia.entries)
        out += " " + text(ia.kind, entry.address, entry.length) + " for " + std::to_string(entry.valid);
      if (ia.status.code != StatusCode::Success) out += std::string(" ") + v6::name(ia.status.code);
    }
    return out;
  }
  std::vector<std::uint16_t> codes() const {
    std::vector<std::uint16_t> all;
    for (const auto& o : outcome_.reply->options.list()) all.push_back(o.code);
    return all;
  }

  Machine pc1_{mac("02:4c:61:00:00:01"), "pc1"}, pc2_{mac("02:4c:61:00:00:02"), "pc2"},
      pc3_{mac("02:4c:61:00:00:03")}, pc4_{mac("02:4c:61:00:00:04")}, pc5_{mac("02:4c:61:00:00:05")};
  Server server_;
  ServerTime now_{std::chrono::seconds(1'700'000'000)};
  Arrival arrival_{.interface = "eth0", .source = {}, .destination = ip("ff02::1:2")};
  bool arrival_fixed_ = false;
  std::vector<RelayEnvelope> relays_;
  Outcome outcome_;
  std::vector<Lease> stored_;
};

}  // namespace lab::dhcp::v6
