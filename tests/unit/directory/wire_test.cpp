#include "directory/wire.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lab::directory {
namespace {

std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}
std::string hex(std::string_view text) {
  std::string out;
  for (char c : text) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}
/// An answer of one byte of result code: "61" BindResponse, "65" SearchResultDone.
std::string result(int id, std::string_view tag, int code) {
  return bytes(fmt::format("300c0201{:02x}{}070a01{:02x}04000400", id, tag, code));
}
void feed(Wire& wire, std::string_view text) { wire.feed({text.data(), text.size()}); }

TEST(Wire, ExternalBindIsTheBytesTheRfcSays) {
  Wire wire;
  EXPECT_EQ(*wire.bind_external(), 1);
  EXPECT_EQ(hex(wire.take_output()), "301802010160130201030400a30c040845585445524e414c0400");
  EXPECT_EQ(wire.take_output(), "");
}

TEST(Wire, AnEmptyPasswordIsNeverSent) {
  Wire wire;
  EXPECT_FALSE(wire.bind("uid=ali,dc=a", ""));
  EXPECT_EQ(wire.take_output(), "");
}

TEST(Wire, AnswersFindTheirQuestionsInAnyOrderAndAnyCut) {
  Wire wire;
  const int one = *wire.bind("uid=ali,dc=a", "right"), two = *wire.bind("uid=awa,dc=a", "wrong");
  const auto both = result(two, "61", 49) + result(one, "61", 0);
  std::vector<std::pair<int, int>> got;
  for (char c : both) {
    feed(wire, {&c, 1});
    while (auto reply = wire.next()) got.emplace_back(reply->id, reply->code);
  }
  EXPECT_EQ(got, (std::vector<std::pair<int, int>>{{two, 49}, {one, 0}}));
}

TEST(Wire, ASearchIsAnsweredOnceWithAllItsEntries) {
  Wire wire;
  const int id = *wire.search({.base = "dc=a",
                               .scope = Scope::Subtree,
                               .filter = "(uid=ali)",
                               .attributes = {"cn"},
                               .size_limit = 0});
  // SearchResultEntry "cn=a" with cn: a (RFC 4511 4.5.2)
  const auto one = bytes(fmt::format("30180201{:02x}64130404636e3d61300b30090402636e3103040161", id));
  feed(wire, one);
  EXPECT_FALSE(wire.next());
  feed(wire, one + result(id, "65", 0));
  auto reply = wire.next();
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->entries.size(), 2U);
  EXPECT_EQ(reply->entries[1].dn, "cn=a");
  EXPECT_EQ(reply->entries[1].first("cn"), "a");
  EXPECT_FALSE(wire.next());
}

TEST(Wire, ABadFilterIsRefusedBeforeItIsSent) {
  Wire wire;
  EXPECT_FALSE(wire.search(
      {.base = "dc=a", .scope = Scope::Base, .filter = "(uid=ali", .attributes = {}, .size_limit = 0}));
}

TEST(Wire, AnotherProtocolIsRecognised) {
  Wire wire;
  (void)wire.bind_external();
  feed(wire, "220 mail.helper.bac ESMTP ready, and who are you to ask for a directory here?\r\n");
  EXPECT_FALSE(wire.next());
  EXPECT_TRUE(wire.broken());
}

TEST(Wire, AMessageBeyondTheLimitIsNotRead) {
  Wire wire({.message = 1000});
  (void)wire.bind_external();
  feed(wire, bytes("3084000fffff"));
  EXPECT_FALSE(wire.next());
  EXPECT_TRUE(wire.broken());
}

TEST(Wire, GoodByeIsSaidOnce) {
  Wire wire;
  wire.unbind();
  EXPECT_EQ(hex(wire.take_output()).substr(0, 4), "3005");
  wire.unbind();
  EXPECT_EQ(wire.take_output(), "");
  EXPECT_FALSE(wire.bind_external());
}

}  // namespace
}  // namespace lab::directory
