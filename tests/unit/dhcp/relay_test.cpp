// What a relay changes in a message, and what it lets nobody do (RFC 1542, RFC 3046).
#include "dhcp/relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lab::dhcp {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

class RelayTest : public testing::Test {
 protected:
  static Message discover() {
    Message m;
    m.xid = 7;
    m.chaddr = {2, 0, 0, 0, 0, 1};
    m.set_type(MessageType::Discover);
    m.options.set_text(option::kHostName, "pc1");
    return m;
  }
  static Message offer() {
    Message m = discover();
    m.op = Message::kBootReply;
    m.set_type(MessageType::Offer);
    m.yiaddr = ip("10.0.0.100");
    m.giaddr = ip("10.0.0.1");
    m.options.set(option::kRelayInformation, {1, 4, 'e', 't', 'h', '1'});
    return m;
  }
  std::optional<Relayed> relay(const Message& m, const char* interface = "eth1") {
    return agent_.handle(encode(m).payload, {.interface = interface, .source = {}, .destination = {}}, why_);
  }
  RelayAgent agent_{{.links = {{"eth1", ip("10.0.0.1")}, {"eth2", ip("10.0.1.1")}},
                     .servers = {ip("192.168.56.10")},
                     .remote_id = ""}};
  std::string why_;
};

TEST_F(RelayTest, RequestGoesToTheServersWithOurAddressAndTheClientsWire) {
  const auto out = relay(discover());
  ASSERT_TRUE(out) << why_;
  EXPECT_EQ(out->delivery, Delivery::Relay);
  const auto m = Message::parse(out->payload);
  EXPECT_EQ(m->giaddr, ip("10.0.0.1"));
  EXPECT_EQ(m->hops, 1);
  EXPECT_EQ(*m->options.find(option::kRelayInformation), (Bytes{1, 4, 'e', 't', 'h', '1'}));
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
}

TEST_F(RelayTest, ReplyGoesToTheClientsWireWithoutOurInformation) {
  const auto out = relay(offer(), "eth0");
  ASSERT_TRUE(out) << why_;
  EXPECT_EQ(out->interface, "eth1");
  EXPECT_EQ(out->delivery, Delivery::Hardware);
  EXPECT_EQ(out->to.text(), "10.0.0.100:68");
  EXPECT_EQ(out->hardware, (Bytes{2, 0, 0, 0, 0, 1}));
  const auto m = Message::parse(out->payload);
  EXPECT_FALSE(m->options.has(option::kRelayInformation));
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
}

TEST_F(RelayTest, BroadcastFlagIsObeyed) {
  Message m = offer();
  m.flags = Message::kBroadcastFlag;
  EXPECT_EQ(relay(m)->delivery, Delivery::Broadcast);
  m.flags = 0;
  m.yiaddr = {};
  EXPECT_EQ(relay(m)->delivery, Delivery::Broadcast) << "a NAK";
}

TEST_F(RelayTest, SecondRelayKeepsTheFirstOnesAddress) {
  Message m = discover();
  m.giaddr = ip("172.16.0.1");
  m.hops = 1;
  const auto out = relay(m, "eth0");
  ASSERT_TRUE(out) << why_;
  EXPECT_EQ(Message::parse(out->payload)->giaddr, ip("172.16.0.1"));
  EXPECT_EQ(Message::parse(out->payload)->hops, 2);
}

TEST_F(RelayTest, ForgeriesAndLoopsEndHere) {
  Message m = discover();
  m.options.set(option::kRelayInformation, {1, 1, 'x'});
  EXPECT_FALSE(relay(m));
  m = discover();
  m.giaddr = ip("10.0.1.1");
  EXPECT_FALSE(relay(m)) << "it pretends to come from us";
  m = discover();
  m.hops = 16;
  EXPECT_FALSE(relay(m));
  EXPECT_FALSE(relay(discover(), "eth0")) << "no clients there";
  m = offer();
  m.giaddr = ip("10.9.9.9");
  EXPECT_FALSE(relay(m));
}

TEST_F(RelayTest, FullMessagePassesWithoutInformation) {
  Message m = discover();
  m.options.set(option::kVendorInformation, Bytes(1200, 1));
  const auto bytes = encode(m, {.max_size = 1472}).payload;
  EXPECT_EQ(with_relay_information(bytes, Bytes(100, 1)), bytes);
}

}  // namespace
}  // namespace lab::dhcp
