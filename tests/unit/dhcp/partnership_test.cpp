// Two servers that share a network: what each may do, and what they tell each other.
#include "dhcp/partnership.hpp"

#include "dhcp/partner_message.hpp"
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;
using State = Partnership::State;

constexpr PartnershipLimits kLimits{
    .startup = 2s, .silence = 3s, .partner_down = 0s, .reach = 10min, .longest = 1h};

/// A server that was in step with its partner from the beginning.
Partnership in_step(Role role, PartnershipLimits limits = kLimits) {
  Partnership p(role, limits, 0ms);
  p.connected(0ms);
  p.in_step(0ms);
  return p;
}

TEST(Partnership, AFreshServerIsSilentUntilItHasThePartnersLeases) {
  Partnership primary(Role::Primary, kLimits, 0ms);
  EXPECT_EQ(primary.duty(), Duty::StandBy);
  EXPECT_TRUE(primary.connected(100ms));
  EXPECT_EQ(primary.duty(), Duty::StandBy);
  EXPECT_TRUE(primary.in_step(110ms));
  EXPECT_EQ(primary.duty(), Duty::Serve);
}

TEST(Partnership, AServerStartedWhileCutOffLendsNothingNewHoweverLongItWaits) {
  Partnership standby(Role::Standby, kLimits, 0ms);
  EXPECT_FALSE(standby.tick(1900ms));
  EXPECT_TRUE(standby.tick(2000ms));
  EXPECT_EQ(standby.duty(), Duty::Hold) << "the partner may own the whole pool by now";
  EXPECT_FALSE(standby.tick(std::chrono::hours(1000)));
  EXPECT_EQ(standby.duty(), Duty::Hold);
  EXPECT_THAT(standby.explanation(), testing::HasSubstr("labctl leases partner-down"));
  standby.connected(std::chrono::hours(1001));
  standby.in_step(std::chrono::hours(1001));
  EXPECT_EQ(standby.duty(), Duty::StandBy);
}

TEST(Partnership, TheStandbyIsSilentInStepAndTakesOverTheMomentThePartnerIsLost) {
  auto standby = in_step(Role::Standby);
  EXPECT_EQ(standby.duty(), Duty::StandBy);
  EXPECT_TRUE(standby.lost(20ms, false)) << "no client need ask in vain first";
  EXPECT_EQ(standby.duty(), Duty::OwnShare) << "the partner may be alive";
}

TEST(Partnership, AFarewellGivesTheWholePoolAtOnce) {
  auto standby = in_step(Role::Standby);
  standby.lost(20ms, true);
  EXPECT_EQ(standby.duty(), Duty::WholePool);
}

TEST(Partnership, ALostPartnerIsNeverDownByItself) {
  auto a = in_step(Role::Primary);
  a.lost(1s, false);
  EXPECT_FALSE(a.tick(std::chrono::hours(1000)));
  EXPECT_EQ(a.duty(), Duty::OwnShare) << "it may be alive, and lend the other half";
}

TEST(Partnership, APersonsWordGivesTheWholePoolOnceThePartnersPromisesHaveEnded) {
  auto a = in_step(Role::Primary);
  a.lost(1s, false);
  EXPECT_TRUE(a.declared_down(2s));
  EXPECT_EQ(a.duty(), Duty::OwnShare);
  EXPECT_FALSE(a.tick(2s + 10min - 1ms));
  EXPECT_TRUE(a.tick(2s + 10min));
  EXPECT_EQ(a.duty(), Duty::WholePool);
  EXPECT_FALSE(a.declared_down(3s));
}

TEST(Partnership, SilenceCountsAsDownWhereItIsSoWished) {
  auto limits = kLimits;
  limits.partner_down = 5min;
  auto a = in_step(Role::Primary, limits);
  a.lost(1s, false);
  EXPECT_FALSE(a.tick(1s + 5min - 1ms));
  EXPECT_TRUE(a.tick(1s + 5min));
  EXPECT_EQ(a.state(), State::Sole);
  EXPECT_EQ(a.duty(), Duty::OwnShare);
}

TEST(Partnership, DeclaredDownByAServerThatKnowsNothingItWaitsLonger) {
  Partnership a(Role::Primary, kLimits, 0ms);
  a.tick(2s);
  ASSERT_EQ(a.state(), State::CutOff);
  EXPECT_TRUE(a.declared_down(3s));
  EXPECT_EQ(a.duty(), Duty::Hold)
      << "the partner, sole, may have lent of this half for as long as it reaches";
  EXPECT_TRUE(a.tick(3s + 10min));
  EXPECT_EQ(a.duty(), Duty::OwnShareOnly) << "and of its own half for a whole lease";
  EXPECT_TRUE(a.tick(3s + 1h));
  EXPECT_EQ(a.duty(), Duty::WholePool);
}

TEST(Partnership, WhoWasSoleIsSoleAfterARestart) {
  Partnership again(Role::Standby, kLimits, 100s, SoleTimes{100s, 160s});
  EXPECT_EQ(again.state(), State::Sole);
  EXPECT_EQ(again.duty(), Duty::OwnShareOnly);
  EXPECT_TRUE(again.tick(160s));
  EXPECT_EQ(again.duty(), Duty::WholePool);
}

TEST(Partnership, WhoServesGoesOnWhileThePartnerCatchesUp) {
  auto standby = in_step(Role::Standby);
  standby.lost(1s, true);
  standby.connected(60s);
  EXPECT_EQ(standby.duty(), Duty::OwnShare) << "the partner may begin to serve at any moment";
  EXPECT_FALSE(standby.sole()) << "nor is that remembered any more";
  standby.lost(61s, false);
  EXPECT_EQ(standby.state(), State::Alone) << "a partner that was heard is not down";
  standby.connected(62s);
  standby.in_step(63s);
  EXPECT_EQ(standby.duty(), Duty::StandBy);
}

TEST(Partnership, AFarewellHalfWayThroughTheLeasesGivesNothingToWhoKnewNone) {
  Partnership fresh(Role::Standby, kLimits, 0ms);
  fresh.connected(0ms);
  fresh.lost(1s, true);
  EXPECT_EQ(fresh.duty(), Duty::StandBy);
  fresh.tick(4s);
  EXPECT_EQ(fresh.duty(), Duty::Hold);
}

TEST(Partnership, APartnerCannotBeDeclaredDownWhileItIsHeard) {
  Partnership a(Role::Primary, kLimits, 0ms);
  a.connected(0ms);
  EXPECT_FALSE(a.declared_down(1ms));
}

// ---- what is said

Lease lease_of(const char* address, const char* client) {
  return {.address = ip(address),
          .state = LeaseState::Active,
          .client = client,
          .hardware = std::string("\x01\x02\x00\x00\x00\x00\x01", 7),
          .hostname = "pc1",
          .started = ServerTime(1000s),
          .expires = ServerTime(4600s),
          .touched = ServerTime(1000s)};
}

TEST(PartnerMessage, AChangeComesAsItWent) {
  StoreChange change;
  change.leases = {lease_of("192.168.56.100", "a"), lease_of("192.168.56.101", "b")};
  change.names = {{.address = ip("192.168.56.100"), .fqdn = "pc1.helper.bac", .client = "a", .hardware = "h",
                   .state = NameState::Present, .forget = true}};
  const auto back = decode_change(encode(change));
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->leases.size(), 2U);
  EXPECT_EQ(back->leases[1].address, ip("192.168.56.101"));
  EXPECT_EQ(back->leases[1].client, "b");
  EXPECT_EQ(back->leases[1].expires, ServerTime(4600s));
  ASSERT_EQ(back->names.size(), 1U);
  EXPECT_EQ(back->names[0].fqdn, "pc1.helper.bac");
  EXPECT_TRUE(back->names[0].forget);
}

TEST(PartnerMessage, ACutOrLyingChangeIsRefused) {
  StoreChange change;
  change.leases = {lease_of("192.168.56.100", "a")};
  auto bytes = encode(change);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_change(std::span(bytes).first(size))) << size;
  bytes[0] = 0xFF;  // 65,281 leases
  EXPECT_FALSE(decode_change(bytes));
}

std::pair<Bytes, Bytes> parts(const Bytes& frame) {
  const auto header = static_cast<std::ptrdiff_t>(PartnerLimits::kHeader);
  return {Bytes(frame.begin(), frame.begin() + header), Bytes(frame.begin() + header, frame.end())};
}

TEST(FrameSeal, OnlyWhoHasTheSecretIsHeardAndNothingIsHeardTwice) {
  const Nonce a{1}, b{2};
  FrameSeal out("the secret of both", a, b), in("the secret of both", a, b), stranger("another secret", a, b);
  const auto [header, rest] = parts(out.seal({PartnerKind::Change, 7, {1, 2, 3}}));
  EXPECT_FALSE(stranger.open(header, rest));
  const auto frame = in.open(header, rest);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->number, 7U);
  EXPECT_EQ(frame->body, (Bytes{1, 2, 3}));
  EXPECT_FALSE(in.open(header, rest)) << "played again";
  FrameSeal of_another_day("the secret of both", a, Nonce{3});
  EXPECT_FALSE(of_another_day.open(header, rest));
}

// ---- what the server makes of it

TEST_F(World, WhoStandsByIsSilentButRenewsWhatItLentItself) {
  lease(pc1_);
  server_.set_duty(Duty::StandBy);
  EXPECT_EQ(discover(pc2_), "no offer");
  EXPECT_EQ(come_back(pc1_, "192.168.56.100"), "silence");
  EXPECT_EQ(come_back(pc2_, "10.0.0.1"), "silence") << "never a NAK for the partner's clients";
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "silence") << "the partner hears it too";
}

TEST_F(World, AloneItLendsItsHalfOnlyAndKeepsThePartnersLeases) {
  server_.share_pools(Share::Upper);
  configure({lan_scope()});  // .100 to .103
  EXPECT_TRUE(server_.merge(Lease{.address = ip("192.168.56.100"),
                                  .state = LeaseState::Active,
                                  .client = std::string("\x01\x02\x4c\x61\x00\x00\x01", 7),
                                  .hardware = std::string("\x01\x02\x4c\x61\x00\x00\x01", 7),
                                  .hostname = "pc1",
                                  .started = now_,
                                  .expires = now_ + 1h,
                                  .touched = now_}));
  server_.set_duty(Duty::OwnShare);
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "192.168.56.100") << "the partner's lease is never refused";
  EXPECT_EQ(lease(pc2_), "192.168.56.102");
  EXPECT_EQ(discover(pc3_, "192.168.56.101"), "192.168.56.103") << "a wish for the partner's half is no claim";
  EXPECT_EQ(take(pc3_, "192.168.56.103"), "192.168.56.103");
  EXPECT_EQ(discover(pc4_), "no offer");
  server_.set_duty(Duty::Serve);
  EXPECT_EQ(lease(pc4_), "192.168.56.101");
}

TEST_F(World, AloneWhatIsGivenBackIsKeptForItsClientTheReturnOfWhomThePartnerMaySee) {
  lease(pc1_);
  server_.set_duty(Duty::OwnShare);
  release(pc1_, "192.168.56.100");
  for (const auto& m : {pc2_, pc3_, pc4_}) EXPECT_NE(lease(m), "192.168.56.100");
  EXPECT_EQ(discover(pc5_), "no offer");
  server_.set_duty(Duty::WholePool);
  wait(1s);
  EXPECT_EQ(lease(pc5_), "192.168.56.100");
}

TEST_F(World, WhatThePartnerCouldNotStoreIsTakenBack) {
  server_.share_pools(Share::Lower);
  configure({lan_scope()});
  lease(pc1_);
  const Lease before = stored_.back();
  now_ += 10min;
  renew(pc1_, "192.168.56.100");
  ASSERT_TRUE(outcome_.before);
  server_.set_duty(Duty::OwnShare);
  const auto again = server_.take_back(stored_.back(), &*outcome_.before, now_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->expires, before.expires) << "the client was not told of more";
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
}

TEST_F(World, AloneItPromisesNothingForLongerThanThePartnerReckonsWith) {
  server_.promise_alone_for(10min);
  lease(pc1_);
  server_.set_duty(Duty::OwnShare);
  EXPECT_EQ(lease(pc2_), "192.168.56.101");
  EXPECT_EQ(options().uint32(option::kLeaseTime), 600U);
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(options().uint32(option::kLeaseTime), 600U);
  EXPECT_EQ(stored_.back().expires, now_ + 1h) << "what both know of is kept to";
}

TEST_F(World, OfThePartnersHalfASoleServerLendsForAShortTimeOnly) {
  server_.share_pools(Share::Lower);
  server_.promise_alone_for(10min);
  configure({lan_scope()});
  server_.set_duty(Duty::WholePool);
  const auto seconds = [&] { return options().uint32(option::kLeaseTime); };
  lease(pc1_), lease(pc2_);
  EXPECT_EQ(seconds(), 3600U);
  EXPECT_EQ(lease(pc3_), "192.168.56.102");
  EXPECT_EQ(seconds(), 600U) << "the partner, started while cut off, must be able to wait for its end";
}

TEST_F(World, CutOffSinceItsStartItConfirmsWhatRunsForTheTimeItHasLeftAndNothingElse) {
  lease(pc1_);
  lease(pc2_);
  release(pc2_, "192.168.56.101");
  server_.set_duty(Duty::Hold);
  now_ += 20min;
  EXPECT_EQ(come_back(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(options().uint32(option::kLeaseTime), 2400U);
  EXPECT_EQ(stored_.back().expires, now_ + 40min) << "nothing is promised that was not promised before";
  EXPECT_EQ(renew(pc1_, "192.168.56.100"), "192.168.56.100");
  EXPECT_EQ(options().uint32(option::kLeaseTime), 2400U);
  EXPECT_EQ(discover(pc1_), "no offer") << "it may have given its lease back to the partner";
  EXPECT_EQ(discover(pc2_), "no offer") << "its old address may be another's by now";
  EXPECT_EQ(come_back(pc2_, "192.168.56.101"), "silence");
  EXPECT_EQ(discover(pc3_), "no offer");
  EXPECT_EQ(come_back(pc3_, "10.0.0.9"), "silence") << "nor is anybody refused";
  now_ += 41min;
  EXPECT_EQ(rebind(pc1_, "192.168.56.100"), "silence") << "the partner may have lent it again";
}

TEST_F(World, AloneItGivesNoAddressToAnotherBecauseItsTimeRanOut) {
  server_.share_pools(Share::Lower);
  configure({lan_scope()});
  lease(pc1_);
  lease(pc2_);
  server_.set_duty(Duty::OwnShare);
  now_ += 2h;
  EXPECT_EQ(discover(pc3_), "no offer") << "the partner may have renewed them";
  EXPECT_EQ(lease(pc1_), "192.168.56.100");
}

TEST_F(World, OfTwoRecordsTheLaterOneIsRight) {
  lease(pc1_);
  Lease other = *server_.leases().find(ip("192.168.56.100"));
  other.touched -= 10s;
  other.hostname = "older";
  EXPECT_FALSE(server_.merge(other));
  other.touched += 20s;
  other.state = LeaseState::Released;
  EXPECT_TRUE(server_.merge(other));
  EXPECT_EQ(server_.leases().find(ip("192.168.56.100"))->state, LeaseState::Released);
  other.state = LeaseState::Active;
  EXPECT_FALSE(server_.merge(other)) << "its beginning does not undo its end";
}

TEST_F(World, ALeaseGivenBackAndTakenAgainWithinASecondIsTheNewerRecord) {
  Server partner;
  lease(pc1_);
  release(pc1_, "192.168.56.100");
  lease(pc1_);
  ASSERT_EQ(stored_.size(), 3U);
  for (const auto& row : stored_) partner.merge(row);
  EXPECT_EQ(partner.leases().find(ip("192.168.56.100"))->state, LeaseState::Active);
  EXPECT_FALSE(server_.merge(stored_[1])) << "what the partner had in between does not undo it";
}

TEST_F(World, ASecondMoreOrLessBetweenTheClocksMakesNoOlderRecordTheNewer) {
  lease(pc1_);
  release(pc1_, "192.168.56.100");
  lease(pc1_);
  ASSERT_EQ(stored_.size(), 3U);
  for (const auto off : {-1s, 0s, 1s}) {
    Server partner;
    partner.merge(stored_[1]);
    Lease last = stored_[2];
    last.touched += off;
    EXPECT_TRUE(partner.merge(last)) << off.count();
    Lease former = stored_[1];
    former.touched += off;
    EXPECT_FALSE(server_.merge(former)) << off.count();
  }
}

TEST_F(World, ThePartnersOffersAreNoAlarm) {
  discover(pc1_);
  server_.know_partner({ip("192.168.56.66")});
  take(pc1_, "192.168.56.200", "192.168.56.66");
  EXPECT_FALSE(outcome_.alarming);
}

}  // namespace
}  // namespace lab::dhcp
