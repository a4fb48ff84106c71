// Who takes too much, who asks what is not theirs, and who serves on a wire that is ours.
#include <cstring>
#include <functional>

#include "dhcp/rogue_guard.hpp"
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(World, OneStationCannotTakeThePool) {
  Scope scope = lan_scope();
  scope.per_port = 2;
  configure({scope});
  arrival_.station = "02:66:66:66:66:66";
  EXPECT_EQ(lease(pc1_), "192.168.56.100");
  EXPECT_EQ(discover(pc2_), "192.168.56.101") << "an offer counts too";
  EXPECT_EQ(discover(pc3_), "no offer");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_THAT(outcome_.note, HasSubstr("station 02:66:66:66:66:66 holds 2 addresses"));
  EXPECT_EQ(lease(pc1_), "192.168.56.100") << "what it has it keeps";
  arrival_.station = "02:4c:61:00:00:03";
  EXPECT_EQ(lease(pc3_), "192.168.56.103");
  EXPECT_EQ(lease(pc4_), "192.168.56.102") << "the address refused before is not lost";
  wait(20s);  // pc2 never took its offer
  arrival_.station = "02:66:66:66:66:66";
  EXPECT_EQ(discover(pc5_), "192.168.56.101");
}

TEST_F(World, OnePortOfARelayCannotTakeThePool) {
  Scope scope = lan_scope();
  scope.per_port = 1;
  configure({scope});
  const auto ask = [&](const Machine& m, const char* port) {
    Message d = m.message(MessageType::Discover);
    d.giaddr = ip("192.168.56.2");
    Bytes information{1, static_cast<std::uint8_t>(std::strlen(port))};
    information.insert(information.end(), port, port + std::strlen(port));
    d.options.set(option::kRelayInformation, information);
    send(d);
    return address();
  };
  EXPECT_EQ(ask(pc1_, "p1"), "192.168.56.100");
  EXPECT_EQ(ask(pc2_, "p1"), "no reply");
  EXPECT_THAT(outcome_.note, HasSubstr("relay 192.168.56.2 port p1"));
  EXPECT_EQ(ask(pc2_, "p2"), "192.168.56.102");
}

TEST_F(World, WhoAsksWithoutAnOfferIsCountedToo) {
  Scope scope = lan_scope();
  scope.per_port = 1;
  configure({scope});
  arrival_.station = "02:66:66:66:66:66";
  EXPECT_EQ(lease(pc1_), "192.168.56.100");
  EXPECT_EQ(take(pc2_, "192.168.56.101"), "silence")
      << "as an attacker would that spares itself the DISCOVER";
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_EQ(rebind(pc3_, "192.168.56.102"), "silence");
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "192.168.56.100");
}

TEST_F(World, WhatAPortHoldsIsKnownAfterARestart) {
  Scope scope = lan_scope();
  scope.per_port = 1;
  configure({scope});
  arrival_.station = "02:66:66:66:66:66";
  lease(pc1_);
  ASSERT_EQ(outcome_.port, "station 02:66:66:66:66:66");
  Server again;
  again.restore(stored_.back());
  again.restore_port(outcome_.port, stored_.back().address);
  Settings settings;
  settings.scopes = {scope};
  again.configure(settings);
  EXPECT_FALSE(again.handle(pc2_.message(MessageType::Discover), arrival_, now_).reply);
  EXPECT_TRUE(again.handle(pc1_.message(MessageType::Discover), arrival_, now_).reply);
}

// ---- lease queries (RFC 4388)

class Query : public World {
 protected:
  Query() {
    Settings settings;
    settings.scopes = {lan_scope()};
    settings.lease_query = {*Network::parse("192.168.56.2/32")};
    server_.configure(std::move(settings));
  }
  const Reply* ask(const std::function<void(Message&)>& about, const char* asker = "192.168.56.2") {
    Message q;
    q.giaddr = ip(asker);
    q.hlen = 0;
    q.set_type(MessageType::LeaseQuery);
    about(q);
    arrival_ = {.interface = "eth0", .source = ip(asker), .destination = ip("192.168.56.10")};
    return send(q);
  }
};

TEST_F(Query, ByAddressIsToldTheClientAndWhatIsLeft) {
  lease(pc1_);
  now_ += 10min;
  ask([](Message& q) {
    q.ciaddr = ip("192.168.56.100");
    q.options.set(option::kParameterList, {option::kHostName});
  });
  EXPECT_EQ(type(), MessageType::LeaseActive);
  EXPECT_EQ(outcome_.reply->message.hardware_text(), "02:4c:61:00:00:01");
  EXPECT_EQ(options().uint32(option::kLeaseTime), 3000U);
  EXPECT_EQ(options().uint32(option::kRenewalTime), 1200U);
  EXPECT_EQ(options().uint32(option::kLastTransaction), 600U);
  EXPECT_EQ(options().text(option::kHostName), "pc1");
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.2:67");
}

TEST_F(Query, ByHardwareAndByClientIdentifier) {
  lease(pc1_);
  Machine other = pc2_;
  other.client_id = {0, 'x'};
  lease(other);
  ask([&](Message& q) {
    q.hlen = 6;
    std::ranges::copy(pc1_.hardware.bytes(), q.chaddr.begin());
  });
  EXPECT_EQ(outcome_.reply->message.ciaddr.text(), "192.168.56.100");
  ask([](Message& q) { q.options.set(option::kClientId, {0, 'x'}); });
  EXPECT_EQ(outcome_.reply->message.ciaddr.text(), "192.168.56.101");
}

TEST_F(Query, FreeIsUnassignedAndForeignIsUnknown) {
  ask([](Message& q) { q.ciaddr = ip("192.168.56.102"); });
  EXPECT_EQ(type(), MessageType::LeaseUnassigned);
  ask([](Message& q) { q.ciaddr = ip("10.9.9.9"); });
  EXPECT_EQ(type(), MessageType::LeaseUnknown);
}

TEST_F(Query, StrangersGetNoAnswer) {
  lease(pc1_);
  EXPECT_EQ(ask([](Message& q) { q.ciaddr = ip("192.168.56.100"); }, "192.168.56.77"), nullptr);
}

// ---- other servers

Bytes word(MessageType type, const char* server) {
  Message m;
  m.op = Message::kBootReply;
  m.yiaddr = ip("192.168.1.57");
  m.set_type(type);
  m.options.set_address(option::kServerId, ip(server));
  m.options.set_address(option::kRouters, ip("192.168.1.1"));
  return encode(m).payload;
}

TEST(RogueGuard, AnotherServersOfferIsKnownByItsIdentifier) {
  const std::set<IpAddress> ours{ip("192.168.56.10")};
  const auto other = other_server(word(MessageType::Offer, "192.168.1.1"), "02:00:00:00:00:09", ours);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->text(), "192.168.1.1 (02:00:00:00:00:09), which offers 192.168.1.57, router 192.168.1.1");
  EXPECT_FALSE(other_server(word(MessageType::Offer, "192.168.56.10"), "", ours));
  EXPECT_FALSE(other_server(word(MessageType::Discover, "192.168.1.1"), "", ours));
  EXPECT_FALSE(other_server(Bytes(300), "", ours));
}

TEST(RogueGuard, TheProbeIsOfAMachineThatDoesNotExist) {
  const auto probe = rogue_probe(mac("00:1b:21:aa:bb:cc"), 5);
  EXPECT_EQ(probe.type(), MessageType::Discover);
  EXPECT_TRUE(probe.wants_broadcast());
  EXPECT_EQ(probe.hardware_text(), "02:1b:21:aa:bb:cc");
}

}  // namespace
}  // namespace lab::dhcp
