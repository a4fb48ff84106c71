// What becomes of mail for other servers: sent, tried again, sent back; and never lost, however often the
// process dies.
#include "mail/queue/queue.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "mail/queue/report.hpp"
#include "tests/unit/mail/post.hpp"

namespace lab::mail::queue {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

/// Other servers in memory: what each address answers, and what arrived.
struct MemoryTransport final : Transport {
  std::map<std::string, Verdict> answers;  // by address; else Delivered
  std::vector<std::string> arrived;        // "address: first line of the message"
  int roads = 0, attempts = 0;

  struct MemoryRoad final : Road {
    explicit MemoryRoad(MemoryTransport& t) : transport(t) {}
    MemoryTransport& transport;
    boost::asio::awaitable<std::vector<Verdict>> send(const Parcel& parcel,
                                                      std::string_view message) override {
      std::vector<Verdict> verdicts;
      ++transport.attempts;
      for (auto& r : parcel.recipients) {
        auto answer = transport.answers.find(r.address);
        Verdict verdict{Verdict::Outcome::Delivered, "2.0.0", "250 ok", "mx.far.bac"};
        if (answer != transport.answers.end()) verdict = answer->second;
        if (verdict.outcome == Verdict::Outcome::Delivered)
          transport.arrived.push_back(r.address + ": " +
                                      std::string(message.substr(0, message.find("\r\n"))));
        verdicts.push_back(verdict);
      }
      co_return verdicts;
    }
    boost::asio::awaitable<void> finish() override { co_return; }
  };
  std::unique_ptr<Road> road_to(const std::string&) override {
    ++roads;
    return std::make_unique<MemoryRoad>(*this);
  }
  void refuse(const std::string& address) {
    answers[address] = {Verdict::Outcome::Never, "5.1.1", "550 5.1.1 no such user", "mx.far.bac"};
  }
  void defer(const std::string& address) {
    answers[address] = {Verdict::Outcome::Later, "4.2.0", "450 4.2.0 later", "mx.far.bac"};
  }
};

struct QueueTest : test::PostTest {
  MemoryTransport transport;
  Schedule schedule{.retry = {1s}, .warn_after = 4h, .give_up_after = 120h};
  std::unique_ptr<Queue> queue;

  void submit(std::function<void(SQLite::Database&)> job) {
    std::promise<bool> done;
    store->submit(std::move(job), [&](const Error* error) { done.set_value(error == nullptr); });
    EXPECT_TRUE(done.get_future().get());
  }
  void start() {
    queue =
        std::make_unique<Queue>(io.get_executor(), *store, accounts, transport, "mail.helper.bac", schedule);
    ASSERT_TRUE(queue->start());
  }
  void put(std::string id, std::string from, std::vector<std::string> to,
           std::time_t accepted = std::time(nullptr)) {
    submit([&](SQLite::Database& database) {
      make_tables(database);
      std::vector<std::pair<std::string, std::string>> recipients;
      for (auto& address : to) recipients.emplace_back(address, address.substr(address.find('@') + 1));
      insert(database, {.id = id, .return_path = from, .accepted = accepted}, recipients,
             "Subject: " + id + "\r\n\r\nbody\r\n", std::time(nullptr));
    });
  }
  std::size_t waiting() {
    std::size_t n = 0;
    submit([&](SQLite::Database& database) { n = count(database); });
    return n;
  }
  template <class Condition>
  void run_until(Condition condition) {
    if (!queue) start();
    queue->wake();
    io.restart();
    auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < end) io.run_for(5ms);
    EXPECT_TRUE(condition());
  }
  void TearDown() override {
    if (queue) queue->stop();
    io.restart();
    io.run_for(20ms);
    queue.reset();
    PostTest::TearDown();
  }
};

TEST_F(QueueTest, WhatIsPutInIsSentAndForgotten) {
  put("one", "ali@helper.bac", {"x@far.bac", "y@far.bac", "z@near.bac"});
  run_until([&] { return waiting() == 0; });
  EXPECT_THAT(transport.arrived,
              testing::UnorderedElementsAre("x@far.bac: Subject: one", "y@far.bac: Subject: one",
                                            "z@near.bac: Subject: one"));
  EXPECT_THAT(inbox("ali@helper.bac"), IsEmpty());
  submit([](SQLite::Database& database) {
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM queue_message").getInt(), 0);
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM queue_chunk").getInt(), 0);
  });
}

TEST_F(QueueTest, MessagesForOneDomainShareARoad) {
  for (auto id : {"one", "two", "three"}) put(id, "ali@helper.bac", {"x@far.bac"});
  run_until([&] { return waiting() == 0; });
  EXPECT_EQ(transport.roads, 1);
}

TEST_F(QueueTest, ATemporaryFailureIsTriedAgain) {
  transport.defer("x@far.bac");
  put("one", "ali@helper.bac", {"x@far.bac", "y@far.bac"});
  run_until([&] { return transport.attempts == 1 && waiting() == 1; });
  EXPECT_THAT(transport.arrived, ElementsAre("y@far.bac: Subject: one"));
  transport.answers.clear();
  run_until([&] { return waiting() == 0; });
  EXPECT_THAT(transport.arrived, ElementsAre("y@far.bac: Subject: one", "x@far.bac: Subject: one"));
}

TEST_F(QueueTest, WhatIsRefusedGoesBackToItsSenderWithTheReason) {
  transport.refuse("x@far.bac");
  put("one", "ali@helper.bac", {"x@far.bac", "y@far.bac"});
  run_until([&] { return waiting() == 0; });
  ASSERT_THAT(inbox("ali@helper.bac"), SizeIs(1));
  auto report = inbox("ali@helper.bac")[0];
  EXPECT_THAT(report, HasSubstr("Return-Path: <>\r\n"));
  EXPECT_THAT(report, HasSubstr("report-type=delivery-status"));
  EXPECT_THAT(
      report,
      HasSubstr("Final-Recipient: rfc822; x@far.bac\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; "
                "mx.far.bac\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"));
  EXPECT_THAT(report, HasSubstr("Subject: one\r\n"));
  EXPECT_THAT(report, Not(HasSubstr("y@far.bac")));
}

TEST_F(QueueTest, ABounceThatCannotBeDeliveredIsDroppedAndNeverAnswered) {
  transport.refuse("x@far.bac");
  put("bounce", "", {"x@far.bac"});
  put("orphan", "gone@helper.bac", {"x@far.bac"});
  run_until([&] { return waiting() == 0; });
  EXPECT_EQ(transport.attempts, 2);
  EXPECT_THAT(inbox("ali@helper.bac"), IsEmpty());
}

TEST_F(QueueTest, ASenderElsewhereIsToldThroughTheQueue) {
  transport.refuse("x@far.bac");
  put("one", "eve@other.bac", {"x@far.bac"});
  run_until([&] { return waiting() == 0 && !transport.arrived.empty(); });
  EXPECT_THAT(transport.arrived, ElementsAre(HasSubstr("eve@other.bac: From: \"Mail Delivery System\"")));
}

TEST_F(QueueTest, TwoServersThatRefuseEachOthersBouncesComeToRest) {
  transport.refuse("x@far.bac");
  transport.refuse("eve@other.bac");
  put("one", "eve@other.bac", {"x@far.bac"});
  run_until([&] { return transport.attempts == 2 && waiting() == 0; });
}

TEST_F(QueueTest, AfterDaysItIsGivenUp) {
  transport.defer("x@far.bac");
  put("old", "ali@helper.bac", {"x@far.bac"}, std::time(nullptr) - 121 * 3600);
  run_until([&] { return waiting() == 0; });
  EXPECT_THAT(inbox("ali@helper.bac"), ElementsAre(HasSubstr("Status: 5.2.0")));
}

TEST_F(QueueTest, TheSenderOfALateMessageIsToldOnce) {
  transport.defer("x@far.bac");
  put("late", "ali@helper.bac", {"x@far.bac"}, std::time(nullptr) - 5 * 3600);
  run_until([&] { return transport.attempts == 3; });
  EXPECT_THAT(inbox("ali@helper.bac"), ElementsAre(HasSubstr("Action: delayed")));
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(QueueTest, ADownDirectoryPostponesTheBounceInsteadOfLosingIt) {
  transport.refuse("x@far.bac");
  accounts.down = true;
  put("one", "ali@helper.bac", {"x@far.bac"});
  run_until([&] { return transport.attempts == 1; });
  run_until([&] { return waiting() == 1; });
  accounts.down = false;
  run_until([&] { return waiting() == 0; });
  EXPECT_THAT(inbox("ali@helper.bac"), SizeIs(1));
}

TEST_F(QueueTest, AnotherProcessGoesOnWhereThisOneDied) {
  transport.defer("x@far.bac");
  put("one", "ali@helper.bac", {"x@far.bac"});
  run_until([&] { return transport.attempts == 1; });
  queue->stop();
  io.run_for(20ms);
  queue.reset();
  context.reset();
  login.reset();
  store.reset();
  open();
  transport.answers.clear();
  run_until([&] { return waiting() == 0; });
  EXPECT_THAT(transport.arrived, ElementsAre("x@far.bac: Subject: one"));
}

TEST_F(QueueTest, ALargeBodyComesBackAsItWentIn) {
  std::string body;
  for (int i = 0; i < 100000; ++i) body += std::to_string(i) + "\r\n";
  submit([&](SQLite::Database& database) {
    make_tables(database);
    insert(database, {.id = "big", .return_path = "", .accepted = 1}, {{"x@far.bac", "far.bac"}}, body, 1);
    EXPECT_EQ(queue::body(database, "big"), body);
  });
}

TEST(Schedule, TheLastPauseIsRepeated) {
  Schedule s{.retry = {30s, 60s, 1h}, .warn_after = 4h, .give_up_after = 120h};
  EXPECT_EQ(s.next_attempt(1, 1000), 1030);
  EXPECT_EQ(s.next_attempt(2, 1000), 1060);
  EXPECT_EQ(s.next_attempt(3, 1000), 4600);
  EXPECT_EQ(s.next_attempt(50, 1000), 4600);
}

TEST(Report, WhatAnotherServerSaidCannotForgeHeaderLines) {
  auto text = write_report({.hostname = "m",
                            .to = "a@b",
                            .original = "Subject: x\r\n\r\nsecret body",
                            .id = "1",
                            .unique = "u",
                            .recipients = {{"x@y", "5.0.0", "550 no\r\nX-Evil: 1", "mx.y"}}});
  EXPECT_THAT(text, Not(HasSubstr("\r\nX-Evil")));
  EXPECT_THAT(text, Not(HasSubstr("secret body")));
}

}  // namespace
}  // namespace lab::mail::queue
