#include "dhcp/v6/relay.hpp"

#include "tests/unit/dhcp/v6/world.hpp"

namespace lab::dhcp::v6 {
namespace {

class Relay6 : public World {
 protected:
  RelayAgent agent_{
      {.links = {{"eth1", ip("fd00:57::2")}}, .servers = {ip("fd00:56::10")}, .remote_id = "relay"}};
  Arrival from_client_{
      .interface = "eth1", .source = link_local(pc1_.hardware), .destination = ip("ff02::1:2")};
  std::string why_;

  std::optional<Relayed> relay(const Bytes& payload, const Arrival& arrival) {
    return agent_.handle(payload, arrival, why_);
  }
};

TEST_F(Relay6, WrapsAClientsMessageAndUnwrapsTheAnswer) {
  const Message solicit = pc1_.message(MessageType::Solicit);
  const auto out = relay(solicit.encode(), from_client_);
  ASSERT_TRUE(out) << why_;
  EXPECT_TRUE(out->to_servers);
  const auto packet = Packet::parse(out->payload);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->relays.front().link, ip("fd00:57::2"));
  EXPECT_EQ(packet->relays.front().peer, link_local(pc1_.hardware));
  EXPECT_EQ(client_mac(*packet, ip("fd00:56::2")), pc1_.hardware) << "RFC 6939";

  const Message advertise{.type = MessageType::Advertise, .transaction = solicit.transaction, .options = {}};
  const auto back =
      relay(encode_reply(*packet, advertise),
            {.interface = "eth0", .source = ip("fd00:56::10"), .destination = ip("fd00:56::2")});
  ASSERT_TRUE(back) << why_;
  EXPECT_FALSE(back->to_servers);
  EXPECT_EQ(back->interface, "eth1");
  EXPECT_EQ(back->to.address, link_local(pc1_.hardware));
  EXPECT_EQ(back->to.port, kClientPort);
  EXPECT_EQ(back->payload, advertise.encode()) << "what is inside is never touched";
}

TEST_F(Relay6, ARelayBehindItIsAnsweredAtItsOwnPort) {
  RelayMessage first{.type = MessageType::RelayForward,
                     .envelope = {0, ip("fd00:58::1"), ip("fe80::9"), {}},
                     .inner = pc1_.message(MessageType::Solicit).encode()};
  const auto out = relay(first.encode(),
                         {.interface = "eth1", .source = ip("fd00:57::9"), .destination = ip("ff02::1:2")});
  ASSERT_TRUE(out);
  const auto packet = Packet::parse(out->payload);
  ASSERT_EQ(packet->relays.size(), 2U);
  EXPECT_EQ(packet->relays.front().hops, 1);
  EXPECT_EQ(packet->relays.front().link, IpAddress::v6({})) << "the nearest relay named the link";
  const auto back =
      relay(encode_reply(*packet, {.type = MessageType::Reply, .transaction = 1, .options = {}}), {});
  EXPECT_EQ(back->to.port, kServerPort);
}

TEST_F(Relay6, DropsLoopsAndWhatIsNotForIt) {
  RelayMessage tired{.type = MessageType::RelayForward,
                     .envelope = {8, ip("::"), ip("fe80::9"), {}},
                     .inner = pc1_.message(MessageType::Solicit).encode()};
  EXPECT_FALSE(relay(tired.encode(), from_client_));
  EXPECT_FALSE(relay(pc1_.message(MessageType::Solicit).encode(),
                     {.interface = "eth9", .source = {}, .destination = {}}));
  EXPECT_FALSE(relay(pc1_.message(MessageType::Reply).encode(), from_client_));
  RelayMessage lost{.type = MessageType::RelayReply,
                    .envelope = {0, ip("::"), ip("fe80::9"), {}},
                    .inner = Bytes{7, 0, 0, 1}};
  EXPECT_FALSE(relay(lost.encode(), from_client_));
  lost.envelope.options.add(option::kInterfaceId, {'e', 't', 'h', '7'});
  EXPECT_FALSE(relay(lost.encode(), from_client_));
}

}  // namespace
}  // namespace lab::dhcp::v6
