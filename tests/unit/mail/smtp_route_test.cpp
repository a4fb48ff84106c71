// Where mail for a domain goes, by what DNS says.
#include "mail/route/mail_route.hpp"

#include <gmock/gmock.h>

#include <boost/asio.hpp>
#include <map>

namespace lab::mail::route {
namespace {
using testing::ElementsAre;

struct MemoryLookup final : Lookup {
  std::map<std::pair<std::string, Type>, DnsAnswer> records;
  DnsAnswer otherwise{DnsAnswer::Outcome::NoName, {}, {}};

  MemoryLookup& mx(std::string domain, std::vector<Mx> list) {
    records[{domain, Type::Mx}] = {DnsAnswer::Outcome::Found, std::move(list), {}};
    return *this;
  }
  MemoryLookup& a(std::string host, std::string address) {
    records[{host, Type::A}] = {DnsAnswer::Outcome::Found, {}, {*IpAddress::parse(address)}};
    records.insert({{host, Type::Mx}, {DnsAnswer::Outcome::NoData, {}, {}}});
    return *this;
  }
  boost::asio::awaitable<DnsAnswer> ask(std::string name, Type type) override {
    auto found = records.find({name, type});
    co_return found == records.end() ? otherwise : found->second;
  }
};

MailRoute route(MemoryLookup& lookup, std::string domain) {
  boost::asio::io_context io;
  std::mt19937_64 random(1);
  MailRoute result;
  auto work = [&]() -> boost::asio::awaitable<void> {
    result = co_await find_route(lookup, domain, "mail.helper.bac", random);
  };
  boost::asio::co_spawn(io, work(), boost::asio::detached);
  io.run();
  return result;
}

std::vector<std::string> names(const MailRoute& route) {
  std::vector<std::string> list;
  for (auto& host : route.hosts) list.push_back(host.name);
  return list;
}

TEST(MailRoute, TheLowestPreferenceComesFirst) {
  MemoryLookup lookup;
  lookup.mx("far.bac", {{20, "b.far.bac"}, {10, "a.far.bac"}, {30, "c.far.bac"}});
  for (auto host : {"a.far.bac", "b.far.bac", "c.far.bac"}) lookup.a(host, "10.0.0.1");
  EXPECT_THAT(names(route(lookup, "far.bac")), ElementsAre("a.far.bac", "b.far.bac", "c.far.bac"));
}

TEST(MailRoute, WithoutMxTheDomainItselfIsTheHost) {
  MemoryLookup lookup;
  lookup.a("far.bac", "10.0.0.1");
  EXPECT_THAT(names(route(lookup, "far.bac")), ElementsAre("far.bac"));
}

TEST(MailRoute, NullMxMeansNever) {
  MemoryLookup lookup;
  lookup.mx("no.bac", {{0, ""}}).a("no.bac", "10.0.0.1");
  auto r = route(lookup, "no.bac");
  EXPECT_EQ(r.outcome, MailRoute::Outcome::Never);
  EXPECT_EQ(r.status, "5.1.10");
}

TEST(MailRoute, AnUnknownDomainIsNeverAndASilentServerIsLater) {
  MemoryLookup lookup;
  EXPECT_EQ(route(lookup, "nowhere.bac").status, "5.1.2");
  lookup.otherwise.outcome = DnsAnswer::Outcome::Failed;
  EXPECT_EQ(route(lookup, "nowhere.bac").outcome, MailRoute::Outcome::Later);
  lookup.mx("far.bac", {{10, "a.far.bac"}});
  EXPECT_EQ(route(lookup, "far.bac").outcome, MailRoute::Outcome::Later);
}

TEST(MailRoute, AHostWithoutAddressIsNever) {
  MemoryLookup lookup;
  lookup.mx("far.bac", {{10, "a.far.bac"}});
  EXPECT_EQ(route(lookup, "far.bac").status, "5.4.4");
}

TEST(MailRoute, ABackupServerSendsOnlyToThoseBeforeIt) {
  MemoryLookup lookup;
  lookup.mx("far.bac", {{10, "a.far.bac"}, {20, "mail.helper.bac"}, {20, "peer.bac"}, {30, "c.far.bac"}})
      .a("a.far.bac", "10.0.0.1");
  EXPECT_THAT(names(route(lookup, "far.bac")), ElementsAre("a.far.bac"));
  lookup.mx("loop.bac", {{10, "mail.helper.bac"}});
  EXPECT_EQ(route(lookup, "loop.bac").status, "5.4.6");
}

TEST(MailRoute, AnAddressLiteralNeedsNoDns) {
  MemoryLookup lookup;
  auto r = route(lookup, "[192.168.56.10]");
  ASSERT_EQ(r.hosts.size(), 1u);
  EXPECT_EQ(r.hosts[0].addresses[0].text(), "192.168.56.10");
}

// A question is its own answer but for the flags; records follow.
std::vector<std::uint8_t> answer_to(std::vector<std::uint8_t> query, std::uint8_t rcode,
                                    std::vector<std::vector<std::uint8_t>> records) {
  query.resize(query.size() - 11);  // OPT
  query[2] = 0x81;
  query[3] = static_cast<std::uint8_t>(0x80 | rcode);
  query[7] = static_cast<std::uint8_t>(records.size());
  query[11] = 0;
  for (auto& record : records) query.insert(query.end(), record.begin(), record.end());
  return query;
}

TEST(DnsMessage, ReadsCompressedMxRecords) {
  auto query = *make_query(7, "far.bac", Type::Mx);
  auto packet = answer_to(
      query, 0, {{0xc0, 12, 0, 15, 0, 1, 0, 0, 1, 44, 0, 9, 0, 10, 4, 'M', 'A', 'I', 'L', 0xc0, 12}});
  auto answer = parse_answer(packet, 7, "FAR.bac.", Type::Mx);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->mx, ElementsAre(Mx{10, "mail.far.bac"}));
}

TEST(DnsMessage, FollowsAliases) {
  auto query = *make_query(7, "www.bac", Type::A);
  auto packet = answer_to(query, 0,
                          {{0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 4, 1, 'x', 0xc0, 16},
                           {1, 'x', 0xc0, 16, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 0, 9}});
  auto answer = parse_answer(packet, 7, "www.bac", Type::A);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->addresses.size(), 1u);
  EXPECT_EQ(answer->addresses[0].text(), "10.0.0.9");
}

TEST(DnsMessage, AnswersToOtherQuestionsAreNotTaken) {
  auto query = *make_query(7, "far.bac", Type::Mx);
  auto packet = answer_to(query, 3, {});
  EXPECT_FALSE(parse_answer(packet, 8, "far.bac", Type::Mx));
  EXPECT_FALSE(parse_answer(packet, 7, "other.bac", Type::Mx));
  EXPECT_FALSE(parse_answer(packet, 7, "far.bac", Type::A));
  EXPECT_FALSE(parse_answer(query, 7, "far.bac", Type::Mx)) << "a question is no answer";
  EXPECT_EQ(parse_answer(packet, 7, "far.bac", Type::Mx)->outcome, DnsAnswer::Outcome::NoName);
}

TEST(DnsMessage, NamesThatCannotBeAreRefused) {
  for (auto name : {"", ".", "a..b"}) EXPECT_FALSE(make_query(1, name, Type::Mx)) << name;
  EXPECT_FALSE(make_query(1, std::string(64, 'x'), Type::Mx));
}

}  // namespace
}  // namespace lab::mail::route
