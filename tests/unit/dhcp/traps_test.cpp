// What real clients and relays do that the RFCs do not say, each met in the field once.
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
