// What real clients and relays do that the RFCs do not say, each met in the field once.
#include <set>

#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;

TEST_F(World, ABadOptionNeverDropsTheMessage) {
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kHostName, {});                    // empty option 12
  m.options.set(option::kClientFqdn, {0xFF, 1, 2, 0xC0});  // a name that points nowhere
  m.options.set(option::kMaxMessageSize, {1});             // of a wrong length
  m.options.set(option::kRequestedAddress, {1, 2});
  send(m);
  EXPECT_EQ(address(), "192.168.56.100");
}

TEST_F(World, TrailingNulsOfAHostNameAreNotPartOfIt) {
  Message m = pc3_.message(MessageType::Discover);
  m.options.set(option::kHostName, {'p', 'c', '3', 0, 0});
  send(m);
  m.set_type(MessageType::Request);
  m.options.set_address(option::kRequestedAddress, ip("192.168.56.100"));
  m.options.set_address(option::kServerId, ip("192.168.56.10"));
  send(m);
  EXPECT_EQ(stored_.back().hostname, "pc3");
}

TEST_F(World, TextIsSentWithoutNul) {
  discover(pc1_);
  EXPECT_EQ(*options().find(option::kDomainName), (Bytes{'h', 'e', 'l', 'p', 'e', 'r', '.', 'b', 'a', 'c'}));
}

TEST_F(World, ANulEndsTheBootFileForOldRomsThatReadOn) {
  Scope scope = lan_scope();
  scope.options.set_text(option::kBootFileName, "pxelinux.0");
  configure({scope});
  discover(pc1_);
  EXPECT_EQ(options().find(option::kBootFileName)->back(), '0');
  scope.nul_terminate = true;
  configure({scope});
  discover(pc1_);
  EXPECT_EQ(options().find(option::kBootFileName)->back(), 0);
  EXPECT_EQ(outcome_.reply->message.file, "pxelinux.0");
}

TEST_F(World, FullNameFlagsThatContradictEachOtherMeanNotN) {
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kClientFqdn, {0x04 | 0x01 | 0x08, 0, 0, 3, 'p', 'c', '9', 0});
  send(m);
  EXPECT_EQ(options().find(option::kClientFqdn)->front(), 0x04 | 0x01);
}

TEST_F(World, ReservedBitsAreNeitherMindedNorSentBack) {
  Message m = pc1_.message(MessageType::Discover);
  m.flags = 0x8000 | 0x6000;
  send(m);
  EXPECT_EQ(outcome_.reply->message.flags, 0x8000);
}

TEST_F(World, TheBroadcastBitStaysInRelayedReplies) {
  Message m = pc1_.message(MessageType::Discover);
  m.giaddr = ip("192.168.56.2");
  m.flags = 0x8000;
  send(m);
  EXPECT_TRUE(outcome_.reply->message.wants_broadcast());
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.2:67") << "to giaddr, not to where the packet came from";
}

TEST_F(World, RelayInformationIsEchoedLastInEveryReplyAndWhole) {
  const Bytes information{1, 4, 'p', 'o', 'r', 't', 2, 3, 7, 7, 7, 151, 2, 0, 1};
  const auto last = [&](Message m) {
    m.giaddr = ip("192.168.56.2");
    m.options.set(option::kRelayInformation, information);
    send(m);
    const auto bytes = encode(outcome_.reply->message, outcome_.reply->encoding).payload;
    const auto end = std::find(bytes.rbegin(), bytes.rend(), option::kEnd).base() - 1;
    return Bytes(end - static_cast<std::ptrdiff_t>(information.size()), end) == information;
  };
  EXPECT_TRUE(last(pc1_.message(MessageType::Discover)));
  Message take = pc1_.message(MessageType::Request);
  take.options.set_address(option::kRequestedAddress, ip("192.168.56.100"));
  take.options.set_address(option::kServerId, ip("192.168.56.10"));
  EXPECT_TRUE(last(take));
  EXPECT_EQ(said(), "192.168.56.100");
  Message back = pc1_.message(MessageType::Request);
  back.options.set_address(option::kRequestedAddress, ip("192.168.56.100"));
  EXPECT_TRUE(last(back)) << "INIT-REBOOT";
  back.options.set_address(option::kRequestedAddress, ip("10.0.0.9"));
  EXPECT_TRUE(last(back)) << "NAK";
  EXPECT_EQ(said(), "NAK");
}

TEST_F(World, AFullServerIsSilentSoThatAnotherMayServe) {
  for (const auto& m : {pc1_, pc2_, pc3_, pc4_}) lease(m);
  EXPECT_EQ(discover(pc5_), "no offer");
  EXPECT_EQ(said(), "silence");
  EXPECT_EQ(come_back(pc5_, "192.168.56.100"), "silence");
}

TEST_F(World, ANakNamesTheServerAndComesFromItsAddress) {
  come_back(pc1_, "10.0.0.9");
  EXPECT_EQ(options().address(option::kServerId)->text(), "192.168.56.10");
  EXPECT_EQ(outcome_.reply->from.text(), "192.168.56.10");
  EXPECT_EQ(outcome_.reply->message.hardware_text(), pc1_.hardware.text());
}

TEST_F(World, ANakIsForEverybodysEarsAndCarriesNothingOfALease) {  // mORMot2#580, #581
  lease(pc1_);
  lease(pc2_);
  // Also one that answers a unicast renewal at T1: the client's address is what is wrong.
  EXPECT_EQ(renew(pc1_, "192.168.56.101"), "NAK");
  const auto& nak = *outcome_.reply;
  EXPECT_EQ(nak.delivery, Delivery::Broadcast);
  EXPECT_EQ(nak.to.text(), "255.255.255.255:68");
  for (const auto& address : {nak.message.siaddr, nak.message.yiaddr, nak.message.ciaddr})
    EXPECT_EQ(address, IpAddress{});
  EXPECT_TRUE(nak.message.file.empty());
  EXPECT_EQ(nak.message.hardware_text(), pc1_.hardware.text());
  std::set<int> codes;
  for (const auto& option : options().list()) codes.insert(option.code);
  EXPECT_EQ(codes, (std::set<int>{option::kMessageType, option::kServerId, option::kText}));
}

TEST_F(World, TheServerIdentifierIsSentOnceThoughItIsAskedFor) {  // n-dhcp4#16
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kParameterList, {1, option::kServerId, 3, option::kServerId, option::kMessageType});
  send(m);
  const auto bytes = encode(outcome_.reply->message, outcome_.reply->encoding).payload;
  const std::vector<std::uint8_t> id{option::kServerId, 4, 192, 168, 56, 10};
  const auto first = std::ranges::search(bytes, id);
  ASSERT_FALSE(first.empty());
  EXPECT_TRUE(
      std::ranges::search(std::span(bytes).subspan(static_cast<std::size_t>(first.end() - bytes.begin())), id)
          .empty());
}

TEST_F(World, TheServerIdentifierIsTheTruthAndSiaddrIsForBootingOnly) {  // mirage/charrua#157
  discover(pc1_);
  EXPECT_EQ(outcome_.reply->message.siaddr, IpAddress{});
  EXPECT_EQ(options().address(option::kServerId), ip("192.168.56.10"));
}

TEST_F(World, TwoMachinesOfOneMacAndDifferentIdentifiersAreTwo) {  // clones, ipvlan: cni#83
  Machine one = pc1_, other = pc1_;
  one.client_id = {0, 'o', 'n', 'e'};
  other.client_id = {0, 't', 'w', 'o'};
  EXPECT_EQ(lease(one), "192.168.56.100");
  EXPECT_EQ(lease(other), "192.168.56.101");
  EXPECT_EQ(*options().find(option::kClientId), other.client_id);
}

TEST_F(World, TextAClientEndsWithNulIsTakenWithoutIt) {  // systemd#1337, insomniacslk/dhcp#286
  Scope scope = lan_scope();
  scope.classes = {{.name = "pxe",
                    .vendor_class = "PXEClient",
                    .user_class = {},
                    .architectures = {},
                    .options = {},
                    .next_server = {},
                    .boot_file = "pxe.0"},
                   {.name = "ipxe",
                    .vendor_class = {},
                    .user_class = "iPXE",
                    .architectures = {},
                    .options = {},
                    .next_server = {},
                    .boot_file = "ipxe.0"}};
  configure({scope});
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kUserClass, {'i', 'P', 'X', 'E', 0});
  send(m);
  EXPECT_EQ(outcome_.reply->message.file, "ipxe.0");
}

TEST_F(World, ReplayedMessagesGiveNothingTwice) {
  const Message d = pc1_.message(MessageType::Discover);
  send(d);
  Message r = pc1_.message(MessageType::Request);
  r.options.set_address(option::kRequestedAddress, ip("192.168.56.100"));
  r.options.set_address(option::kServerId, ip("192.168.56.10"));
  send(r);
  for (int i = 0; i < 5; ++i) {
    send(d);
    EXPECT_EQ(address(), "192.168.56.100");
    send(r);
    EXPECT_EQ(said(), "192.168.56.100");
  }
  EXPECT_EQ(lease(pc2_), "192.168.56.101") << "one address was lent";
  wait(2h);
  EXPECT_EQ(lease(pc3_), "192.168.56.102");
  EXPECT_EQ(lease(pc4_), "192.168.56.103");
  EXPECT_EQ(lease(pc5_), "192.168.56.100") << "the one free for longest";
  send(r);
  EXPECT_EQ(said(), "NAK") << "an old request does not take an address from whom it was lent to since";
}

TEST_F(World, V6OnlyIsToldOnlyToWhoAsksForIt) {
  Scope scope = lan_scope();
  scope.options.set_uint32(option::kV6OnlyPreferred, 1800);
  configure({scope});
  discover(pc1_);
  EXPECT_FALSE(options().has(option::kV6OnlyPreferred)) << "a client without a list would turn its IPv4 off";
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kParameterList, {1, 3, option::kV6OnlyPreferred});
  send(m);
  EXPECT_EQ(options().uint32(option::kV6OnlyPreferred), 1800U);
}

TEST_F(World, OverloadIsOffUnlessWished) {
  discover(pc1_);
  EXPECT_FALSE(outcome_.reply->encoding.overload);
}

TEST_F(World, OneMachineGetsOneAddressFromFirmwareInstallerAndSystemWhereItIsToldApartByMac) {
  Scope scope = lan_scope();
  scope.match = Match::Mac;
  configure({scope});
  Machine firmware = pc1_, installer = pc1_, system = pc1_;
  installer.client_id = {1, 0x02, 0x4c, 0x61, 0, 0, 1};
  system.client_id = {255, 0x61, 0, 0, 1, 0, 2, 0, 0, 0xab, 0x11};  // systemd's DUID
  for (const auto& m : {firmware, installer, system}) EXPECT_EQ(lease(m), "192.168.56.100");
  EXPECT_EQ(*options().find(option::kClientId), system.client_id) << "RFC 6842";
}

TEST_F(World, AClockSetBackDoesNotMakeLeasesLast) {
  lease(pc1_);
  EXPECT_EQ(stored_.back().expires, now_ + 1h);
  now_ -= 24h;  // only the store's times can be ahead; a server's own clock never goes back
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(stored_.back().expires, now_ + 1h);
}

}  // namespace
}  // namespace lab::dhcp
