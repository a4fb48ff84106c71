// Signatures of DNS updates; that name servers accept them is for tests/integration/dhcp/names.py, with lab-dnsd and BIND.
#include "dhcp/tsig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/dns_update.hpp"

namespace lab::dhcp {
namespace {

using testing::HasSubstr;

TsigKey key(const char* secret = "MTIzNDU2Nzg5MGFiY2RlZg==") { return *TsigKey::make("dhcp.helper.bac", "hmac-sha256", secret); }

Bytes update() { return *encode_update({.zone = "helper.bac", .prerequisites = {}, .updates = {}}, 0x1234); }

TEST(Tsig, TheSignatureIsARecordOfItsOwn) {
  auto message = update();
  const auto before = message.size();
  Tsig(key()).sign(message, 1'700'000'000);
  EXPECT_EQ(read16(std::span(message).subspan(10)), 1) << "ARCOUNT";
  const auto record = std::span(message).subspan(before);
  const Bytes name{4, 'd', 'h', 'c', 'p', 6, 'h', 'e', 'l', 'p', 'e', 'r', 3, 'b', 'a', 'c', 0};
  EXPECT_TRUE(std::ranges::equal(record.first(name.size()), name));
  EXPECT_EQ(read16(record.subspan(name.size())), 250);
  EXPECT_EQ(read16(std::span(message).last(6)), 0x1234) << "the original id";
}

TEST(Tsig, KeysThatAreNoneAreExplained) {
  EXPECT_THAT(TsigKey::make("k", "hmac-md4", "MTIz").error().text(), HasSubstr("hmac-sha256"));
  EXPECT_THAT(TsigKey::make("k", "hmac-sha256", "not base64!").error().text(), HasSubstr("tsig-keygen"));
  EXPECT_FALSE(TsigKey::make("", "hmac-sha256", ""));
}

TEST(Tsig, AnUnsignedAnswerIsNotBelieved) {
  auto message = update();
  Tsig tsig(key());
  tsig.sign(message, 1'700'000'000);
  Bytes plain = update();
  plain[2] |= 0x80;
  EXPECT_THAT(tsig.check(plain, 1'700'000'000).error().text(), HasSubstr("not signed"));
}

TEST(Tsig, EveryCutAnswerIsRefused) {
  auto message = update();
  Tsig tsig(key());
  tsig.sign(message, 1'700'000'000);
  for (std::size_t size = 0; size <= message.size(); ++size)
    EXPECT_FALSE(tsig.check(std::span(message).first(size), 1'700'000'000)) << size;
}

}  // namespace
}  // namespace lab::dhcp
