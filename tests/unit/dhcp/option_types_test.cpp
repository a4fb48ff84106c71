// Options as people write and read them.
#include "dhcp/option_types.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/domain_list.hpp"

namespace lab::dhcp {
namespace {

using testing::HasSubstr;

/// The value of the option named `name`, written and read again.
std::string there_and_back(const char* name, const std::vector<std::string>& values) {
  const auto* d = definition(std::string_view(name));
  if (d == nullptr) return "unknown option";
  auto bytes = encode_option(d->type, values);
  return bytes ? option_text(d->code, *bytes) : bytes.error().text();
}

TEST(OptionTypes, AreWrittenAndReadAlike) {
  EXPECT_EQ(there_and_back("routers", {"192.168.56.1", "192.168.56.2"}), "192.168.56.1, 192.168.56.2");
  EXPECT_EQ(there_and_back("66", {"tftp.helper.bac"}), "tftp.helper.bac");
  EXPECT_EQ(there_and_back("interface-mtu", {"1400"}), "1400");
  EXPECT_EQ(there_and_back("time-offset", {"-3600"}), "-3600");
  EXPECT_EQ(there_and_back("ip-forwarding", {"true"}), "true");
  EXPECT_EQ(there_and_back("domain-search", {"helper.bac", "lab.helper.bac"}), "helper.bac, lab.helper.bac");
  EXPECT_EQ(
      there_and_back("classless-static-routes", {"10.0.0.0/8 via 192.168.56.1", "default 192.168.56.1"}),
      "10.0.0.0/8 via 192.168.56.1, 0.0.0.0/0 via 192.168.56.1");
  EXPECT_EQ(there_and_back("vendor-encapsulated-options", {"hex:01:02ff"}), "hex:0102ff");
  EXPECT_EQ(there_and_back("client-architecture", {"7", "9"}), "7, 9");
}

TEST(OptionTypes, NamesOfOtherServersAreKnown) {
  EXPECT_EQ(definition(std::string_view("router"))->code, 3);
  EXPECT_EQ(definition(std::string_view("rfc3442-classless-static-routes"))->code, 121);
  EXPECT_EQ(definition(std::string_view("tftp-server"))->code, 66);
  EXPECT_EQ(definition(std::string_view("routerz")), nullptr);
}

TEST(OptionTypes, MistakesSayWhatWouldBeRight) {
  EXPECT_THAT(there_and_back("routers", {"router.helper.bac"}), HasSubstr("expected an IPv4 address"));
  EXPECT_THAT(there_and_back("interface-mtu", {"70000"}), HasSubstr("0 to 65535"));
  EXPECT_THAT(there_and_back("domain-name", {"a", "b"}), HasSubstr("not a list"));
  EXPECT_THAT(there_and_back("domain-name", {""}), HasSubstr("empty"));
}

TEST(OptionTypes, BytesThatDoNotFitTheTypeAreShownAsHex) {
  EXPECT_EQ(option_text(3, Bytes{1, 2, 3}), "hex:010203");
}

TEST(DomainSearch, IsCompressedAsRfc3397Shows) {
  const auto bytes = encode_domain_list({"eng.apple.com", "marketing.apple.com"});
  ASSERT_TRUE(bytes);
  const Bytes expected{3, 'e', 'n', 'g', 5,   'a', 'p', 'p', 'l', 'e', 3,   'c',  'o', 'm',
                       0, 9,   'm', 'a', 'r', 'k', 'e', 't', 'i', 'n', 'g', 0xC0, 0x04};
  EXPECT_EQ(*bytes, expected);
  EXPECT_THAT(*decode_domain_list(*bytes), testing::ElementsAre("eng.apple.com", "marketing.apple.com"));
}

TEST(DomainSearch, PointersThatLoopOrGoForwardAreRefused) {
  EXPECT_FALSE(decode_domain_list(Bytes{0xC0, 0x00}));
  EXPECT_FALSE(decode_domain_list(Bytes{1, 'a', 0xC0, 0x00}));
  EXPECT_FALSE(decode_domain_list(Bytes{0xC0, 0x02, 1, 'a', 0}));
  EXPECT_FALSE(decode_domain_list(Bytes{5, 'a', 'b'}));
}

TEST(DomainSearch, NamesThatCannotExistAreRefused) {
  EXPECT_FALSE(name_to_wire("a..b"));
  EXPECT_FALSE(name_to_wire(std::string(64, 'x') + ".bac"));
}

}  // namespace
}  // namespace lab::dhcp
