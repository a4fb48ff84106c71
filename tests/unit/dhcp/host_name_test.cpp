// Names that clients give themselves.
#include "dhcp/host_name.hpp"

#include <gtest/gtest.h>

namespace lab::dhcp {
namespace {

TEST(HostName, BecomesALabelThatDnsCanHold) {
  EXPECT_EQ(host_label("PC1"), "pc1");
  EXPECT_EQ(host_label("pc1.helper.bac"), "pc1");
  EXPECT_EQ(host_label("Awa's_PC"), "awas-pc");
  EXPECT_EQ(host_label("-pc-"), "pc");
  EXPECT_EQ(host_label("\xC3\xA9\x01;"), "");
  EXPECT_EQ(host_label(std::string(100, 'a')).size(), 63U);
}

Message with_fqdn(const Bytes& data) {
  Message m;
  m.options.set(option::kClientFqdn, data);
  m.options.set_text(option::kHostName, "fallback");
  return m;
}

TEST(HostName, FullNameWinsOverHostName) {
  EXPECT_EQ(client_host_name(with_fqdn({4, 0, 0, 3, 'p', 'c', '1', 0})), "pc1");
  EXPECT_EQ(client_host_name(with_fqdn({0, 0, 0, 'p', 'c', '1', '.', 'x'})), "pc1");
}

TEST(HostName, AFullNameNobodyUnderstandsIsPassedOver) {
  EXPECT_EQ(client_host_name(with_fqdn({4, 0, 0})), "fallback");
  EXPECT_EQ(client_host_name(with_fqdn({4, 0, 0, 0})), "fallback");
  EXPECT_EQ(client_host_name(with_fqdn({4, 0, 0, 200, 'p'})), "p")
      << "plain text where wire form is announced";
}

}  // namespace
}  // namespace lab::dhcp
