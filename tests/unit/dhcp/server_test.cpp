// The server's answers in every state of a client (RFC 2131 4.3), and to the odd ones people meet.
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(World, LendsTheFirstFreeAddressAndSaysWhy) {
  EXPECT_EQ(discover(pc1_), "192.168.56.100");
  EXPECT_EQ(outcome_.note, "offered 192.168.56.100: first free in lan's range");
  EXPECT_TRUE(outcome_.store.empty()) << "an offer is no lease";
  EXPECT_EQ(take(pc1_, "192.168.56.100"), "192.168.56.100");
  ASSERT_EQ(outcome_.store.size(), 1U);
  EXPECT_EQ(outcome_.store[0].state, LeaseState::Active);
  EXPECT_EQ(outcome_.store[0].hostname, "pc1");
  EXPECT_EQ(outcome_.store[0].expires, now_ + 1h);
}

TEST_F(World, TellsWithTheOfferWhatTakingItComesTo) {
  discover(pc1_);
  ASSERT_TRUE(outcome_.ahead);
  const Lease ahead = *outcome_.ahead;
  take(pc1_, "192.168.56.100");
  ASSERT_EQ(outcome_.store.size(), 1U);
  EXPECT_EQ(outcome_.store[0], ahead);
  // The client starts anew: it goes on with what it has.
  now_ += 10s;
  discover(pc1_);
  const auto again = outcome_.ahead;
  take(pc1_, "192.168.56.100");
  EXPECT_EQ(outcome_.store[0], again);
  EXPECT_EQ(outcome_.store[0].started, ahead.started);
}

TEST_F(World, TellsNothingAheadWhereTheOfferMayComeToSomethingElse) {
  auto probing = lan_scope(), limited = lan_scope();
  probing.probe = 50ms;
  configure({probing});
  discover(pc1_);
  EXPECT_FALSE(outcome_.ahead);
  limited.per_port = 2;
  configure({limited});
  discover(pc2_);
  EXPECT_FALSE(outcome_.ahead);
  auto elsewhere = lan_scope();
  elsewhere.name = "upper";
  elsewhere.ranges = {*AddressRange::parse("192.168.56.200-192.168.56.203")};
  configure({lan_scope()});
  lease(pc3_);
  configure({elsewhere});
  EXPECT_EQ(discover(pc3_), "192.168.56.200");
  EXPECT_FALSE(outcome_.ahead) << "its other lease is given back with the ACK of this one";
}

TEST_F(World, TwoClientsNeverGetOneAddress) {
  EXPECT_EQ(discover(pc1_), "192.168.56.100");
  EXPECT_EQ(discover(pc2_), "192.168.56.101");
  EXPECT_EQ(take(pc2_, "192.168.56.100"), "NAK");
}

TEST_F(World, OffersTheSameAddressAgainWhenTheOfferWasLost) {
  EXPECT_EQ(discover(pc1_), "192.168.56.100");
  EXPECT_EQ(discover(pc1_), "192.168.56.100");
}

TEST_F(World, OfferNobodyTakesIsFreeAgain) {
  for (const auto& m : {pc1_, pc2_, pc3_, pc4_}) discover(m);
  EXPECT_EQ(discover(pc5_), "no offer");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_THAT(outcome_.note, HasSubstr("no address is left in lan"));
  wait(20s);
  EXPECT_EQ(discover(pc5_), "192.168.56.100");
}

TEST_F(World, OfferIsFreeAtOnceWhenTheClientChoosesAnotherServer) {
  discover(pc1_);
  EXPECT_EQ(take(pc1_, "192.168.56.200", "192.168.56.20"), "silence");
  for (const auto& m : {pc2_, pc3_, pc4_, pc5_}) EXPECT_NE(lease(m), "no offer");
}

TEST_F(World, TakesARequestForAnOfferMadeBeforeARestart) {
  EXPECT_EQ(take(pc1_, "192.168.56.102"), "192.168.56.102");
}

TEST_F(World, TheWishForAFreeAddressIsGranted) {
  EXPECT_EQ(discover(pc1_, "192.168.56.103"), "192.168.56.103");
  EXPECT_EQ(discover(pc2_, "192.168.56.103"), "192.168.56.100");
  EXPECT_EQ(discover(pc3_, "10.1.1.1"), "192.168.56.101");
}

TEST_F(World, ClientGetsItsOldAddressBackAfterExpiry) {
  lease(pc1_);
  EXPECT_EQ(lease(pc2_), "192.168.56.101");
  wait(2h);
  EXPECT_EQ(stored_.back().state, LeaseState::Expired);
  EXPECT_EQ(discover(pc3_), "192.168.56.102") << "a never used address comes before one that had a user";
  EXPECT_EQ(lease(pc2_), "192.168.56.101");
}

TEST_F(World, WhenAllWereLentTheOneFreeForLongestIsNext) {
  for (const auto& m : {pc1_, pc2_, pc3_, pc4_}) lease(m);
  release(pc3_, "192.168.56.102");
  wait(10s);
  release(pc1_, "192.168.56.100");
  EXPECT_EQ(lease(pc5_), "192.168.56.102");
}

TEST_F(World, ClientIdentifierDistinguishesClonesWithOneMac) {
  Machine a = pc1_, b = pc1_;
  a.client_id = {0, 'a'};
  b.client_id = {0, 'b'};
  EXPECT_EQ(lease(a), "192.168.56.100");
  EXPECT_EQ(lease(b), "192.168.56.101");
}

TEST_F(World, MatchMacGivesOneLeaseToFirmwareAndSystem) {
  Scope scope = lan_scope();
  scope.match = Match::Mac;
  configure({scope});
  Machine firmware = pc1_, system = pc1_;
  system.client_id = {255, 0, 0, 0, 1, 0, 2, 9, 9};
  EXPECT_EQ(lease(firmware), "192.168.56.100");
  EXPECT_EQ(lease(system), "192.168.56.100");
}

TEST_F(World, CommonClientIdentifierIsTheHardwareAddress) {
  Machine with_id = pc1_;
  with_id.client_id = {1, 0x02, 0x4c, 0x61, 0, 0, 1};
  EXPECT_EQ(lease(pc1_), "192.168.56.100");
  EXPECT_EQ(lease(with_id), "192.168.56.100");
}

// ---- coming back (INIT-REBOOT, RFC 2131 4.3.2)

TEST_F(World, KnownClientComesBackToItsAddress) {
  lease(pc1_);
  EXPECT_EQ(come_back(pc1_, "192.168.56.100"), "192.168.56.100");
}

TEST_F(World, UnknownClientThatComesBackGetsSilence) {
  EXPECT_EQ(come_back(pc1_, "192.168.56.100"), "silence");
}

TEST_F(World, WrongAddressOfAKnownClientIsRefused) {
  lease(pc1_);
  EXPECT_EQ(come_back(pc1_, "192.168.56.103"), "NAK");
}

TEST_F(World, AddressOfAnotherNetworkIsRefused) {
  EXPECT_EQ(come_back(pc1_, "10.0.0.7"), "NAK");
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Broadcast);
  EXPECT_EQ(outcome_.reply->to.text(), "255.255.255.255:68");
  EXPECT_EQ(options().address(option::kServerId)->text(), "192.168.56.10");
}

TEST_F(World, NotAuthoritativeMeansSilenceAboutOthersClients) {
  Scope scope = lan_scope();
  scope.authoritative = false;
  configure({scope});
  EXPECT_EQ(come_back(pc1_, "10.0.0.7"), "silence");
  EXPECT_EQ(rebind(pc1_, "192.168.56.180"), "silence");
}

TEST_F(World, ExpiredAddressGivenToAnotherIsRefused) {
  for (const auto& m : {pc1_, pc2_, pc3_, pc4_}) lease(m);
  release(pc1_, "192.168.56.100");
  lease(pc5_);
  EXPECT_EQ(come_back(pc1_, "192.168.56.100"), "silence")
      << "its record is gone: it is an unknown client now";
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "NAK");
}

// ---- keeping (RENEWING, REBINDING)

TEST_F(World, RenewalExtendsAndIsAnsweredByUnicast) {
  lease(pc1_);
  const auto started = stored_.back().started;
  wait(30min);
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Unicast);
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.100:68");
  EXPECT_EQ(outcome_.store.back().expires, now_ + 1h);
  EXPECT_EQ(outcome_.store.back().started, started);
  wait(45min);
  EXPECT_TRUE(server_.leases().find(ip("192.168.56.100"))->holds(now_));
}

TEST_F(World, RebindingIsAnsweredByUnicastToo) {
  lease(pc1_);
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Unicast);
}

TEST_F(World, RenewalOfAFreeAddressWeForgotIsGranted) {
  EXPECT_EQ(renew(pc1_, "192.168.56.102"), "192.168.56.102");
}

TEST_F(World, RenewalOfAnothersAddressIsRefusedToEverybodysEars) {
  lease(pc1_);
  EXPECT_EQ(renew(pc2_, "192.168.56.100"), "NAK");
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Broadcast) << "NetworkManager ignores a NAK by unicast";
}

TEST_F(World, RenewalOutsideTheRangesIsRefused) { EXPECT_EQ(renew(pc1_, "192.168.56.180"), "NAK"); }

TEST_F(World, AddressTakenOutOfTheRangeIsNotRenewed) {
  lease(pc1_);
  Scope scope = lan_scope();
  scope.excluded = {*AddressRange::parse("192.168.56.100")};
  configure({scope});
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "NAK");
  EXPECT_EQ(lease(pc1_), "192.168.56.101");
}

// ---- giving back, declining, asking

TEST_F(World, ReleasedAddressIsStoredAsFree) {
  lease(pc1_);
  release(pc1_, "192.168.56.100");
  EXPECT_EQ(said(), "silence");
  EXPECT_EQ(stored_.back().state, LeaseState::Released);
}

TEST_F(World, NobodyReleasesAnothersLease) {
  lease(pc1_);
  release(pc2_, "192.168.56.100");
  EXPECT_TRUE(outcome_.store.empty());
  EXPECT_TRUE(server_.leases().find(ip("192.168.56.100"))->holds(now_));
}

TEST_F(World, DeclinedAddressRests) {
  lease(pc1_);
  decline(pc1_, "192.168.56.100");
  EXPECT_EQ(said(), "silence");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_EQ(stored_.back().state, LeaseState::Declined);
  EXPECT_EQ(lease(pc1_), "192.168.56.101");
  wait(11min);
  for (const auto& m : {pc2_, pc3_}) lease(m);
  EXPECT_EQ(lease(pc4_), "192.168.56.100");
}

TEST_F(World, OfferOfANewAddressMayBeProbedFirst) {
  Scope scope = lan_scope();
  scope.probe = 200ms;
  configure({scope});
  discover(pc1_);
  ASSERT_TRUE(outcome_.probe);
  EXPECT_EQ(outcome_.probe->address, ip("192.168.56.100"));
  EXPECT_TRUE(server_.in_use(ip("192.168.56.100"), now_));
  EXPECT_EQ(discover(pc1_), "192.168.56.101") << "the address in use rests";
  take(pc1_, "192.168.56.101");
  discover(pc1_);
  EXPECT_FALSE(outcome_.probe) << "its own address answers to its owner";
  EXPECT_FALSE(server_.in_use(ip("192.168.56.101"), now_)) << "a lease is not taken away by an ARP message";
}

TEST_F(World, NobodyDeclinesAnothersLease) {
  lease(pc1_);
  decline(pc2_, "192.168.56.100");
  EXPECT_TRUE(outcome_.store.empty());
}

TEST_F(World, InformIsToldTheConfigurationAndNothingAboutLeases) {
  Message m = pc1_.message(MessageType::Inform);
  m.ciaddr = ip("192.168.56.77");
  send(m);
  EXPECT_EQ(type(), MessageType::Ack);
  EXPECT_EQ(address(), "0.0.0.0");
  EXPECT_FALSE(options().has(option::kLeaseTime));
  EXPECT_FALSE(options().has(option::kRenewalTime));
  EXPECT_EQ(options().text(option::kDomainName), "helper.bac");
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.77:68");
  EXPECT_TRUE(outcome_.store.empty());
}

TEST_F(World, InformWithoutAddressIsAnsweredWhereItCameFrom) {
  arrival_.source = ip("192.168.56.77");
  send(pc1_.message(MessageType::Inform));
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.77:68");
}

TEST_F(World, InformIsNeverRefused) {
  Message m = pc1_.message(MessageType::Inform);
  m.ciaddr = ip("10.9.9.9");
  send(m);
  EXPECT_EQ(type(), MessageType::Ack);
}

// ---- reservations

TEST_F(World, ReservationHoldsWhateverClientIdentifierIsSent) {
  Scope scope = lan_scope();
  scope.reservations = {{.name = "pc5",
                         .mac = pc5_.hardware,
                         .client_id = std::nullopt,
                         .circuit = std::nullopt,
                         .address = ip("192.168.56.50"),
                         .options = {}}};
  configure({scope});
  Machine firmware = pc5_, system = pc5_;
  system.client_id = {255, 0, 0, 0, 1, 0, 2, 9, 9};
  EXPECT_EQ(lease(firmware), "192.168.56.50");
  EXPECT_EQ(lease(system), "192.168.56.50");
  EXPECT_EQ(options().text(option::kHostName), "pc5");
  EXPECT_EQ(server_.fqdn(stored_.back()), "pc5.helper.bac");
}

TEST_F(World, NewReservationIsHonouredAtTheNextRenewal) {
  lease(pc1_);
  Scope scope = lan_scope();
  scope.reservations = {{.name = "pc1",
                         .mac = pc1_.hardware,
                         .client_id = std::nullopt,
                         .circuit = std::nullopt,
                         .address = ip("192.168.56.50"),
                         .options = {}}};
  configure({scope});
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "NAK");
  EXPECT_EQ(lease(pc1_), "192.168.56.50");
  EXPECT_EQ(server_.leases().find(ip("192.168.56.100"))->state, LeaseState::Released)
      << "one client, one lease on a wire";
}

TEST_F(World, ReservedAddressInTheRangeIsForItsOwnerOnly) {
  Scope scope = lan_scope();
  scope.reservations = {{.name = "pc5",
                         .mac = pc5_.hardware,
                         .client_id = std::nullopt,
                         .circuit = std::nullopt,
                         .address = ip("192.168.56.100"),
                         .options = {}}};
  configure({scope});
  EXPECT_EQ(lease(pc1_), "192.168.56.101");
  EXPECT_EQ(discover(pc2_, "192.168.56.100"), "192.168.56.102");
  EXPECT_EQ(lease(pc5_), "192.168.56.100");
}

TEST_F(World, ReservedMachineComesBackThoughNeverSeen) {
  Scope scope = lan_scope();
  scope.reservations = {{.name = "pc5",
                         .mac = pc5_.hardware,
                         .client_id = std::nullopt,
                         .circuit = std::nullopt,
                         .address = ip("192.168.56.50"),
                         .options = {}}};
  configure({scope});
  EXPECT_EQ(come_back(pc5_, "192.168.56.50"), "192.168.56.50");
}

// ---- relays

TEST_F(World, RelayAddressChoosesTheScopeAndGetsTheAnswer) {
  Scope far = lan_scope();
  far.name = "far";
  far.interface = "";
  far.server_id = {};
  far.network = *Network::parse("10.0.0.0/24");
  far.ranges = {*AddressRange::parse("10.0.0.100-10.0.0.200")};
  configure({lan_scope(), far});
  arrival_ = {.interface = "eth0", .source = ip("10.0.0.1"), .destination = ip("192.168.56.10")};
  Message m = pc1_.message(MessageType::Discover);
  m.giaddr = ip("10.0.0.1");
  m.options.set(option::kRelayInformation, {1, 4, 'p', 'o', 'r', 't'});
  send(m);
  EXPECT_EQ(address(), "10.0.0.100");
  EXPECT_EQ(outcome_.reply->delivery, Delivery::Relay);
  EXPECT_EQ(outcome_.reply->to.text(), "10.0.0.1:67");
  EXPECT_EQ(options().address(option::kServerId)->text(), "192.168.56.10");
  EXPECT_EQ(options().list().back().code, option::kRelayInformation);
}

TEST_F(World, RefusalThroughARelayAsksItToBroadcast) {
  Message m = pc1_.message(MessageType::Request);
  m.giaddr = ip("192.168.56.2");
  m.options.set_address(option::kRequestedAddress, ip("10.0.0.9"));
  m.options.set(option::kRelayInformation, {1, 1, 7});
  send(m);
  EXPECT_EQ(type(), MessageType::Nak);
  EXPECT_TRUE(outcome_.reply->message.wants_broadcast());
  EXPECT_EQ(outcome_.reply->to.text(), "192.168.56.2:67");
  EXPECT_TRUE(options().has(option::kRelayInformation));
}

TEST_F(World, ReservationOfAPortIsForWhoeverIsOnIt) {
  Scope scope = lan_scope();
  scope.reservations = {{.name = "desk7",
                         .mac = std::nullopt,
                         .client_id = std::nullopt,
                         .circuit = Bytes{'p', '7'},
                         .address = ip("192.168.56.77"),
                         .options = {}}};
  configure({scope});
  Message m = pc1_.message(MessageType::Discover);
  m.giaddr = ip("192.168.56.2");
  m.options.set(option::kRelayInformation, {1, 2, 'p', '7', 2, 1, 9});
  send(m);
  EXPECT_EQ(address(), "192.168.56.77");
  m.options.set(option::kRelayInformation, {1, 2, 'p', '8'});
  send(m);
  EXPECT_EQ(address(), "192.168.56.100");
}

TEST_F(World, UnknownRelayGetsSilence) {
  Message m = pc1_.message(MessageType::Discover);
  m.giaddr = ip("172.16.0.1");
  EXPECT_EQ(send(m), nullptr);
}

TEST_F(World, OtherInterfacesAreNotServed) {
  arrival_.interface = "eth7";
  EXPECT_EQ(discover(pc1_), "no offer");
}

TEST_F(World, ScopesOfOneInterfaceShareItsWire) {
  Scope second = lan_scope();
  second.name = "second";
  second.network = *Network::parse("192.168.57.0/24");
  second.ranges = {*AddressRange::parse("192.168.57.100-192.168.57.200")};
  configure({lan_scope(), second});
  for (const auto& m : {pc1_, pc2_, pc3_, pc4_}) lease(m);
  EXPECT_EQ(lease(pc5_), "192.168.57.100");
  EXPECT_EQ(renew(pc5_, "192.168.57.100"), "192.168.57.100");
}

// ---- restarts and settings

TEST_F(World, ScopesBehindARelayShareAWireWhereTheyAreToldSo) {
  Scope lan = lan_scope(), more = lan_scope();
  lan.interface.clear();
  lan.server_id = {};
  lan.ranges = {*AddressRange::parse("192.168.56.100-192.168.56.100")};
  more.name = "a-phones";  // before lan by name; lan is the first all the same
  more.interface.clear();
  more.server_id = {};
  more.network = *Network::parse("192.168.57.0/24");
  more.ranges = {*AddressRange::parse("192.168.57.100-192.168.57.101")};
  more.options.set_address(option::kRouters, ip("192.168.57.1"));
  const auto relayed = [&](const Machine& m) {
    Message d = m.message(MessageType::Discover);
    d.giaddr = ip("192.168.56.2");
    send(d);
    return type() == MessageType::Offer ? address() : std::string("no offer");
  };
  configure({more, lan});
  EXPECT_EQ(relayed(pc1_), "192.168.56.100");
  EXPECT_EQ(relayed(pc2_), "no offer") << "a scope by itself";
  more.shared_with = "lan";
  configure({more, lan});
  EXPECT_EQ(relayed(pc2_), "192.168.57.100");
  EXPECT_EQ(options().address(option::kRouters), ip("192.168.57.1"));
  EXPECT_EQ(relayed(pc1_), "192.168.56.100") << "the address it was offered before";
  more.reservations = {{.name = "pc3",
                        .mac = pc3_.hardware,
                        .client_id = {},
                        .circuit = {},
                        .address = ip("192.168.57.7"),
                        .options = {}}};
  configure({more, lan});
  EXPECT_EQ(relayed(pc3_), "192.168.57.7") << "a reservation in any of them";
  Message back = pc2_.message(MessageType::Request);
  back.giaddr = ip("192.168.56.2");
  back.options.set_address(option::kRequestedAddress, ip("192.168.57.100"));
  back.options.set_address(option::kServerId, ip("192.168.56.10"));
  arrival_.destination = ip("192.168.56.10");
  send(back);
  EXPECT_EQ(said(), "192.168.57.100") << "the relay's own subnet is not the only one that is right there";
}

TEST_F(World, RestoredLeasesAreKept) {
  lease(pc1_);
  lease(pc2_);
  Server again;
  for (const auto& l : stored_) again.restore(l);
  Settings settings;
  settings.scopes = {lan_scope()};
  again.configure(std::move(settings));
  const auto outcome = again.handle(pc3_.message(MessageType::Discover), arrival_, now_);
  EXPECT_EQ(outcome.reply->message.yiaddr.text(), "192.168.56.102");
  EXPECT_EQ(again.leases().size(), 3U);
}

TEST_F(World, EditingScopesOrphansNoLease) {
  lease(pc1_);
  Scope renamed = lan_scope();
  renamed.name = "classroom";
  configure({renamed});
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(discover(pc2_), "192.168.56.101");
}

TEST_F(World, RevokedLeaseIsGone) {
  lease(pc1_);
  ASSERT_TRUE(server_.revoke(ip("192.168.56.100"), now_));
  EXPECT_FALSE(server_.revoke(ip("192.168.56.100"), now_));
  EXPECT_FALSE(server_.leases().find(ip("192.168.56.100"))->holds(now_));
}

TEST_F(World, ClientMayAskForAShorterLeaseButNotForALongerOne) {
  Message m = pc1_.message(MessageType::Discover);
  m.options.set_uint32(option::kLeaseTime, 600);
  send(m);
  EXPECT_EQ(options().uint32(option::kLeaseTime), 600U);
  EXPECT_EQ(options().uint32(option::kRenewalTime), 300U);
  m.options.set_uint32(option::kLeaseTime, 999999);
  send(m);
  EXPECT_EQ(options().uint32(option::kLeaseTime), 3600U);
  m.options.set_uint32(option::kLeaseTime, 0);
  send(m);
  EXPECT_EQ(options().uint32(option::kLeaseTime), 60U);
}

}  // namespace
}  // namespace lab::dhcp
