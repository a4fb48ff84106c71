// Our client with our server over a pipe, and with servers that misbehave.
#include "mail/smtp/client.hpp"

#include <gmock/gmock.h>

#include "mail/smtp/session.hpp"
#include "tests/unit/mail/dialogue.hpp"
#include "tests/unit/mail/post.hpp"

namespace lab::mail::smtp {
namespace {
using queue::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

struct SmtpClient : test::PostTest {
  queue::Parcel parcel;
  std::vector<Verdict> verdicts;
  Verdict greeted;

  void SetUp() override {
    PostTest::SetUp();
    parcel.message = {.id = "1",
                      .return_path = "eve@other.bac",
                      .smtputf8 = false,
                      .body_8bit = false,
                      .accepted = 0,
                      .warned = false};
    to({"ali@helper.bac"});
  }
  void to(std::vector<std::string> addresses) {
    parcel.recipients.clear();
    for (auto& a : addresses) parcel.recipients.push_back({0, a, "helper.bac", 0});
  }
  awaitable<void> deliver(Stream& stream, std::string message, tls::Context tls) {
    Client client(stream, "mx.other.bac", "mail.helper.bac", {});
    greeted = co_await client.hello(tls);
    if (greeted.outcome == Verdict::Outcome::Delivered) verdicts = co_await client.send(parcel, message);
    if (verdicts.size() == parcel.recipients.size())
      verdicts = co_await client.send(parcel, message);  // twice over one dialogue
    co_await client.quit();
  }
  awaitable<void> serve(Stream& stream) {
    Settings settings;
    settings.hostname = "mail.helper.bac";
    settings.domain = "helper.bac";
    settings.tls_available = context->tls != nullptr;
    Session session(stream, *context, std::make_shared<Shared>(), settings, 1);
    co_await session.run();
  }
  void exchange(std::string message = "A: b\r\n\r\n.dot\r\n", tls::Context tls = {}) {
    auto [server, client] = Stream::pipe(io.get_executor());
    test::run(io, serve(*server), deliver(*client, std::move(message), std::move(tls)));
  }
  /// A server that answers with these lines, whatever it hears, then hangs up.
  void exchange_with(std::string script) {
    auto [server, client] = Stream::pipe(io.get_executor());
    auto play = [](std::unique_ptr<Stream> stream, std::string lines) -> awaitable<void> {
      stream->send(lines);
      co_await stream->flush();
      stream->expires_after(std::chrono::milliseconds(200));
      while (co_await stream->fill()) stream->consume(stream->buffered().size());
      co_await stream->close();
    };
    test::run(io, play(std::move(server), std::move(script)), deliver(*client, "A: b\r\n\r\n", {}));
  }
  std::vector<std::string> statuses() const {
    std::vector<std::string> list;
    for (auto& v : verdicts) list.push_back(v.status);
    return list;
  }
};

TEST_F(SmtpClient, DeliversToOurOwnServer) {
  to({"ali@helper.bac", "nobody@helper.bac", "awa@helper.bac"});
  exchange();
  EXPECT_THAT(statuses(), ElementsAre("2.0.0", "5.1.1", "2.0.0"));
  EXPECT_THAT(inbox("ali@helper.bac"), SizeIs(2));
  EXPECT_THAT(inbox("awa@helper.bac")[0], HasSubstr("A: b\r\n\r\n.dot\r\n"));
}

TEST_F(SmtpClient, EncryptsWhereItIsOffered) {
  context->tls = test::test_tls().server;
  exchange("A: b\r\n\r\n", tls::client_context("").value());
  EXPECT_THAT(statuses(), ElementsAre("2.0.0"));
  EXPECT_THAT(inbox("ali@helper.bac")[0], HasSubstr("with ESMTPS id"));
}

TEST_F(SmtpClient, NobodyTakenMeansNothingSent) {
  to({"nobody@helper.bac"});
  exchange();
  EXPECT_THAT(statuses(), ElementsAre("5.1.1"));
}

TEST_F(SmtpClient, WhatIsTooLargeIsNotEvenTried) {
  exchange_with("220 x\r\n250-x\r\n250 SIZE 3\r\n221 bye\r\n");
  EXPECT_THAT(statuses(), ElementsAre("5.3.4"));
}

TEST_F(SmtpClient, AnInternationalAddressNeedsAServerThatKnowsIt) {
  to({"aïcha@helper.bac"});
  exchange_with("220 x\r\n250 x\r\n221 bye\r\n");
  EXPECT_THAT(statuses(), ElementsAre("5.6.7"));
}

TEST_F(SmtpClient, AnOldServerIsGreetedWithHelo) {
  exchange_with(
      "220 x\r\n500 what?\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n250 ok\r\n250 ok\r\n250 "
      "ok\r\n354 go\r\n250 taken\r\n");
  EXPECT_THAT(statuses(), ElementsAre("2.0.0"));
}

TEST_F(SmtpClient, AServerThatHangsUpAnywhereIsTriedLater) {
  const std::string whole = "220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n";
  for (std::size_t cut = 0; cut <= whole.size(); cut += 3) {
    verdicts.clear();
    greeted = {};
    exchange_with(whole.substr(0, cut));
    EXPECT_NE(greeted.outcome, Verdict::Outcome::Never) << cut;
    for (auto& v : verdicts) EXPECT_EQ(v.outcome, Verdict::Outcome::Later) << cut;
    io.restart();
  }
}

TEST_F(SmtpClient, NonsenseIsNoAnswer) {
  exchange_with("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(greeted.outcome, Verdict::Outcome::Later);
}

TEST_F(SmtpClient, ARefusedSenderIsRefusedForAll) {
  to({"a@x", "b@x"});
  exchange_with(
      "220 x\r\n250-x\r\n250 PIPELINING\r\n550 5.7.1 not you\r\n503 no\r\n503 no\r\n503 no\r\n250 ok\r\n550 "
      "5.7.1 not you\r\n503 no\r\n503 no\r\n503 no\r\n");
  EXPECT_THAT(statuses(), ElementsAre("5.7.1", "5.7.1"));
}

}  // namespace
}  // namespace lab::mail::smtp
