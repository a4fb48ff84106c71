#include "dhcp/v6/lease_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

namespace lab::dhcp::v6 {
namespace {

class Store6 : public testing::Test {
 protected:
  Store6() : folder_(std::filesystem::temp_directory_path() / ("lab-store6-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Store6() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return (folder_ / "leases6.db").string(); }
  static void save(LeaseStore& store, StoreChange change) {
    std::promise<bool> on_disk;
    store.save(std::move(change), [&](const Error* error) { on_disk.set_value(error == nullptr); });
    EXPECT_TRUE(on_disk.get_future().get());
  }
  std::filesystem::path folder_;
};

TEST_F(Store6, KeepsLeasesNamesAndTheServersOwnDuid) {
  const ServerTime t{std::chrono::seconds(1'700'000'000)};
  {
    LeaseStore::Content content;
    content.duid = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
    auto store = LeaseStore::open(path(), content);
    ASSERT_TRUE(store) << store.error().text();
    Lease lease{.kind = IaKind::Prefixes,
                .address = *IpAddress::parse("fd00:100::"),
                .length = 56,
                .state = LeaseState::Active,
                .duid = std::string("\0\3\0\1abcdef", 10),
                .iaid = 0xFFFFFFFF,
                .mac = MacAddress({2, 0, 0, 0, 0, 9}),
                .hostname = "pc1",
                .started = t,
                .expires = t + std::chrono::hours(1)};
    save(**store,
         {.leases = {lease},
          .names = {{.address = lease.address, .fqdn = "pc1.helper.bac", .client = "x", .hardware = {}}}});
  }
  LeaseStore::Content content;
  content.duid = {9, 9, 9};
  auto store = LeaseStore::open(path(), content);
  ASSERT_TRUE(store);
  EXPECT_EQ(content.duid, (Bytes{0, 3, 0, 1, 2, 0, 0, 0, 0, 1})) << "clients know the server by it";
  ASSERT_EQ(content.leases.size(), 1U);
  const Lease& l = content.leases.front();
  EXPECT_EQ(l.text(), "fd00:100::/56");
  EXPECT_EQ(l.duid.size(), 10U);
  EXPECT_EQ(l.iaid, 0xFFFFFFFFU);
  EXPECT_EQ(l.mac, MacAddress({2, 0, 0, 0, 0, 9}));
  EXPECT_EQ(l.expires, t + std::chrono::hours(1));
  ASSERT_EQ(content.names.size(), 1U);
  EXPECT_EQ(content.names.front().fqdn, "pc1.helper.bac");
}

TEST_F(Store6, HasOneOwner) {
  LeaseStore::Content content;
  const auto store = LeaseStore::open(path(), content);
  ASSERT_TRUE(store);
  LeaseStore::Content other;
  EXPECT_FALSE(LeaseStore::open(path(), other));
  EXPECT_TRUE(LeaseStore::open(path(), other, LeaseStore::Access::Read));
}

}  // namespace
}  // namespace lab::dhcp::v6
