#include "dhcp/v6/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/v6/explain.hpp"
#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/option_types.hpp"

namespace lab::dhcp::v6 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

TEST(Message6, IsWrittenAsItIsRead) {
  const Bytes bytes{1, 0xAB, 0xCD, 0xEF, 0, 1, 0, 3, 7, 8, 9, 0, 14, 0, 0};
  const auto m = Message::parse(bytes);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->type, MessageType::Solicit);
  EXPECT_EQ(m->transaction, 0xABCDEFU);
  EXPECT_EQ(m->encode(), bytes);
}

TEST(Message6, ABadTailCostsOnlyTheTail) {
  const auto m = Message::parse(Bytes{1, 0, 0, 1, 0, 1, 0, 3, 7, 8, 9, 0, 23, 0, 200, 1});
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->options.has(option::kClientId));
  EXPECT_EQ(m->options.list().size(), 1U);
}

TEST(Message6, TypesNobodyKnowsAreErrors) {
  EXPECT_FALSE(Message::parse(Bytes{0, 0, 0, 1}));
  EXPECT_FALSE(Message::parse(Bytes{99, 0, 0, 1}));
  EXPECT_FALSE(Message::parse(Bytes{1, 0, 0}));
}

TEST(Message6, AnAnswerGoesBackThroughEveryRelay) {
  RelayMessage inner{
      .type = MessageType::RelayForward,
      .envelope = {0, ip("fd00:57::1"), ip("fe80::1"), {}},
      .inner = Message{.type = MessageType::Solicit, .transaction = 5, .options = {}}.encode()};
  inner.envelope.options.add(option::kInterfaceId, {'e', 't', 'h', '1'});
  RelayMessage outer{.type = MessageType::RelayForward,
                     .envelope = {1, ip("::"), ip("fd00:57::1"), {}},
                     .inner = inner.encode()};
  outer.envelope.options.add(option::kRemoteId, {1, 2, 3, 4, 5});
  const auto packet = Packet::parse(outer.encode());
  ASSERT_TRUE(packet);
  ASSERT_EQ(packet->relays.size(), 2U);
  EXPECT_EQ(packet->relays.back().link, ip("fd00:57::1"));

  const auto bytes = encode_reply(*packet, {.type = MessageType::Reply, .transaction = 5, .options = {}});
  const auto back = RelayMessage::parse(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->type, MessageType::RelayReply);
  EXPECT_EQ(back->envelope.hops, 1);
  EXPECT_FALSE(back->envelope.options.has(option::kRemoteId)) << "only interface-id is returned";
  const auto second = RelayMessage::parse(back->inner);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->envelope.peer, ip("fe80::1"));
  EXPECT_EQ(*second->envelope.options.find(option::kInterfaceId), (Bytes{'e', 't', 'h', '1'}));
  EXPECT_EQ(Message::parse(second->inner)->type, MessageType::Reply);
}

TEST(Message6, EndlessEnvelopesAreAnError) {
  Bytes bytes = Message{.type = MessageType::Solicit, .transaction = 5, .options = {}}.encode();
  for (int i = 0; i < 12; ++i)
    bytes =
        RelayMessage{
            .type = MessageType::RelayForward, .envelope = {0, ip("::"), ip("::"), {}}, .inner = bytes}
            .encode();
  EXPECT_FALSE(Packet::parse(bytes));
  EXPECT_FALSE(Packet::parse(Bytes(34, 12))) << "a relay that carries nothing";
}

TEST(Identity6, AssociationsAreWrittenAsTheyAreRead) {
  Options options;
  add_association(options,
                  {.kind = IaKind::Addresses,
                   .iaid = 9,
                   .t1 = 30,
                   .t2 = 48,
                   .entries = {{.address = ip("fd00:56::1"), .length = 128, .preferred = 60, .valid = 90}}});
  add_association(options,
                  {.kind = IaKind::Prefixes,
                   .iaid = 8,
                   .t1 = 0,
                   .t2 = 0,
                   .entries = {{.address = ip("fd00:100::"), .length = 56, .preferred = 60, .valid = 90}},
                   .status = {StatusCode::NoPrefixAvail, "none"}});
  const auto all = associations(options);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].iaid, 9U);
  EXPECT_EQ(all[0].t2, 48U);
  EXPECT_EQ(all[0].entries[0].address, ip("fd00:56::1"));
  EXPECT_EQ(all[1].entries[0].length, 56);
  EXPECT_EQ(all[1].status.code, StatusCode::NoPrefixAvail);
  EXPECT_EQ(all[1].status.text, "none");
}

TEST(Identity6, APreferredLifetimeBeyondTheValidOneVoidsTheEntry) {  // RFC 8415 21.6
  Options options;
  add_association(options,
                  {.kind = IaKind::Addresses,
                   .iaid = 9,
                   .t1 = 0,
                   .t2 = 0,
                   .entries = {{.address = ip("fd00:56::1"), .length = 128, .preferred = 90, .valid = 60}}});
  EXPECT_TRUE(associations(options).front().entries.empty());
}

TEST(Identity6, FindsTheHardwareAddress) {
  const auto mac = *MacAddress::parse("02:4c:61:00:00:05");
  EXPECT_EQ(mac_in_duid(link_layer_duid(mac)), mac);
  EXPECT_EQ(mac_in_duid(Bytes{0, 1, 0, 1, 9, 9, 9, 9, 2, 0x4c, 0x61, 0, 0, 5}), mac);
  EXPECT_EQ(mac_in_duid(Bytes{0, 2, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6}), std::nullopt);
  EXPECT_EQ(link_local(mac).text(), "fe80::4c:61ff:fe00:5");
  EXPECT_EQ(mac_in_address(link_local(mac)), mac);
  EXPECT_EQ(mac_in_address(ip("fe80::1")), std::nullopt);
  EXPECT_EQ(duid_text(link_layer_duid(mac)), "00:03:00:01:02:4c:61:00:00:05");
}

TEST(OptionTypes6, TakeWhatPeopleWrite) {
  EXPECT_EQ(definition("dns-servers")->code, 23);
  EXPECT_EQ(definition("dhcp6.name-servers")->code, 23);
  const auto ntp = encode_option(OptionType::NtpServers, {"fd00:56::10", "time.helper.bac"});
  ASSERT_TRUE(ntp);
  EXPECT_EQ(option_text(56, *ntp), "fd00:56::10, time.helper.bac");
  const auto names = encode_option(OptionType::PlainNames, {"helper.bac", "lab.helper.bac"});
  ASSERT_TRUE(names);
  EXPECT_EQ(names->size(), 12U + 16U) << "never compressed (RFC 8415 10)";
  EXPECT_FALSE(encode_option(OptionType::Addresses6, {"192.168.56.10"}));
  EXPECT_EQ(option_text(23, Bytes{1, 2}), "hex:0102");
}

TEST(Explain6, SpeaksAsTheSenderWould) {
  Message m{.type = MessageType::Solicit, .transaction = 1, .options = {}};
  m.options.add(option::kClientId, link_layer_duid(*MacAddress::parse("02:4c:61:00:00:05")));
  add_association(m.options, {.kind = IaKind::Addresses, .iaid = 1, .t1 = 0, .t2 = 0, .entries = {}});
  EXPECT_EQ(summary(m), "SOLICIT from 02:4c:61:00:00:05: Is there a DHCPv6 server? I need an address");
  m.type = MessageType::Reply;
  m.options.add(option::kStatusCode, encode_status({StatusCode::NotOnLink, "moved"}));
  EXPECT_THAT(explanation(m, {}, {}, false), HasSubstr("No (NotOnLink: moved)."));
}

}  // namespace
}  // namespace lab::dhcp::v6
