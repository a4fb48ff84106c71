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

}  // namespace
}  // namespace lab::dhcp
