// Names in DNS: the updates sent, and what the server's answers lead to (RFC 2136, RFC 4701, RFC 4703).
#include "dhcp/dns_update.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dhcp/domain_list.hpp"

namespace lab::dhcp {
namespace {

NameTarget pc1() {
  return {.fqdn = "pc1.helper.bac",
          .address = *IpAddress::parse("192.168.56.100"),
          .client = "\x01\x02\x4c\x61\x7f\x01\x01",
          .hardware = "\x01\x02\x4c\x61\x7f\x01\x01",
          .forward_zone = "helper.bac",
          .reverse_zone = "56.168.192.in-addr.arpa"};
}

/// Answers every update of the task; returns the zones updated, in order.
std::vector<std::string> answer_all(NameTask& task, std::vector<Rcode> answers) {
  std::vector<std::string> zones;
  std::size_t i = 0;
  while (auto update = task.next()) {
    zones.push_back(update->zone);
    task.answered(i < answers.size() ? answers[i] : Rcode::NoError);
    if (++i > 10) break;
  }
  return zones;
}

TEST(Dhcid, IsAsInTheExamplesOfRfc4701) {  // RFC 4701 3.6, there in base64
  const std::string hardware("\x01\x01\x02\x03\x04\x05\x06", 7), client_id("\x01\x07\x08\x09\x0a\x0b\x0c", 7);
  // AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY=
  EXPECT_EQ(dhcid(hardware, hardware, "client.example.com"),
            (Bytes{0x00, 0x00, 0x01, 0xC4, 0xB9, 0xA5, 0xB2, 0x49, 0x65, 0x13, 0x43, 0x15,
                   0x8D, 0xDE, 0x7B, 0xCC, 0x77, 0x16, 0x98, 0x41, 0xF7, 0xA4, 0x24, 0x3A,
                   0x57, 0x2B, 0x5C, 0x28, 0x3F, 0xFF, 0xED, 0xEB, 0x3F, 0x75, 0xE6}));
  // AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No=
  EXPECT_EQ(dhcid(client_id, hardware, "chi.example.com"),
            (Bytes{0x00, 0x01, 0x01, 0x39, 0x20, 0xFE, 0x5D, 0x1D, 0xCE, 0xB3, 0xFD, 0x0B,
                   0xA3, 0x37, 0x97, 0x56, 0xA7, 0x0D, 0x73, 0xB1, 0x70, 0x09, 0xF4, 0x1D,
                   0x58, 0xBD, 0xDB, 0xFC, 0xD6, 0xA2, 0x50, 0x39, 0x56, 0xD8, 0xDA}));
}

TEST(Dhcid, IgnoresTheCaseOfTheName) {
  EXPECT_EQ(dhcid("a", "b", "PC1.helper.bac"), dhcid("a", "b", "pc1.Helper.BAC"));
}

TEST(Dhcid, TellsKindsOfClientsApart) {
  EXPECT_EQ(dhcid("id", "hw", "x.y")[1], 1);
  EXPECT_EQ(dhcid(std::string("\xFF\0\0\0\1\0\3x", 8), "hw", "x.y")[1], 2);
}

TEST(NameTask, NewNameTakesTwoUpdates) {
  NameTask task(NameTask::Kind::Add, pc1());
  EXPECT_THAT(answer_all(task, {}), testing::ElementsAre("helper.bac", "56.168.192.in-addr.arpa"));
  EXPECT_EQ(task.refusal(), "");
}

TEST(NameTask, OwnNameIsReplaced) {
  NameTask task(NameTask::Kind::Add, pc1());
  EXPECT_EQ(answer_all(task, {Rcode::YxDomain, Rcode::NoError, Rcode::YxDomain, Rcode::NoError}).size(), 4U);
  EXPECT_EQ(task.refusal(), "");
}

TEST(NameTask, HandWrittenNameIsNotTouchedAndGetsNoPointer) {
  NameTask task(NameTask::Kind::Add, pc1());
  EXPECT_THAT(answer_all(task, {Rcode::YxDomain, Rcode::NxRrset}),
              testing::ElementsAre("helper.bac", "helper.bac"));
  EXPECT_EQ(task.refusal(), "pc1.helper.bac belongs to another client or was written by hand");
}

TEST(NameTask, HandWrittenPointerIsNotTouched) {
  NameTask task(NameTask::Kind::Add, pc1());
  answer_all(task, {Rcode::NoError, Rcode::YxDomain, Rcode::NxRrset});
  EXPECT_THAT(task.refusal(), testing::HasSubstr("written by hand"));
}

TEST(NameTask, RemovalTakesTheAddressThenTheMarkThenThePointer) {
  NameTask task(NameTask::Kind::Remove, pc1());
  EXPECT_EQ(answer_all(task, {}).size(), 3U);
  EXPECT_EQ(task.refusal(), "");
}

TEST(NameTask, RemovalOfWhatIsNotOursDoesNothing) {
  NameTask task(NameTask::Kind::Remove, pc1());
  answer_all(task, {Rcode::NxRrset, Rcode::NxDomain});
  EXPECT_EQ(task.refusal(), "");
}

TEST(NameTask, ServerInTroubleIsAskedAgainLater) {
  NameTask task(NameTask::Kind::Add, pc1());
  answer_all(task, {Rcode::ServFail});
  EXPECT_TRUE(task.try_again());
}

TEST(NameTask, ZoneThatTakesNoUpdatesIsNamed) {
  NameTask task(NameTask::Kind::Add, pc1());
  answer_all(task, {Rcode::NoError, Rcode::NotAuth});
  EXPECT_THAT(task.refusal(), testing::HasSubstr("56.168.192.in-addr.arpa: the server answers NOTAUTH"));
}

TEST(ReverseZone, EndsAtAnOctet) {
  EXPECT_EQ(reverse_zone(*Network::parse("192.168.56.0/24")), "56.168.192.in-addr.arpa");
  EXPECT_EQ(reverse_zone(*Network::parse("10.77.0.0/16")), "77.10.in-addr.arpa");
  EXPECT_EQ(reverse_zone(*Network::parse("192.168.56.128/25")), "56.168.192.in-addr.arpa");
}

TEST(ReverseZone, OfASubnetSmallerThanAnOctetHasNamesOfItsOwn) {  // RFC 2317 4
  const auto in = [](const char* zone, const char* address) {
    return classless_name(zone, *IpAddress::parse(address));
  };
  constexpr const char* kZone = "128/26.56.168.192.in-addr.arpa";
  EXPECT_EQ(in(kZone, "192.168.56.130"), "130.128/26.56.168.192.in-addr.arpa");
  EXPECT_EQ(in(kZone, "192.168.56.191"), "191.128/26.56.168.192.in-addr.arpa");
  for (const auto* other : {"192.168.56.127", "192.168.56.192", "192.168.57.130", "fd00::82"})
    EXPECT_FALSE(in(kZone, other)) << other;
  EXPECT_FALSE(in("56.168.192.in-addr.arpa", "192.168.56.130"));
  EXPECT_FALSE(in("128/8.56.168.192.in-addr.arpa", "192.168.56.130"));
  EXPECT_FALSE(in("128/26x.56.168.192.in-addr.arpa", "192.168.56.130"));
}

TEST(UpdateMessage, APointerGoesWhereTheTargetSays) {
  auto target = pc1();
  target.reverse_zone = "0/25.56.168.192.in-addr.arpa";
  target.reverse_name = "100.0/25.56.168.192.in-addr.arpa";
  NameTask task(NameTask::Kind::Add, target);
  task.answered(Rcode::NoError);
  const auto update = task.next();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->zone, "0/25.56.168.192.in-addr.arpa");
  EXPECT_EQ(update->updates.front().name, "100.0/25.56.168.192.in-addr.arpa");
}

TEST(UpdateMessage, SaysWhatItNeedsAndWhatItChanges) {
  NameTask task(NameTask::Kind::Add, pc1());
  const auto bytes = encode_update(*task.next(), 0x1234);
  ASSERT_TRUE(bytes);
  const Bytes header(bytes->begin(), bytes->begin() + 12);
  EXPECT_EQ(header, (Bytes{0x12, 0x34, 0x28, 0, 0, 1, 0, 1, 0, 2, 0, 0}));
}

TEST(UpdateMessage, OnlyTheAnswerToOurQuestionCounts) {
  const Bytes yes{0x12, 0x34, 0xA8, 0x06, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(decode_update_answer(yes, 0x1234), Rcode::YxDomain);
  EXPECT_EQ(decode_update_answer(yes, 0x1235), std::nullopt);
  const Bytes query{0x12, 0x34, 0x28, 0x00, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(decode_update_answer(query, 0x1234), std::nullopt);
  EXPECT_EQ(decode_update_answer(Bytes{0x12, 0x34}, 0x1234), std::nullopt);
}

}  // namespace
}  // namespace lab::dhcp
