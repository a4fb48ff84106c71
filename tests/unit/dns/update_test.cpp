#include <fmt/format.h>
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "dns/journal.hpp"
#include "dns/record_text.hpp"
#include "dns/update.hpp"
#include "tests/unit/dns/dns_world.hpp"

namespace lab::dns::test {
namespace {

using testing::HasSubstr;
constexpr const char* kZone =
    "$TTL 60\n@ SOA ns root 7 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww CNAME ns\nmail A 10.0.0.2\nmail A "
    "10.0.0.3\na.b TXT x\n";

// An update message in the words of nsupdate.
class UpdateMessage {
 public:
  explicit UpdateMessage(std::string_view zone_name = "helper.bac") {
    m_ = encode({.name = std::string(zone_name), .type = "SOA"}), m_[2] = 0x28;
  }
  UpdateMessage& prerequisite(std::string_view n, std::string_view t, std::uint16_t rrclass,
                              std::string_view data = {}) {
    ++m_[7];
    return record(n, t, rrclass, 0, data);
  }
  UpdateMessage& add(std::string_view n, std::string_view t, std::string_view data, std::uint32_t ttl = 60) {
    return update(n, t, rrclass::IN, ttl, data);
  }
  UpdateMessage& remove(std::string_view n, std::string_view t, std::string_view data) {
    return update(n, t, rrclass::NONE, 0, data);
  }
  UpdateMessage& remove_rrset(std::string_view n, std::string_view t) {
    return update(n, t, rrclass::ANY, 0, {});
  }
  UpdateMessage& update(std::string_view n, std::string_view t, std::uint16_t rrclass, std::uint32_t ttl,
                        std::string_view data) {
    ++m_[9];
    return record(n, t, rrclass, ttl, data);
  }
  UpdateOutcome to(const ZonePtr& z, const Zone* kept = nullptr) const {
    Request request;
    EXPECT_EQ(parse_request(m_, request), Verdict::Good);
    return apply_update(z, kept, request);
  }

 private:
  UpdateMessage& record(std::string_view n, std::string_view t, std::uint16_t rrclass, std::uint32_t ttl,
                        std::string_view data) {
    const Name owner = name(n);
    const std::string rdata =
        data.empty() ? "" : rdata_from_text(type_of(t), data, name("helper.bac")).value();
    std::uint8_t fixed[10];
    put16(fixed, type_of(t));
    put16(fixed + 2, rrclass);
    put32(fixed + 4, ttl);
    put16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
    m_.insert(m_.end(), owner.data(), owner.data() + owner.size());
    m_.insert(m_.end(), fixed, fixed + 10);
    m_.insert(m_.end(), rdata.begin(), rdata.end());
    return *this;
  }
  Bytes m_;
};

std::vector<std::string> at(const Zone& z, std::string_view n) {
  std::vector<std::string> out;
  for (const RRset& set : rrsets_of(z.find(name(n))))
    for (const std::string& rdata : set.rdata)
      out.push_back(
          fmt::format("{} {} {}", set.ttl, type_text(set.type), rdata_text(set.type, as_bytes(rdata))));
  return out;
}

TEST(Update, AddsAndBumpsTheSerialOnce) {
  const auto u = UpdateMessage()
                     .add("pc1.helper.bac", "A", "10.0.0.9")
                     .add("pc2.helper.bac", "A", "10.0.0.8")
                     .to(zone("helper.bac", kZone));
  ASSERT_TRUE(u.zone) << u.why;
  EXPECT_EQ(u.zone->serial(), 8U);
  EXPECT_THAT(at(*u.zone, "pc1.helper.bac"), testing::ElementsAre("60 A 10.0.0.9"));
  EXPECT_EQ(u.diff.added.size(), 3U) << "two addresses and the SOA";
}

TEST(Update, LeavesTheSerialWhereNothingChanges) {
  EXPECT_FALSE(UpdateMessage().add("ns.helper.bac", "A", "10.0.0.1").to(zone("helper.bac", kZone)).zone);
  EXPECT_FALSE(UpdateMessage().remove_rrset("nobody.helper.bac", "A").to(zone("helper.bac", kZone)).zone);
}

TEST(Update, SkipsZeroWhenTheSerialWraps) {
  const auto z = zone("helper.bac", "$TTL 60\n@ SOA a b 4294967295 2 3 4 5\n@ NS a\n");
  EXPECT_EQ(UpdateMessage().add("x.helper.bac", "A", "10.0.0.9").to(z).zone->serial(), 1U);
}

TEST(Update, TakesASerialThatGoesForwardOnly) {
  const auto z = zone("helper.bac", kZone);
  EXPECT_EQ(UpdateMessage().add("helper.bac", "SOA", "ns root 100 2 3 4 5").to(z).zone->serial(), 100U);
  EXPECT_FALSE(UpdateMessage().add("helper.bac", "SOA", "ns root 6 2 3 4 5").to(z).zone);
}

TEST(Update, ReplacesTheTtlOfTheRRset) {
  const auto u = UpdateMessage().add("mail.helper.bac", "A", "10.0.0.4", 5).to(zone("helper.bac", kZone));
  EXPECT_THAT(at(*u.zone, "mail.helper.bac"),
              testing::ElementsAre("5 A 10.0.0.2", "5 A 10.0.0.3", "5 A 10.0.0.4"));
}

TEST(Update, DoesNothingWhenOnePartIsWrong) {
  const auto u = UpdateMessage()
                     .add("pc1.helper.bac", "A", "10.0.0.9")
                     .add("elsewhere.org", "A", "10.0.0.9")
                     .to(zone("helper.bac", kZone));
  EXPECT_EQ(u.rcode, Rcode::NotZone);
  EXPECT_FALSE(u.zone);
}

TEST(Update, ChecksPrerequisites) {
  const auto z = zone("helper.bac", kZone);
  auto code = [&](std::string_view n, std::string_view t, std::uint16_t c, std::string_view data = {}) {
    return UpdateMessage().prerequisite(n, t, c, data).to(z).rcode;
  };
  EXPECT_EQ(code("ns.helper.bac", "ANY", rrclass::ANY), Rcode::NoError);
  EXPECT_EQ(code("no.helper.bac", "ANY", rrclass::ANY), Rcode::NxDomain);
  EXPECT_EQ(code("b.helper.bac", "ANY", rrclass::ANY), Rcode::NxDomain)
      << "an empty non-terminal is not in use (RFC 2136 2.4.4)";
  EXPECT_EQ(code("ns.helper.bac", "ANY", rrclass::NONE), Rcode::YxDomain);
  EXPECT_EQ(code("ns.helper.bac", "MX", rrclass::ANY), Rcode::NxRRset);
  EXPECT_EQ(code("ns.helper.bac", "A", rrclass::NONE), Rcode::YxRRset);
  EXPECT_EQ(code("ns.helper.bac", "A", rrclass::IN, "10.0.0.1"), Rcode::NoError);
  EXPECT_EQ(code("mail.helper.bac", "A", rrclass::IN, "10.0.0.2"), Rcode::NxRRset)
      << "the whole RRset must match";
  EXPECT_EQ(code("x.org", "ANY", rrclass::ANY), Rcode::NotZone);
  EXPECT_EQ(code("ns.helper.bac", "A", 77), Rcode::FormErr);
  EXPECT_EQ(UpdateMessage()
                .prerequisite("mail.helper.bac", "A", rrclass::IN, "10.0.0.3")
                .prerequisite("mail.helper.bac", "A", rrclass::IN, "10.0.0.2")
                .to(z)
                .rcode,
            Rcode::NoError);
}

TEST(Update, RefusesWhatIsNoRecord) {
  const auto z = zone("helper.bac", kZone);
  EXPECT_EQ(UpdateMessage().update("x.helper.bac", "ANY", rrclass::IN, 60, {}).to(z).rcode, Rcode::FormErr);
  EXPECT_EQ(UpdateMessage().update("x.helper.bac", "A", rrclass::IN, 60, {}).to(z).rcode, Rcode::FormErr);
  EXPECT_EQ(UpdateMessage().update("x.helper.bac", "A", rrclass::ANY, 60, {}).to(z).rcode, Rcode::FormErr);
  EXPECT_EQ(UpdateMessage().update("x.helper.bac", "AXFR", rrclass::ANY, 0, {}).to(z).rcode, Rcode::FormErr);
  EXPECT_EQ(UpdateMessage().update("x.helper.bac", "A", 77, 0, {}).to(z).rcode, Rcode::FormErr);
}

TEST(Update, ACnameTakesThePlaceOfACnameAndOfNothingElse) {  // PowerDNS/pdns#6270, #7776, #17155
  const auto z = zone("helper.bac", kZone);
  EXPECT_FALSE(UpdateMessage().add("mail.helper.bac", "CNAME", "ns", 0).to(z).zone);
  EXPECT_FALSE(UpdateMessage().add("www.helper.bac", "A", "10.0.0.1", 0).to(z).zone);
  EXPECT_THAT(at(*UpdateMessage().add("www.helper.bac", "CNAME", "mail").to(z).zone, "www.helper.bac"),
              testing::ElementsAre("60 CNAME mail.helper.bac."));
  EXPECT_TRUE(UpdateMessage().add("b.helper.bac", "CNAME", "mail").to(z).zone)
      << "over an empty non-terminal";
  EXPECT_TRUE(
      UpdateMessage().remove_rrset("mail.helper.bac", "A").add("mail.helper.bac", "CNAME", "ns").to(z).zone)
      << "in one message, in order";
}

TEST(Update, AsksForTheSoaBeforehandAsWindowsDoes) {  // terraform-provider-dns#692
  const auto z = zone("helper.bac", kZone);
  EXPECT_TRUE(UpdateMessage()
                  .prerequisite("helper.bac", "SOA", rrclass::ANY)
                  .add("helper.bac", "NS", "ns2")
                  .to(z)
                  .zone);
  EXPECT_TRUE(UpdateMessage()
                  .prerequisite("helper.bac", "SOA", rrclass::IN, "ns root 7 2 3 4 5")
                  .add("helper.bac", "NS", "ns2")
                  .to(z)
                  .zone);
  EXPECT_EQ(UpdateMessage()
                .prerequisite("helper.bac", "SOA", rrclass::IN, "ns root 6 2 3 4 5")
                .add("helper.bac", "NS", "ns2")
                .to(z)
                .rcode,
            Rcode::NxRRset)
      << "somebody was faster";
}

TEST(Update, KeepsSoaAndTheLastNs) {
  const auto z = zone("helper.bac", kZone);
  EXPECT_FALSE(UpdateMessage().remove_rrset("helper.bac", "ANY").to(z).zone);
  EXPECT_FALSE(UpdateMessage().remove("helper.bac", "NS", "ns").to(z).zone);
  const auto two = UpdateMessage().add("helper.bac", "NS", "ns2").remove("helper.bac", "NS", "ns").to(z);
  EXPECT_THAT(at(*two.zone, "helper.bac"), testing::Contains("60 NS ns2.helper.bac."));
}

TEST(Update, CannotRemoveWhatIsKept) {  // TechnitiumSoftware/DnsServer#394: a lease's end took hand-written
                                        // records along
  const auto file = zone("helper.bac", kZone);
  const auto added = UpdateMessage().add("mail.helper.bac", "A", "10.0.0.99").to(file, file.get()).zone;
  const auto removed = UpdateMessage().remove_rrset("mail.helper.bac", "ANY").to(added, file.get()).zone;
  EXPECT_THAT(at(*removed, "mail.helper.bac"), testing::ElementsAre("60 A 10.0.0.2", "60 A 10.0.0.3"));
}

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    char pattern[] = "/tmp/journal-test.XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Journal> open() { return std::move(Journal::open(folder_, name("helper.bac")).value()); }
  static JournalEntry entry(std::uint32_t to) {
    return {42, to - 1, to, {{}, {{name("pc.helper.bac"), type::A, 60, {"\1\2\3\4", 4}}}}};
  }
  std::string folder_;
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  auto journal = open();
  ASSERT_TRUE(journal->append(entry(2)) && journal->append(entry(3)) && journal->sync());
  const auto again = open();
  ASSERT_EQ(again->entries().size(), 2U);
  EXPECT_EQ(again->entries()[1].to, 3U);
  EXPECT_EQ(again->entries()[1].base, 42U);
  EXPECT_EQ(again->entries()[1].diff.added[0].rdata, "\1\2\3\4");
}

TEST_F(JournalTest, DropsATornEndWhereverItIsTorn) {
  ASSERT_TRUE(open()->append(entry(2)));
  const std::string file = folder_ + "/helper.bac.journal";
  const auto whole = std::filesystem::file_size(file);
  ASSERT_TRUE(open()->append(entry(3)));
  for (auto size = std::filesystem::file_size(file) - 1; size > whole; --size) {
    std::filesystem::resize_file(file, size);
    ASSERT_EQ(open()->entries().size(), 1U) << size;
    ASSERT_TRUE(open()->append(entry(3)));
  }
}

TEST_F(JournalTest, IsReplacedWhole) {
  auto journal = open();
  for (std::uint32_t i = 2; i < 50; ++i) ASSERT_TRUE(journal->append(entry(i)));
  ASSERT_TRUE(journal->rewrite({entry(99)}));
  ASSERT_TRUE(journal->append(entry(100)));
  ASSERT_EQ(open()->entries().size(), 2U);
}

TEST_F(JournalTest, RefusesAFileThatIsNone) {
  std::filesystem::create_directories(folder_);
  FILE* f = fopen((folder_ + "/helper.bac.journal").c_str(), "w");
  fputs("something else entirely", f);
  fclose(f);
  EXPECT_THAT(Journal::open(folder_, name("helper.bac")).error().text(), HasSubstr("is not a journal"));
}

}  // namespace
}  // namespace lab::dns::test
