#include "dhcp/v6/server.hpp"

#include "tests/unit/dhcp/v6/world.hpp"

namespace lab::dhcp::v6 {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class Server6 : public World {};

TEST_F(Server6, LeasesWithFourMessages) {
  EXPECT_EQ(solicit(pc1_), "ADVERTISE fd00:56::1:0 for 3600");
  EXPECT_TRUE(stored_.empty()) << "an offer binds nobody";
  EXPECT_EQ(request(pc1_, "fd00:56::1:0"), "REPLY fd00:56::1:0 for 3600");
  ASSERT_EQ(stored_.size(), 1U);
  EXPECT_EQ(stored_[0].hostname, "pc1");
  EXPECT_EQ(server_.fqdn(stored_[0]), "pc1.helper.bac");
}

TEST_F(Server6, LeasesWithTwoMessagesToWhoWishesIt) {
  EXPECT_EQ(say(MessageType::Solicit, pc1_, {}, false, true), "REPLY fd00:56::1:0 for 3600");
  EXPECT_TRUE(outcome_.reply->options.has(option::kRapidCommit));
  EXPECT_EQ(stored_.size(), 1U);
}

TEST_F(Server6, RapidCommitCanBeOff) {
  auto scope = lan_scope();
  scope.rapid_commit = false;
  configure({scope});
  EXPECT_EQ(say(MessageType::Solicit, pc1_, {}, false, true), "ADVERTISE fd00:56::1:0 for 3600");
}

TEST_F(Server6, CarriesBothIdentifiersAndTheTransactionInEachAnswer) {
  solicit(pc1_);
  EXPECT_EQ(*outcome_.reply->options.find(option::kClientId), link_layer_duid(pc1_.hardware));
  EXPECT_EQ(*outcome_.reply->options.find(option::kServerId), server_duid());
  EXPECT_EQ(outcome_.reply->transaction, 0x424242U);
}

TEST_F(Server6, KeepsNoStateByTransaction) {  // dhcpcd (dhcpy6d#30)
  Message m = pc1_.message(MessageType::Solicit);
  add(m, IaKind::Addresses, 1, {});
  send(m, pc1_);
  Message r = pc1_.message(MessageType::Request);
  r.transaction = 0x1;
  r.options.add(option::kServerId, server_duid());
  add(r, IaKind::Addresses, 1, {"fd00:56::1:0"});
  send(r, pc1_);
  EXPECT_EQ(said(), "REPLY fd00:56::1:0 for 3600");
}

TEST_F(Server6, PreferredIsAsLongAsValidUnlessSaidOtherwise) {  // Windows 11 24H2 (opnsense#9402)
  lease(pc1_);
  auto entry = associations(outcome_.reply->options).front().entries.front();
  EXPECT_EQ(entry.preferred, entry.valid);
  auto scope = lan_scope();
  scope.preferred = 600s;
  scope.renew = 300s;
  scope.rebind = 480s;
  configure({scope});
  lease(pc1_);
  const auto ia = associations(outcome_.reply->options).front();
  EXPECT_EQ(ia.entries.front().preferred, 600U);
  EXPECT_EQ(ia.entries.front().valid, 3600U);
  EXPECT_EQ(ia.t1, 300U);
  EXPECT_EQ(ia.t2, 480U);
}

TEST_F(Server6, TellsOnlyWhatIsAskedFor) {
  Message m = pc1_.message(MessageType::Solicit);
  add(m, IaKind::Addresses, 1, {});
  m.options.add(option::kOptionRequest, {0, 23});
  send(m, pc1_);
  EXPECT_THAT(codes(), Contains(option::kNameServers));
  EXPECT_THAT(codes(), Not(Contains(option::kDomainSearch)));
  EXPECT_THAT(codes(), Not(Contains(option::kInformationRefresh)));
}

TEST_F(Server6, TellsTheNetworkToAStatelessClient) {
  Message m = pc1_.message(MessageType::InformationRequest);
  m.options.add(option::kOptionRequest, {0, 23, 0, 24, 0, 32});
  send(m, pc1_);
  EXPECT_EQ(said(), "REPLY");
  EXPECT_THAT(codes(), testing::IsSupersetOf(
                           {option::kNameServers, option::kDomainSearch, option::kInformationRefresh}));
  EXPECT_TRUE(stored_.empty());
}

TEST_F(Server6, AnInformationRequestNeedsNoClientIdentifier) {
  Message m{.type = MessageType::InformationRequest, .transaction = 7, .options = {}};
  send(m, pc1_);
  EXPECT_EQ(said(), "REPLY");
}

TEST_F(Server6, AnInformationRequestWithAnAssociationIsDropped) {  // RFC 8415 16.12
  EXPECT_EQ(say(MessageType::InformationRequest, pc1_), "silence");
}

TEST_F(Server6, RenewsAndKeepsTheName) {
  lease(pc1_);
  wait(1800s);
  Machine quiet = pc1_;
  quiet.name.clear();
  EXPECT_EQ(say(MessageType::Renew, quiet, {"fd00:56::1:0"}, true), "REPLY fd00:56::1:0 for 3600");
  EXPECT_EQ(stored_.back().hostname, "pc1");
  EXPECT_EQ(stored_.back().expires, now_ + 3600s);
}

TEST_F(Server6, RebindsWithoutAServerIdentifier) {
  lease(pc1_);
  EXPECT_EQ(say(MessageType::Rebind, pc1_, {"fd00:56::1:0"}), "REPLY fd00:56::1:0 for 3600");
}

TEST_F(Server6, ARenewalOfAnAddressItForgotIsGranted) {
  EXPECT_EQ(say(MessageType::Renew, pc1_, {"fd00:56::1:2"}, true), "REPLY fd00:56::1:2 for 3600");
}

TEST_F(Server6, ARenewalOfAnotherClientsAddressGivesANewOneAndEndsTheOld) {
  lease(pc2_);  // ::1:0
  EXPECT_EQ(say(MessageType::Renew, pc1_, {"fd00:56::1:0"}, true),
            "REPLY fd00:56::1:1 for 3600 fd00:56::1:0 for 0");
}

TEST_F(Server6, ARebindingOfWhatAnotherServerLentIsItsBusiness) {
  auto scope = lan_scope();
  scope.authoritative = false;
  configure({scope});
  EXPECT_EQ(say(MessageType::Rebind, pc1_, {"fd00:56::1:2"}), "silence");
}

TEST_F(Server6, ConfirmsWhoIsStillHereAndSendsAwayWhoIsNot) {
  EXPECT_EQ(say(MessageType::Confirm, pc1_, {"fd00:56::1:0"}), "REPLY Success");
  EXPECT_EQ(say(MessageType::Confirm, pc1_, {"fd00:99::1"}), "REPLY NotOnLink");
  EXPECT_EQ(say(MessageType::Confirm, pc1_), "silence") << "nothing to confirm (RFC 8415 18.3.3)";
}

TEST_F(Server6, ARequestFromAnotherNetworkIsNotOnLink) {
  EXPECT_EQ(request(pc1_, "fd00:99::1"), "REPLY NotOnLink");
  EXPECT_TRUE(stored_.empty());
}

TEST_F(Server6, ReleasedAddressesComeBackToTheirClientFirst) {
  lease(pc1_);
  EXPECT_EQ(say(MessageType::Release, pc1_, {"fd00:56::1:0"}, true), "REPLY Success");
  EXPECT_EQ(stored_.back().state, LeaseState::Released);
  EXPECT_EQ(lease(pc2_), "fd00:56::1:1") << "an address nobody had comes first";
  EXPECT_EQ(lease(pc1_), "fd00:56::1:0");
}

TEST_F(Server6, ReleasingWhatIsNotLeasedSaysSo) {
  lease(pc1_);
  EXPECT_EQ(say(MessageType::Release, pc2_, {"fd00:56::1:0"}, true), "REPLY Success NoBinding");
  EXPECT_TRUE(server_.leases().find(ip("fd00:56::1:0"))->holds(now_)) << "nobody releases another's address";
}

TEST_F(Server6, ADeclinedAddressRests) {
  lease(pc1_);
  EXPECT_EQ(say(MessageType::Decline, pc1_, {"fd00:56::1:0"}, true), "REPLY Success");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_EQ(lease(pc1_), "fd00:56::1:1");
  EXPECT_EQ(say(MessageType::Decline, pc2_, {"fd00:56::1:1"}, true), "REPLY Success NoBinding")
      << "only who was given it may decline it";
  wait(601s);
  lease(pc2_);
  lease(pc3_);
  EXPECT_EQ(lease(pc4_), "fd00:56::1:0") << "after its rest it is lent again";
}

TEST_F(Server6, AnEmptyPoolIsSaidAndAlarms) {
  for (const auto* m : {&pc1_, &pc2_, &pc3_, &pc4_}) lease(*m);
  EXPECT_EQ(solicit(pc5_), "ADVERTISE NoAddrsAvail");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_THAT(outcome_.note, HasSubstr("no address is left in lan"));
  EXPECT_EQ(say(MessageType::Solicit, pc5_, {}, false, true), "ADVERTISE NoAddrsAvail");
}

TEST_F(Server6, AnExpiredAddressIsLentAgain) {
  for (const auto* m : {&pc1_, &pc2_, &pc3_, &pc4_}) lease(*m);
  wait(3600s);
  EXPECT_EQ(stored_.back().state, LeaseState::Active)
      << "a client counts from later than the second it began in";
  wait(1s);
  EXPECT_EQ(stored_.back().state, LeaseState::Expired);
  EXPECT_NE(lease(pc5_), "REPLY NoAddrsAvail");
  EXPECT_THAT(address(), HasSubstr("fd00:56::1:"));
}

TEST_F(Server6, OwnAndExcludedAddressesAreNotLent) {
  auto scope = lan_scope();
  scope.own = {ip("fd00:56::1:0")};
  scope.excluded = {*AddressRange::parse("fd00:56::1:1")};
  configure({scope});
  EXPECT_EQ(lease(pc1_), "fd00:56::1:2");
}

TEST_F(Server6, AReservationByMacHoldsWhateverTheDuid) {
  auto scope = lan_scope();
  scope.reservations.push_back({.name = "printer",
                                .mac = pc1_.hardware,
                                .duid = {},
                                .address = ip("fd00:56::50"),
                                .prefix = {},
                                .options = {}});
  configure({scope});
  EXPECT_EQ(lease(pc1_), "fd00:56::50");
  EXPECT_EQ(stored_.back().hostname, "printer");
  Machine reinstalled = pc1_;
  reinstalled.duid = {0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  EXPECT_EQ(lease(reinstalled), "fd00:56::50") << "known by its link-local address";
  EXPECT_EQ(say(MessageType::Solicit, pc2_, {"fd00:56::50"}), "ADVERTISE fd00:56::1:0 for 3600");
}

TEST_F(Server6, AReservationByDuidSupersedesAtTheNextRenewal) {
  lease(pc1_);
  auto scope = lan_scope();
  scope.reservations.push_back({.name = "pc1",
                                .mac = {},
                                .duid = link_layer_duid(pc1_.hardware),
                                .address = ip("fd00:56::50"),
                                .prefix = {},
                                .options = {}});
  configure({scope});
  EXPECT_EQ(say(MessageType::Renew, pc1_, {"fd00:56::1:0"}, true),
            "REPLY fd00:56::50 for 3600 fd00:56::1:0 for 0");
}

TEST_F(Server6, DelegatesPrefixes) {
  EXPECT_EQ(say(MessageType::Solicit, pc1_, {}, false, true, IaKind::Prefixes),
            "REPLY fd00:100::/56 for 3600");
  EXPECT_EQ(say(MessageType::Solicit, pc2_, {}, false, true, IaKind::Prefixes),
            "REPLY fd00:100:0:100::/56 for 3600");
  EXPECT_EQ(server_.fqdn(stored_.back()), "") << "a prefix has no name";
  say(MessageType::Solicit, pc3_, {}, false, true, IaKind::Prefixes);
  say(MessageType::Solicit, pc4_, {}, false, true, IaKind::Prefixes);
  EXPECT_EQ(say(MessageType::Solicit, pc5_, {}, false, true, IaKind::Prefixes), "ADVERTISE NoPrefixAvail");
  say(MessageType::Release, pc2_, {"fd00:100:0:100::/56"}, true, false, IaKind::Prefixes);
  EXPECT_EQ(say(MessageType::Solicit, pc5_, {}, false, true, IaKind::Prefixes),
            "REPLY fd00:100:0:100::/56 for 3600");
}

TEST_F(Server6, AddressAndPrefixShareTheirTimes) {  // RFC 8415 18.3.1
  Message m = pc1_.message(MessageType::Solicit);
  m.options.add(option::kRapidCommit);
  add(m, IaKind::Addresses, 1, {});
  add(m, IaKind::Prefixes, 1, {});
  send(m, pc1_);
  EXPECT_EQ(said(), "REPLY fd00:56::1:0 for 3600 fd00:100::/56 for 3600");
  const auto all = associations(outcome_.reply->options);
  EXPECT_EQ(all[0].t1, all[1].t1);
}

TEST_F(Server6, OneClientCannotEmptyThePool) {
  auto scope = lan_scope();
  scope.ranges = {*AddressRange::parse("fd00:56::1:0-fd00:56::1:ffff")};
  configure({scope});
  std::string last;
  for (std::uint32_t iaid = 1; iaid <= 17; ++iaid) {
    Machine m = pc1_;
    m.iaid = iaid;
    last = say(MessageType::Solicit, m, {}, false, true);
  }
  EXPECT_EQ(last, "ADVERTISE NoAddrsAvail");
  EXPECT_TRUE(outcome_.alarming);
}

TEST_F(Server6, ByUnicastOnlyWithLeave) {  // RFC 8415 18.3.2, 16
  arrival_.destination = ip("fd00:56::10");
  EXPECT_EQ(request(pc1_, "fd00:56::1:0"), "REPLY UseMulticast");
  EXPECT_EQ(say(MessageType::Renew, pc1_, {"fd00:56::1:0"}, true), "REPLY UseMulticast");
  EXPECT_EQ(solicit(pc1_), "silence");
  EXPECT_EQ(say(MessageType::Rebind, pc1_, {"fd00:56::1:0"}), "silence");
  EXPECT_TRUE(stored_.empty());
}

TEST_F(Server6, MessagesWithWrongIdentifiersAreDropped) {  // RFC 8415 16
  EXPECT_EQ(say(MessageType::Solicit, pc1_, {}, true), "silence");
  EXPECT_EQ(say(MessageType::Request, pc1_, {"fd00:56::1:0"}, false), "silence");
  Message nobody{.type = MessageType::Solicit, .transaction = 1, .options = {}};
  send(nobody, pc1_);
  EXPECT_EQ(said(), "silence");
  Message other = pc1_.message(MessageType::Request);
  other.options.add(option::kServerId, {0, 3, 0, 1, 9, 9, 9, 9, 9, 9});
  add(other, IaKind::Addresses, 1, {"fd00:56::1:0"});
  send(other, pc1_);
  EXPECT_EQ(said(), "silence");
  EXPECT_TRUE(outcome_.alarming) << "another server answers on a network that is ours";
  for (const auto type : {MessageType::Advertise, MessageType::Reply, MessageType::Reconfigure})
    EXPECT_EQ(say(type, pc1_), "silence");
}

TEST_F(Server6, ADuidTooLongForAnyoneIsDropped) {
  Machine odd = pc1_;
  odd.duid = Bytes(131, 1);
  EXPECT_EQ(solicit(odd), "silence");
  odd.duid = Bytes(130, 1);
  EXPECT_EQ(solicit(odd), "ADVERTISE fd00:56::1:0 for 3600");
}

TEST_F(Server6, TemporaryAddressesAreNotLent) {
  Message m = pc1_.message(MessageType::Solicit);
  m.options.add(option::kIaTa, {0, 0, 0, 9});
  send(m, pc1_);
  ASSERT_NE(outcome_.reply->options.find(option::kIaTa), nullptr);
  EXPECT_THAT(*outcome_.reply->options.find(option::kIaTa), testing::SizeIs(testing::Gt(8U)));
}

TEST_F(Server6, ThroughARelayTheLinkDecidesAndTheMacIsTold) {
  auto far = lan_scope();
  far.name = "wan";
  far.interface = "";
  far.network = net("fd00:57::/64");
  far.ranges = {*AddressRange::parse("fd00:57::1:0-fd00:57::1:3")};
  far.prefixes.clear();
  far.reservations.push_back({.name = "pc9",
                              .mac = mac("02:00:00:00:00:09"),
                              .duid = {},
                              .address = ip("fd00:57::50"),
                              .prefix = {},
                              .options = {}});
  configure({lan_scope(), far});
  relays_ = {{.hops = 0, .link = ip("fd00:57::2"), .peer = ip("fe80::1"), .options = {}}};
  arrival_ = {.interface = "eth0", .source = ip("fd00:56::2"), .destination = ip("fd00:56::10")};
  arrival_fixed_ = true;
  EXPECT_EQ(lease(pc1_), "fd00:57::1:0") << "a relay may come by unicast";
  relays_.front().options.add(option::kClientLinkLayer, {0, 1, 2, 0, 0, 0, 0, 9});  // RFC 6939
  EXPECT_EQ(lease(pc2_), "fd00:57::50");
  relays_.front().link = ip("fd00:99::1");
  EXPECT_EQ(solicit(pc3_), "silence");
}

TEST_F(Server6, TheNearestRelayThatNamesALinkCounts) {
  auto far = lan_scope();
  far.name = "wan";
  far.interface = "";
  far.network = net("fd00:57::/64");
  far.ranges = {*AddressRange::parse("fd00:57::1:0-fd00:57::1:3")};
  configure({lan_scope(), far});
  relays_ = {{.hops = 1, .link = ip("fd00:56::2"), .peer = ip("fd00:57::2"), .options = {}},
             {.hops = 0, .link = ip("fd00:57::1"), .peer = ip("fe80::1"), .options = {}}};
  EXPECT_EQ(lease(pc1_), "fd00:57::1:0");
  relays_.back().link = IpAddress::v6({});  // a lightweight relay (RFC 6221) only names its port
  EXPECT_EQ(solicit(pc2_), "ADVERTISE fd00:56::1:0 for 3600");
}

TEST_F(Server6, ARevokedLeaseIsGone) {
  lease(pc1_);
  EXPECT_TRUE(server_.revoke(ip("fd00:56::1:0"), now_));
  EXPECT_FALSE(server_.revoke(ip("fd00:56::1:0"), now_));
  EXPECT_EQ(lease(pc2_), "fd00:56::1:1");
}

TEST_F(Server6, SaysWhatItWillCallTheClient) {
  lease(pc1_);
  const Bytes* told = outcome_.reply->options.find(option::kClientFqdn);
  ASSERT_NE(told, nullptr);
  EXPECT_EQ((*told)[0], 1) << "the server registers the name (RFC 4704 6)";
  EXPECT_THAT(std::string(told->begin() + 2, told->end()), HasSubstr("pc1"));
}

TEST_F(Server6, LeasesOfARestartAreKept) {
  lease(pc1_);
  Server again;
  again.restore(stored_.back());
  Settings settings;
  settings.scopes = {lan_scope()};
  settings.duid = server_duid();
  again.configure(std::move(settings));
  Message m = pc2_.message(MessageType::Solicit);
  add(m, IaKind::Addresses, 1, {"fd00:56::1:0"});
  const auto outcome = again.handle({.relays = {}, .message = m}, arrival_, now_);
  EXPECT_EQ(associations(outcome.reply->options).front().entries.front().address, ip("fd00:56::1:1"));
}

}  // namespace
}  // namespace lab::dhcp::v6
