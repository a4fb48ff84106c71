// Leases on disk.
#include "dhcp/lease_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "dhcp/partner_memory.hpp"
#include "dhcp/server_clock.hpp"

namespace lab::dhcp {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() : folder_(testing::TempDir() + "lease_store_test_" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  LeaseStore::Content open() {
    LeaseStore::Content content;
    store_.reset();
    auto opened = LeaseStore::open(folder_ + "/deep/leases.db", content);
    if (opened)
      store_ = std::move(*opened);
    else
      ADD_FAILURE() << opened.error().text();
    return content;
  }
  std::string save(StoreChange change) {
    std::promise<std::string> answer;
    store_->save(std::move(change),
                 [&](const Error* error) { answer.set_value(error == nullptr ? "" : error->text()); });
    return answer.get_future().get();
  }
  static Lease lease(const char* address, const char* name) {
    return {.address = *IpAddress::parse(address),
            .state = LeaseState::Active,
            .client = std::string("\x01\0\xFF", 3),
            .hardware = "\x01hw",
            .hostname = name,
            .started = ServerTime(std::chrono::seconds(1000)),
            .expires = ServerTime(std::chrono::seconds(4600))};
  }
  std::string folder_;
  std::unique_ptr<LeaseStore> store_;
};

TEST_F(StoreTest, WhatIsForgottenLeavesNoRow) {
  open();
  EXPECT_TRUE(store_->try_save({.leases = {lease("192.168.56.100", "pc1")}, .names = {}}));
  EXPECT_EQ(save({.leases = {lease("192.168.56.101", "pc2")}, .names = {}}), "");
  EXPECT_EQ(save({.leases = {}, .names = {}, .forgotten = {*IpAddress::parse("192.168.56.100")}}), "");
  const auto content = open();
  ASSERT_EQ(content.leases.size(), 1U);
  EXPECT_EQ(content.leases[0].hostname, "pc2");
}

TEST_F(StoreTest, WhatWasAnsweredIsThereAfterARestart) {
  EXPECT_TRUE(open().leases.empty());
  EXPECT_EQ(save({.leases = {lease("192.168.56.100", "pc1"), lease("203.0.113.255", "")}, .names = {}}), "");
  const auto content = open();
  ASSERT_EQ(content.leases.size(), 2U);
  EXPECT_EQ(content.leases[0].address.text(), "192.168.56.100");
  EXPECT_EQ(content.leases[0].client, std::string("\x01\0\xFF", 3));
  EXPECT_EQ(content.leases[0].hostname, "pc1");
  EXPECT_EQ(content.leases[0].expires.time_since_epoch().count(), 4600);
  EXPECT_EQ(content.leases[1].address.text(), "203.0.113.255");
}

TEST_F(StoreTest, OneAddressHasOneRow) {
  open();
  save({.leases = {lease("192.168.56.100", "pc1")}, .names = {}});
  save({.leases = {lease("192.168.56.100", "pc2")}, .names = {}});
  const auto content = open();
  ASSERT_EQ(content.leases.size(), 1U);
  EXPECT_EQ(content.leases[0].hostname, "pc2");
}

TEST_F(StoreTest, NamesAreKeptUntilForgotten) {
  open();
  DnsName name{.address = *IpAddress::parse("10.0.0.1"), .fqdn = "pc1.lab", .client = "a", .hardware = "a"};
  EXPECT_EQ(save({.leases = {}, .names = {name}}), "");
  ASSERT_EQ(open().names.size(), 1U);
  name.forget = true;
  EXPECT_EQ(save({.leases = {}, .names = {name}}), "");
  EXPECT_TRUE(open().names.empty());
}

TEST(ServerClock, ALeaseFromBeforeTheClockWasSetBackLastsForItsOwnTimeOnly) {
  const auto at = [](int s) { return ServerTime(std::chrono::seconds(s)); };
  EXPECT_EQ(end_by_clock(at(1000), at(4600), at(2000)), at(4600)) << "an ordinary one";
  EXPECT_EQ(end_by_clock(at(1'000'000), at(1'003'600), at(2000)), at(5600));
  EXPECT_EQ(end_by_clock(at(1000), at(1500), at(2000)), at(1500)) << "after a jump forward it is over";
}

TEST(ServerClock, ARecordFromBeforeTheClockWasSetBackIsNotTheLaterOfTwo) {
  const auto at = [](int s) { return ServerTime(std::chrono::seconds(s)); };
  EXPECT_EQ(order_by_clock(at(1000), at(2000)), at(1000));
  EXPECT_EQ(order_by_clock(at(2004), at(2000)), at(2004)) << "given back and taken again, twice";
  EXPECT_LT(order_by_clock(at(1'000'000), at(2000)), at(1));
}

TEST_F(StoreTest, TheClockOfTheLeasesGoesOnUntilTheMachineIsStartedAnew) {
  std::filesystem::create_directories(folder_);
  const auto leases = folder_ + "/leases.db", path = leases + "-clock";
  ServerClock first;
  ASSERT_TRUE(first.go_on(leases));
  std::string boot;
  std::int64_t wall = 0, since_boot = 0;
  std::ifstream(path) >> boot >> wall >> since_boot;
  const std::chrono::nanoseconds hour = std::chrono::hours(1);
  std::ofstream(path) << boot << ' ' << wall - hour.count() << ' '
                      << since_boot;  // as if it were set forward
  ServerClock next;
  ASSERT_TRUE(next.go_on(leases));
  EXPECT_NEAR(static_cast<double>((first.now() - next.now()).count()), 3600, 1);
  std::ofstream(path) << "another-start " << wall - hour.count() << ' ' << since_boot;
  ServerClock later;
  ASSERT_TRUE(later.go_on(leases));
  EXPECT_NEAR(static_cast<double>((later.now() - first.now()).count()), 0, 1);
  EXPECT_FALSE(ServerClock().go_on("/nowhere/leases.db"));
}

TEST_F(StoreTest, PortsAreRememberedWithTheirAddresses) {
  open();
  const auto address = *IpAddress::parse("192.168.56.100");
  EXPECT_EQ(save({.leases = {lease("192.168.56.100", "pc1")},
                  .names = {},
                  .ports = {{address, "relay 10.0.0.1 port 7"}}}),
            "");
  EXPECT_EQ(save({.leases = {}, .names = {}, .ports = {{address, "relay 10.0.0.1 port 8"}}}), "");
  const auto content = open();
  ASSERT_EQ(content.ports.size(), 1U);
  EXPECT_EQ(content.ports[0].address, address);
  EXPECT_EQ(content.ports[0].port, "relay 10.0.0.1 port 8");
}

TEST_F(StoreTest, ThatThePartnerIsDownIsRememberedForAMomentOrUntilItIsHeard) {
  const PartnerMemory memory(folder_ + "/leases.db-sole");
  const auto at = [](int s) { return ServerTime(std::chrono::seconds(s)); };
  std::filesystem::create_directories(folder_);
  EXPECT_FALSE(memory.recall(at(1000)));
  EXPECT_TRUE(memory.forget()) << "there was nothing to forget";
  ASSERT_TRUE(memory.keep({at(1000), at(1600), at(1000)}));
  const auto kept = PartnerMemory(folder_ + "/leases.db-sole").recall(at(1060));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->own_from, at(1000));
  EXPECT_EQ(kept->whole_from, at(1600));
  EXPECT_FALSE(memory.recall(at(1061))) << "by now the partner may have been told that this server is down";
  EXPECT_FALSE(memory.recall(at(999))) << "the clock was set back";
  ASSERT_TRUE(memory.forget());
  EXPECT_FALSE(memory.recall(at(1000)));
  std::ofstream(folder_ + "/leases.db-sole") << "so";  // cut by a full disk
  EXPECT_FALSE(memory.recall(at(1000)));
  const auto refused = PartnerMemory("/nowhere/leases.db-sole").keep({});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), testing::HasSubstr("must be writable"));
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefused) {
  std::filesystem::create_directories(folder_);
  const auto path = folder_ + "/leases.db";
  FILE* file = fopen(path.c_str(), "w");
  fputs("this is no database, but long enough to be looked at as one: ..................................",
        file);
  fclose(file);
  LeaseStore::Content content;
  EXPECT_FALSE(LeaseStore::open(path, content));
}

}  // namespace
}  // namespace lab::dhcp
