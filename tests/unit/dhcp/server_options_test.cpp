// What stands in the replies, and how they travel.
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

std::vector<int> codes(const Options& options) {
  std::vector<int> list;
  for (const auto& o : options.list()) list.push_back(o.code);
  return list;
}

TEST_F(World, OnlyWhatTheClientListsIsSentInItsOrder) {
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kParameterList, {15, 54, 1, 3, 99, 51});
  send(m);
  EXPECT_THAT(codes(options()), testing::ElementsAre(53, 54, 51, 58, 59, 1, 15, 3))
      << "54 and 51 stand there once";
}

TEST_F(World, WithoutAListEverythingIsSent) {
  discover(pc1_);
  EXPECT_THAT(codes(options()), testing::IsSupersetOf({1, 3, 6, 15}));
}

TEST_F(World, ReplyIsUnicastToTheHardwareAddressOrBroadcastAsTheClientWishes) {
  discover(pc1_);
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Hardware);
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.100:68");
  Machine old = pc2_;
  old.broadcast = true;
  discover(old);
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Broadcast);
  EXPECT_EQ(outcome_.reply->to.text(), "255.255.255.255:68");
  EXPECT_TRUE(outcome_.reply->message.wants_broadcast());
}

TEST_F(World, ClientIdentifierIsEchoed) {  // RFC 6842
  Machine m = pc1_;
  m.client_id = {0, 'x', 'y'};
  discover(m);
  EXPECT_EQ(*options().find(option::kClientId), m.client_id);
  come_back(m, "10.0.0.9");
  EXPECT_EQ(said(), "NAK");
  EXPECT_EQ(*options().find(option::kClientId), m.client_id);
}

TEST_F(World, EchoCanBeSwitchedOffForOldDevices) {
  Scope scope = lan_scope();
  scope.echo_client_id = false;
  configure({scope});
  Machine m = pc1_;
  m.client_id = {0, 'x', 'y'};
  discover(m);
  EXPECT_FALSE(options().has(option::kClientId));
}

TEST_F(World, NakCarriesNoConfiguration) {
  come_back(pc1_, "10.0.0.9");
  EXPECT_THAT(codes(options()), testing::ElementsAre(53, 54, 56));
  EXPECT_EQ(outcome_.reply->message.siaddr, IpAddress{});
  EXPECT_EQ(outcome_.reply->message.yiaddr, IpAddress{});
}

TEST_F(World, OptionsOfAReservationWin) {
  Scope scope = lan_scope();
  Reservation r{.name = "pc5",
                .mac = pc5_.hardware,
                .client_id = std::nullopt,
                .circuit = std::nullopt,
                .address = ip("192.168.56.50"),
                .options = {}};
  r.options.set_address(option::kRouters, ip("192.168.56.2"));
  scope.reservations = {r};
  configure({scope});
  discover(pc5_);
  EXPECT_EQ(options().address(option::kRouters)->text(), "192.168.56.2");
  EXPECT_EQ(options().text(option::kDomainName), "helper.bac");
}

TEST_F(World, VendorClassIsSentOnlyWithVendorOptions) {
  Scope scope = lan_scope();
  scope.options.set_text(option::kVendorClass, "PXEClient");
  configure({scope});
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kParameterList, {60, 43});
  send(m);
  EXPECT_FALSE(options().has(option::kVendorClass));
  scope.options.set(option::kVendorInformation, {6, 1, 8});
  configure({scope});
  send(m);
  EXPECT_EQ(options().text(option::kVendorClass), "PXEClient");
}

TEST_F(World, BootFileIsToldInTheFieldAndInTheOption) {
  Scope scope = lan_scope();
  scope.options.set_text(option::kBootFileName, "pxelinux.0");
  scope.next_server = ip("192.168.56.20");
  configure({scope});
  discover(pc1_);
  EXPECT_EQ(outcome_.reply->message.file, "pxelinux.0");
  EXPECT_EQ(outcome_.reply->message.siaddr.text(), "192.168.56.20");
}

TEST_F(World, FirmwareOfAClassIsToldItsBootFile) {
  Scope scope = lan_scope();
  scope.boot_file = "pxelinux.0";
  ClientClass uefi{.name = "uefi",
                   .vendor_class = "PXEClient",
                   .user_class = "",
                   .architectures = {7, 9},
                   .options = {},
                   .next_server = ip("192.168.56.20"),
                   .boot_file = "ipxe.efi"};
  uefi.options.set_text(option::kDomainName, "boot.helper.bac");
  ClientClass ipxe{.name = "ipxe",
                   .vendor_class = "",
                   .user_class = "iPXE",
                   .architectures = {},
                   .options = {},
                   .next_server = {},
                   .boot_file = "menu.ipxe"};
  scope.classes = {ipxe, uefi};
  configure({scope});
  Message m = pc1_.message(MessageType::Discover);
  send(m);
  EXPECT_EQ(outcome_.reply->message.file, "pxelinux.0") << "of no class";
  m.options.set_text(option::kVendorClass, "PXEClient:Arch:00007:UNDI:003016");
  m.options.set_uint16(option::kClientArchitecture, 7);
  send(m);
  EXPECT_EQ(outcome_.reply->message.file, "ipxe.efi");
  EXPECT_EQ(outcome_.reply->message.siaddr.text(), "192.168.56.20");
  EXPECT_EQ(options().text(option::kDomainName), "boot.helper.bac");
  EXPECT_EQ(options().address(option::kRouters)->text(), "192.168.56.1");
  m.options.set(option::kUserClass, {4, 'i', 'P', 'X', 'E'});  // RFC 3004
  send(m);
  EXPECT_EQ(outcome_.reply->message.file, "menu.ipxe");
  m.options.set_text(option::kUserClass, "iPXE");
  send(m);
  EXPECT_EQ(outcome_.reply->message.file, "menu.ipxe");
}

TEST_F(World, MessageFitsWhatTheClientTakes) {
  Scope scope = lan_scope();
  scope.options.set(option::kVendorInformation, Bytes(500, 1));
  configure({scope});
  discover(pc1_);
  EXPECT_EQ(outcome_.reply->encoding.max_size, 548U);  // 576 bytes of datagram
  Message m = pc1_.message(MessageType::Discover);
  m.options.set_uint16(option::kMaxMessageSize, 9000);
  send(m);
  EXPECT_EQ(outcome_.reply->encoding.max_size, 1472U)
      << "a fragmented answer reaches nobody without an address";
}

TEST_F(World, FullNameIsAnswered) {  // RFC 4702
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kClientFqdn, {0x04, 0, 0, 3, 'p', 'c', '9', 0});
  send(m);
  const Bytes* fqdn = options().find(option::kClientFqdn);
  ASSERT_NE(fqdn, nullptr);
  EXPECT_EQ((*fqdn)[0], 0x04 | 0x01 | 0x02) << "wire form, the server updates, against the client's wish";
  const Bytes name(fqdn->begin() + 3, fqdn->end());
  EXPECT_EQ(name, (Bytes{3, 'p', 'c', '9', 6, 'h', 'e', 'l', 'p', 'e', 'r', 3, 'b', 'a', 'c', 0}));
}

TEST_F(World, FullNameInPlainAsciiDoesNotCostTheLease) {  // Honeywell RP4D
  Message m = pc1_.message(MessageType::Discover);
  m.options.set(option::kClientFqdn, {0x05, 0, 0, 'R', 'P', '4', 'D'});
  EXPECT_NE(send(m), nullptr);
}

}  // namespace
}  // namespace lab::dhcp
