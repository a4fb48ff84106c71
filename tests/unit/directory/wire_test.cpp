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
/// A value of BER, shorter than 128 bytes.
std::string tlv(std::string_view tag, const std::string& content) {
  return bytes(tag) + static_cast<char>(content.size()) + content;
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

TEST(Wire, ALongAnswerIsAskedForInPages) {
  Wire wire;
  Search search;
  search.base = "dc=a";
  search.page = 2;
  search.page_cookie = "k";
  const int id = *wire.search(search);
  // RFC 2696 2: SEQUENCE { size 2, cookie "k" }
  EXPECT_NE(hex(wire.take_output())
                .find("30060201020401"
                      "6b"),
            std::string::npos);
  const auto rest = tlv("30", bytes("020100") + tlv("04", "next"));
  const auto control = tlv("30", tlv("04", "1.2.840.113556.1.4.319") + tlv("04", rest));
  feed(wire, tlv("30", bytes(fmt::format("0201{:02x}", id)) + tlv("65", bytes("0a010004000400")) +
                           tlv("a0", control)));
  auto reply = wire.next();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->page_cookie, "next");
}

TEST(Wire, AControlWithoutItsValueIsNoCrash) {
  Wire wire;
  Search search;
  search.page = 2;
  const int id = *wire.search(search);
  const auto control = tlv("30", tlv("04", "1.2.840.113556.1.4.319"));
  feed(wire, tlv("30", bytes(fmt::format("0201{:02x}", id)) + tlv("65", bytes("0a010004000400")) +
                           tlv("a0", control)));
  auto reply = wire.next();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->page_cookie, "");
}

TEST(Wire, AFollowedSearchGivesEachChangeAsItComes) {
  Wire wire;
  wire.deliver_each();
  Search search;
  search.base = "dc=a";
  search.follow_from = "rid=000,csn=x";
  const int id = *wire.search(search);
  // RFC 4533 2.2: SEQUENCE { refreshAndPersist (3), cookie }
  EXPECT_NE(hex(wire.take_output()).find("30120a0103040d" + hex("rid=000,csn=x")), std::string::npos);
  // IntermediateResponse: Sync Info, refreshDelete without anything (all before is told)
  feed(wire, tlv("30", bytes(fmt::format("0201{:02x}", id)) +
                           tlv("79", tlv("80", "1.3.6.1.4.1.4203.1.9.1.4") + tlv("81", bytes("a100")))));
  auto told = wire.next();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->part, Reply::Part::UpToDate);
  feed(wire, bytes(fmt::format("30180201{:02x}64130404636e3d61300b30090402636e3103040161", id)));
  auto changed = wire.next();
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->part, Reply::Part::Change);
  EXPECT_EQ(changed->entries.at(0).dn, "cn=a");
  EXPECT_FALSE(wire.next());
  feed(wire, result(id, "65", 52));
  auto end = wire.next();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->part, Reply::Part::Whole);
  EXPECT_EQ(end->code, 52);
}

TEST(Wire, AReferenceToAnotherServerIsHandedOn) {
  Wire wire;
  Search search;
  search.base = "dc=a";
  const int id = *wire.search(search);
  const std::string url = "ldap://b/dc=b";
  const auto number = bytes(fmt::format("0201{:02x}", id));
  feed(wire, tlv("30", number + tlv("73", tlv("04", url))) +
                 tlv("30", number + tlv("65", bytes("0a010a04000400") + tlv("a3", tlv("04", url)))));
  auto reply = wire.next();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->references, std::vector<std::string>{"ldap://b/dc=b"});
  EXPECT_EQ(reply->referrals, std::vector<std::string>{"ldap://b/dc=b"});
  EXPECT_EQ(reply->code, 10);
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
