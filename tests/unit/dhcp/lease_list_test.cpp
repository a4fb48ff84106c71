// Leases as CSV and JSON, warnings that do not flood, and how full a scope is.
#include "dhcp/lease_list.hpp"

#include "dhcp/alarms.hpp"
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;

Lease example() {
  return {.address = ip("192.168.56.100"),
          .state = LeaseState::Active,
          .client = std::string("\xFF\0\x01", 3),
          .hardware = std::string("\x01\x02\x4c\x61\0\0\x05", 7),
          .hostname = "pc1",
          .started = ServerTime(1000s),
          .expires = ServerTime(4600s)};
}

TEST(LeaseList, CsvComesBackAsItWent) {
  const auto text = leases_csv({example()});
  EXPECT_EQ(text,
            "address,mac,client_id,hostname,state,started,expires\r\n"
            "192.168.56.100,02:4c:61:00:00:05,ff:00:01,pc1,active,1000,4600\r\n");
  const auto leases = parse_leases_csv(text);
  ASSERT_TRUE(leases) << leases.error().text();
  EXPECT_EQ(leases_csv(*leases), text);
}

TEST(LeaseList, CsvThatIsNoneNamesTheLine) {
  EXPECT_THAT(parse_leases_csv("a,b\n").error().text(), testing::HasSubstr("line 1"));
  EXPECT_THAT(parse_leases_csv(
                  "address,mac,client_id,hostname,state,started,expires\n192.168.56.1,x,y,z,active,1,2\n")
                  .error()
                  .text(),
              testing::HasSubstr("line 2"));
}

TEST(LeaseList, JsonTellsALease) {
  EXPECT_EQ(
      lease_json(example()),
      R"({"address":"192.168.56.100","mac":"02:4c:61:00:00:05","client_id":"ff:00:01","hostname":"pc1","state":"active",)"
      R"("started":1000,"expires":4600,"touched":0})");
}

TEST_F(World, PoolsTellHowFullTheyAre) {
  Scope scope = lan_scope();
  scope.excluded = {*AddressRange::parse("192.168.56.103")};
  configure({scope});
  lease(pc1_);
  lease(pc2_);
  decline(pc2_, "192.168.56.101");
  const auto pools = server_.pools(now_);
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools[0].addresses, 3U);
  EXPECT_EQ(pools[0].leased, 2U);
  EXPECT_EQ(pools[0].resting, 1U);
  wait(2h);
  EXPECT_EQ(server_.pools(now_)[0].leased, 0U);
}

TEST_F(World, AnotherServerOnOurNetworkIsAnAlarm) {
  discover(pc1_);
  take(pc1_, "192.168.56.200", "192.168.56.66");
  EXPECT_TRUE(outcome_.alarming);
  EXPECT_EQ(outcome_.note, "a client took the offer of another DHCP server, 192.168.56.66");
}

TEST(Alarms, SayItOnceAndThenHowOften) {
  Alarms alarms;
  ServerTime now(1000s);
  EXPECT_EQ(alarms.raise("full", now), "full");
  for (int i = 0; i < 99; ++i) EXPECT_FALSE(alarms.raise("full", now));
  EXPECT_EQ(alarms.raise("other", now), "other");
  EXPECT_EQ(alarms.raise("full", now + 31s), "full (99 times more since then)");
}

}  // namespace
}  // namespace lab::dhcp
