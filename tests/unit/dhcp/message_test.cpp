// The wire form of DHCP messages: what odd clients send must be understood, what we send must be in order.
#include "dhcp/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/frame.hpp"

namespace lab::dhcp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Message discover() {
  Message m;
  m.xid = 0x12345678;
  m.chaddr = {0x02, 0x4c, 0x61, 0, 0, 5};
  m.set_type(MessageType::Discover);
  return m;
}

/// A datagram with this option field.
Bytes with_options(const Bytes& field) {
  Bytes bytes = encode(discover()).payload;
  bytes.resize(kFixedSize + kCookieSize);
  append(bytes, field);
  return bytes;
}

TEST(Message, ComesBackAsItWasSent) {
  Message m = discover();
  m.secs = 7;
  m.flags = Message::kBroadcastFlag;
  m.giaddr = *IpAddress::parse("10.0.0.2");
  m.file = "boot.img";
  m.options.set_text(option::kHostName, "pc1");
  const auto again = Message::parse(encode(m).payload);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->xid, 0x12345678U);
  EXPECT_EQ(again->type(), MessageType::Discover);
  EXPECT_EQ(again->secs, 7);
  EXPECT_TRUE(again->wants_broadcast());
  EXPECT_EQ(again->giaddr.text(), "10.0.0.2");
  EXPECT_EQ(again->file, "boot.img");
  EXPECT_EQ(again->options.text(option::kHostName), "pc1");
  EXPECT_EQ(again->hardware_text(), "02:4c:61:00:00:05");
}

TEST(Message, IsAtLeastAsLongAsBootp) { EXPECT_EQ(encode(discover()).payload.size(), 300U); }

TEST(Message, WithoutCookieIsRefused) {
  Bytes bytes = encode(discover()).payload;
  bytes[kFixedSize] = 0;
  EXPECT_THAT(Message::parse(bytes).error().text(), HasSubstr("cookie"));
}

TEST(Message, WithImpossibleHardwareLengthIsRefused) {
  Bytes bytes = encode(discover()).payload;
  bytes[2] = 17;
  EXPECT_FALSE(Message::parse(bytes));
}

TEST(Message, ReservedFlagBitsAreIgnored) {
  Message m = discover();
  m.flags = 0x0006;  // Hitron adaptors
  const auto again = Message::parse(encode(m).payload);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->wants_broadcast());
}

TEST(Options, AnOptionThatOverrunsTheFieldCostsOnlyItself) {
  const auto m = Message::parse(with_options({53, 1, 1, 12, 3, 'p', 'c', '1', 61, 200, 1, 2}));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->type(), MessageType::Discover);
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
  EXPECT_FALSE(m->options.has(option::kClientId));
}

TEST(Options, PartsOfOneOptionAreJoined) {  // RFC 3396
  const auto m = Message::parse(with_options({53, 1, 1, 12, 2, 'p', 'c', 0, 12, 1, '1', 255}));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
}

TEST(Options, TrailingNulsOfTextAreNotPartOfIt) {
  const auto m = Message::parse(with_options({53, 1, 1, 12, 5, 'p', 'c', '1', 0, 0, 255}));
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
}

TEST(Options, EmptyTextIsNoText) {
  const auto m = Message::parse(with_options({53, 1, 1, 12, 0, 255}));
  EXPECT_EQ(m->options.text(option::kHostName), std::nullopt);
}

TEST(Options, OverloadIsReadFromFileAndServerName) {  // RFC 2131 4.1
  Bytes bytes = with_options({53, 1, 1, 52, 1, 3, 255});
  const Bytes in_sname{12, 3, 'p', 'c', '1', 255}, in_file{15, 3, 'l', 'a', 'b', 255};
  std::ranges::copy(in_sname, bytes.begin() + 44);
  std::ranges::copy(in_file, bytes.begin() + 108);
  const auto m = Message::parse(bytes);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->options.text(option::kHostName), "pc1");
  EXPECT_EQ(m->options.text(option::kDomainName), "lab");
  EXPECT_EQ(m->file, "");
}

TEST(Options, OverloadInsideAnOverloadedFieldDoesNotLoop) {
  Bytes bytes = with_options({53, 1, 1, 52, 1, 1, 255});
  const Bytes in_file{52, 1, 3, 12, 1, 'x', 255};
  std::ranges::copy(in_file, bytes.begin() + 108);
  EXPECT_TRUE(Message::parse(bytes));
}

TEST(Encode, LongOptionIsSplit) {  // RFC 3396
  Message m = discover();
  m.options.set(option::kVendorInformation, Bytes(400, 7));
  const auto bytes = encode(m, {.max_size = 1472}).payload;
  const auto again = Message::parse(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->options.find(option::kVendorInformation), Bytes(400, 7));
}

TEST(Encode, RoutesAreCutBetweenTwoRoutes) {
  std::vector<std::uint8_t> routes;
  for (std::uint8_t i = 0; i < 40; ++i) append(routes, Bytes{24, 10, 0, i, 192, 168, 56, 1});
  Message m = discover();
  m.options.set(option::kClasslessRoutes, routes);
  const auto bytes = encode(m, {.max_size = 1472}).payload;
  const auto part = std::ranges::find(bytes.begin() + 240, bytes.end(), option::kClasslessRoutes);
  EXPECT_EQ(*(part + 1) % 8, 0) << "a route is cut in two";
  EXPECT_EQ(*Message::parse(bytes)->options.find(option::kClasslessRoutes), routes);
}

TEST(Encode, WhatDoesNotFitIsLeftOutAndNamed) {
  Message m = discover();
  m.options.set(option::kVendorInformation, Bytes(200, 1));
  m.options.set(option::kTftpServerName, Bytes(200, 2));
  m.options.set(option::kDomainName, Bytes(20, 'x'));
  const auto encoded = encode(m, {.max_size = 548});
  EXPECT_LE(encoded.payload.size(), 548U);
  EXPECT_THAT(encoded.left_out, ElementsAre(option::kTftpServerName));
  EXPECT_TRUE(Message::parse(encoded.payload)->options.has(option::kDomainName));
}

TEST(Encode, OverloadUsesTheBootFieldsWhenAllowed) {
  Message m = discover();
  m.options.set(option::kVendorInformation, Bytes(200, 1));
  m.options.set(option::kTftpServerName, Bytes(100, 2));
  m.options.set(option::kBootFileName, Bytes(50, 3));
  const auto encoded = encode(m, {.max_size = 548, .overload = true});
  EXPECT_TRUE(encoded.left_out.empty());
  EXPECT_LE(encoded.payload.size(), 548U);
  const auto again = Message::parse(encoded.payload);
  EXPECT_EQ(*again->options.find(option::kTftpServerName), Bytes(100, 2));
  EXPECT_EQ(*again->options.find(option::kBootFileName), Bytes(50, 3));
}

TEST(Encode, RelayInformationStandsLast) {  // RFC 3046 2.1
  Message m = discover();
  m.options.set(option::kRelayInformation, {1, 2, 0, 7});
  m.options.set_text(option::kHostName, "pc1");
  const auto bytes = encode(m).payload;
  const Bytes tail{82, 4, 1, 2, 0, 7, 255};
  const auto end = std::ranges::search(bytes, tail);
  EXPECT_FALSE(end.empty()) << "option 82 is not followed by END";
}

TEST(Frame, PacketIsReadBack) {
  const Bytes payload{1, 2, 3};
  const Bytes packet = encode_packet(
      {{*IpAddress::parse("192.168.56.10"), 67}, {*IpAddress::parse("192.168.56.100"), 68}, payload});
  const auto d = decode_packet(packet);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->from.text(), "192.168.56.10:67");
  EXPECT_EQ(d->to.text(), "192.168.56.100:68");
  EXPECT_TRUE(std::ranges::equal(d->payload, payload));
}

TEST(Frame, ArpIsReadBack) {
  const auto m = decode_arp(encode_arp({.sender_hardware = *MacAddress::parse("02:00:00:00:00:01"),
                                        .target_hardware = {},
                                        .sender = *IpAddress::parse("192.168.56.10"),
                                        .target = *IpAddress::parse("192.168.56.100")}));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->sender_hardware.text(), "02:00:00:00:00:01");
  EXPECT_EQ(m->sender.text(), "192.168.56.10");
  EXPECT_EQ(m->target.text(), "192.168.56.100");
  EXPECT_FALSE(decode_arp(Bytes(27)));
}

TEST(Frame, DamagedHeaderIsRefused) {
  Bytes packet = encode_packet({{IpAddress{}, 68}, {IpAddress::v4(0xFFFFFFFF), 67}, Bytes{1}});
  packet[8] ^= 1;
  EXPECT_FALSE(decode_packet(packet));
  EXPECT_FALSE(decode_packet(std::span(packet).first(12)));
}

}  // namespace
}  // namespace lab::dhcp
