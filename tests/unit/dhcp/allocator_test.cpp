// Large pools and long times: the allocator must stay right when nothing is new any more.
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;

Machine machine(unsigned n) {
  return {MacAddress({2, 0, 0, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
                      static_cast<std::uint8_t>(n)})};
}

class LargePool : public World {
 protected:
  LargePool() {
    Scope scope = lan_scope();
    scope.network = *Network::parse("10.0.0.0/16");
    scope.server_id = ip("10.0.0.1");
    scope.ranges = {*AddressRange::parse("10.0.1.0-10.0.8.255"), *AddressRange::parse("10.0.20.0-10.0.20.9")};
    scope.excluded = {*AddressRange::parse("10.0.1.5-10.0.1.6")};
    configure({scope});
  }
  std::string lease(const Machine& m) {
    const auto offered = discover(m);
    return offered == "no offer" ? offered : take(m, offered, "10.0.0.1");
  }
};

TEST_F(LargePool, EveryAddressIsLentOnceAndOnlyOnce) {
  std::set<std::string> lent;
  for (unsigned i = 0; i < 2048 + 10 - 2; ++i) EXPECT_TRUE(lent.insert(lease(machine(i))).second);
  EXPECT_FALSE(lent.contains("no offer"));
  EXPECT_FALSE(lent.contains("10.0.1.5")) << "excluded";
  EXPECT_EQ(lease(machine(9999)), "no offer");
  wait(2h);
  EXPECT_EQ(stored_.size(), 2U * 2056) << "each lease was stored as granted and as expired";
  std::set<std::string> again;
  for (unsigned i = 5000; i < 5000 + 2056; ++i) EXPECT_TRUE(again.insert(lease(machine(i))).second);
  EXPECT_FALSE(again.contains("no offer"));
}

TEST_F(LargePool, RenewedLeasesDoNotExpireByTheirFirstTime) {
  lease(machine(1));
  for (int i = 0; i < 10; ++i) {
    wait(50min);
    EXPECT_EQ(rebind(machine(1), "10.0.1.0"), "10.0.1.0");
  }
  EXPECT_EQ(lease(machine(2)), "10.0.1.1");
}

}  // namespace
}  // namespace lab::dhcp
