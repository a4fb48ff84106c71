// Which names are wanted in DNS as leases come and go.
#include "dhcp/dns_names.hpp"

#include <gtest/gtest.h>

namespace lab::dhcp {
namespace {

class NamesTest : public testing::Test {
 protected:
  std::vector<DnsName> lease(const char* address, const char* client, const char* fqdn,
                             LeaseState state = LeaseState::Active) {
    return names_.follow({.address = *IpAddress::parse(address),
                          .state = state,
                          .client = client,
                          .hardware = client,
                          .hostname = {}},
                         fqdn);
  }
  /// "add pc1.helper.bac", "remove …" or "nothing"; then done.
  std::string work(bool refused = false) {
    const auto name = names_.next();
    if (!name) return "nothing";
    last_ = names_.finished(*name, refused);
    return (name->state == NameState::ToAdd ? "add " : "remove ") + name->fqdn;
  }
  DnsNames names_;
  std::optional<DnsName> last_;
};

TEST_F(NamesTest, LeaseRegistersItsNameOnce) {
  EXPECT_EQ(lease("10.0.0.1", "a", "pc1.lab").size(), 1U);
  EXPECT_EQ(work(), "add pc1.lab");
  EXPECT_EQ(last_->state, NameState::Present);
  EXPECT_TRUE(lease("10.0.0.1", "a", "pc1.lab").empty()) << "a renewal changes nothing";
  EXPECT_EQ(work(), "nothing");
}

TEST_F(NamesTest, EndOfTheLeaseRemovesIt) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  EXPECT_EQ(lease("10.0.0.1", "a", "pc1.lab", LeaseState::Released).size(), 1U);
  EXPECT_EQ(work(), "remove pc1.lab");
  EXPECT_TRUE(last_->forget);
  EXPECT_EQ(work(), "nothing");
}

TEST_F(NamesTest, NewNameReplacesTheOld) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  EXPECT_EQ(lease("10.0.0.1", "a", "pc9.lab").size(), 2U);
  EXPECT_EQ(work(), "remove pc1.lab");
  EXPECT_EQ(work(), "add pc9.lab");
}

TEST_F(NamesTest, SameNameOfANewOwnerIsFirstTakenFromTheOld) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  lease("10.0.0.1", "b", "pc1.lab");
  EXPECT_EQ(work(), "remove pc1.lab");
  EXPECT_EQ(work(), "add pc1.lab");
}

TEST_F(NamesTest, RefusedNameIsAskedForAgainAtTheNextRenewal) {
  lease("10.0.0.1", "a", "srv.lab");
  EXPECT_EQ(work(true), "add srv.lab");
  EXPECT_EQ(last_->state, NameState::Refused);
  EXPECT_EQ(work(), "nothing");
  EXPECT_EQ(lease("10.0.0.1", "a", "srv.lab").size(), 1U);
  EXPECT_EQ(work(), "add srv.lab");
}

TEST_F(NamesTest, UnfinishedWorkSurvivesARestart) {
  DnsNames again;
  for (const auto& row : lease("10.0.0.1", "a", "pc1.lab")) again.restore(row);
  ASSERT_TRUE(again.next());
  EXPECT_EQ(again.next()->fqdn, "pc1.lab");
}

TEST_F(NamesTest, AnswerThatComesTooLateIsForgotten) {
  lease("10.0.0.1", "a", "pc1.lab");
  const auto adding = *names_.next();
  lease("10.0.0.1", "a", "pc1.lab", LeaseState::Released);
  EXPECT_FALSE(names_.finished(adding, false));
  EXPECT_EQ(work(), "remove pc1.lab");
}

// ---- two servers that did not hear each other for a while

class TwoServers : public NamesTest {
 protected:
  static DnsName row(const char* fqdn, NameState state, const char* client = "a") {
    return {.address = *IpAddress::parse("10.0.0.1"),
            .fqdn = fqdn,
            .client = client,
            .hardware = client,
            .state = state};
  }
  void agree(Later later, const std::vector<DnsName>& partners, LeaseState state = LeaseState::Active,
             const char* client = "a") {
    names_.agree({.address = *IpAddress::parse("10.0.0.1"),
                  .state = state,
                  .client = client,
                  .hardware = client,
                  .hostname = {}},
                 "pc1.lab", partners, later);
  }
  std::string all_work() {
    std::string done;
    for (auto step = work(); step != "nothing"; step = work()) done += step + ". ";
    return done;
  }
};

TEST_F(TwoServers, WhatThePartnerRegisteredIsNotRegisteredAgain) {
  lease("10.0.0.1", "a", "pc1.lab");
  agree(Later::Same, {row("pc1.lab", NameState::Present)});
  EXPECT_EQ(all_work(), "");
}

TEST_F(TwoServers, WhatThePartnerOnlyPromisedIsNotPromisedAgain) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  agree(Later::Same, {row("pc1.lab", NameState::ToAdd)});
  EXPECT_EQ(all_work(), "");
}

TEST_F(TwoServers, ANameThePartnerTookAwayIsKnownToBeGone) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  agree(Later::PartnersOfOurClient, {}, LeaseState::Released);
  EXPECT_EQ(all_work(), "remove pc1.lab. ");
  lease("10.0.0.1", "a", "pc1.lab");
  EXPECT_EQ(all_work(), "add pc1.lab. ") << "it was believed to be there";
}

TEST_F(TwoServers, TheNameOfTheFormerOwnerGoesWhoeverRegisteredIt) {
  lease("10.0.0.1", "a", "pc1.lab");
  work();
  agree(Later::Partners, {row("pc1.lab", NameState::Present, "b")}, LeaseState::Active, "b");
  EXPECT_EQ(all_work(), "remove pc1.lab. ");
  EXPECT_EQ(names_.of(*IpAddress::parse("10.0.0.1")).size(), 1U);
  agree(Later::Ours, {row("pc0.lab", NameState::Present)}, LeaseState::Active, "b");
  EXPECT_EQ(all_work(), "remove pc0.lab. ");
}

TEST_F(TwoServers, ANameThatBothHaveHandledIsRegisteredOnceMore) {
  lease("10.0.0.1", "a", "pc1.lab");
  lease("10.0.0.1", "a", "pc1.lab", LeaseState::Released);
  agree(Later::PartnersOfOurClient, {row("pc1.lab", NameState::Present)});
  EXPECT_EQ(all_work(), "add pc1.lab. ") << "our removal may have been the later";
  lease("10.0.0.1", "a", "pc1.lab", LeaseState::Released);
  work();
  agree(Later::PartnersOfOurClient, {row("pc1.lab", NameState::Present)});
  EXPECT_EQ(all_work(), "add pc1.lab. ");
}

}  // namespace
}  // namespace lab::dhcp
