#include "mail/stream.hpp"

#include <gmock/gmock.h>
#include <malloc.h>
#include <unistd.h>

#include "tests/unit/mail/dialogue.hpp"

namespace lab::mail {
namespace {
using namespace std::chrono_literals;
using test::run;
using test::test_tls;

struct StreamTest : testing::Test {
  boost::asio::io_context io;
  std::unique_ptr<Stream> server, client;
  void SetUp() override { std::tie(server, client) = Stream::pipe(io.get_executor()); }
};

awaitable<void> nothing() { co_return; }

awaitable<void> say(Stream& stream, std::string text) {
  stream.send(text);
  EXPECT_TRUE(co_await stream.flush());
}

awaitable<std::string> next_line(Stream& stream) {
  auto line = co_await stream.read_line(1000);
  co_return line ? std::string(line->text) : std::string("!") + describe(line.error());
}

TEST_F(StreamTest, LinesComeOneByOneHoweverTheyArrive) {
  auto write = [&]() -> awaitable<void> {
    for (char c : std::string("EHLO pc1\r\nNOOP\r\n")) co_await say(*client, std::string(1, c));
    co_await say(*client, "RSET\r\nQUIT\r\n");
    co_await client->close();
  };
  auto read = [&]() -> awaitable<void> {
    EXPECT_EQ(co_await next_line(*server), "EHLO pc1");
    EXPECT_EQ(co_await next_line(*server), "NOOP");
    EXPECT_EQ(co_await next_line(*server), "RSET");
    EXPECT_EQ(co_await next_line(*server), "QUIT");
    EXPECT_EQ(co_await next_line(*server), "!the peer closed the connection");
  };
  run(io, write(), read());
}

TEST_F(StreamTest, SaysWhetherALineEndedInCrLf) {
  auto read = [&]() -> awaitable<void> {
    auto strict = co_await server->read_line(100);
    EXPECT_TRUE(strict->crlf);
    auto bare = co_await server->read_line(100);
    EXPECT_FALSE(bare->crlf);
    EXPECT_EQ(bare->text, "from nc");
  };
  run(io, say(*client, "good\r\nfrom nc\n"), read());
}

TEST_F(StreamTest, ALineTooLongIsThrownAwayAndTheDialogueGoesOn) {
  auto read = [&]() -> awaitable<void> {
    auto line = co_await server->read_line(512);
    EXPECT_EQ(line.error(), StreamError::LineTooLong);
    EXPECT_EQ(co_await next_line(*server), "NOOP");
  };
  std::string text(100000, 'x');
  run(io, say(*client, text.append("\r\nNOOP\r\n")), read());
}

TEST_F(StreamTest, ALineOfExactlyTheLimitIsTaken) {
  auto read = [&]() -> awaitable<void> {
    auto line = co_await server->read_line(512);
    EXPECT_EQ(line->text.size(), 512u);
    auto longer = co_await server->read_line(512);
    EXPECT_EQ(longer.error(), StreamError::LineTooLong);
  };
  run(io, say(*client, std::string(512, 'x') + "\r\n" + std::string(513, 'y') + "\r\n"), read());
}

TEST_F(StreamTest, AnEndlessLineEndsTheDialogueWithoutFillingMemory) {
  auto flood = [&]() -> awaitable<void> {
    client->expires_after(5s);
    for (int i = 0; i < 64; ++i) {
      client->send(std::string(65536, 'x'));
      if (!co_await client->flush()) co_return;
    }
  };
  auto read = [&]() -> awaitable<void> {
    auto line = co_await server->read_line(512);
    EXPECT_EQ(line.error(), StreamError::Broken);
    EXPECT_EQ(server->failure(), "a line without an end");
    server.reset();
  };
  run(io, flood(), read());
}

TEST_F(StreamTest, RepliesToPipelinedCommandsLeaveTogether) {
  auto serve = [&]() -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      co_await server->read_line(100);
      server->send("250 ok\r\n");
      EXPECT_EQ(server->unsent(), static_cast<std::size_t>(i + 1) * 8);
    }
    co_await server->read_line(100);
  };
  auto ask = [&]() -> awaitable<void> {
    co_await say(*client, "A\r\nB\r\nC\r\n");
    co_await client->fill();
    EXPECT_EQ(client->buffered(), "250 ok\r\n250 ok\r\n250 ok\r\n");
    co_await client->close();
  };
  run(io, serve(), ask());
}

TEST_F(StreamTest, ReadsExactlyAsManyBytesAsALiteralHas) {
  auto read = [&]() -> awaitable<void> {
    EXPECT_EQ(co_await next_line(*server), "BDAT 70000");
    std::string body(70000, '\0');
    EXPECT_TRUE(co_await server->read_exactly(body));
    EXPECT_EQ(body, std::string(70000, 'm'));
    EXPECT_EQ(co_await next_line(*server), "QUIT");
  };
  run(io, say(*client, "BDAT 70000\r\n" + std::string(70000, 'm') + "QUIT\r\n"), read());
}

TEST_F(StreamTest, ASilentPeerTimesOut) {
  auto read = [&]() -> awaitable<void> {
    server->expires_after(20ms);
    EXPECT_EQ(co_await next_line(*server), "!timed out");
    server->expires_after(1h);  // the dialogue may say goodbye after it
    server->send("421 too slow\r\n");
    EXPECT_TRUE(co_await server->flush());
  };
  auto wait = [&]() -> awaitable<void> { EXPECT_EQ(co_await next_line(*client), "421 too slow"); };
  run(io, read(), wait());
}

TEST_F(StreamTest, ALaterDeadlineReplacesAnEarlierOne) {
  auto read = [&]() -> awaitable<void> {
    server->expires_after(10ms);
    server->expires_after(10s);
    EXPECT_EQ(co_await next_line(*server), "late");
  };
  auto late = [&]() -> awaitable<void> {
    boost::asio::steady_timer timer(io, 50ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_await say(*client, "late\r\n");
  };
  run(io, read(), late());
}

TEST_F(StreamTest, APeerThatReadsNothingCannotHoldTheWriter) {
  auto write = [&]() -> awaitable<void> {
    server->expires_after(50ms);
    Streamed<void> done;
    while (done) done = co_await server->write(std::string(100000, 'x'));
    EXPECT_EQ(done.error(), StreamError::TimedOut);
  };
  run(io, write(), nothing());
}

TEST_F(StreamTest, InterruptWakesWhoeverWaitsForALineButLetsAMessageArrive) {
  auto read = [&]() -> awaitable<void> {
    EXPECT_EQ(co_await next_line(*server), "!interrupted");
    std::array<char, 4> body{};
    EXPECT_TRUE(co_await server->read_exactly(body));
    EXPECT_EQ(std::string(body.data(), 4), "body");
    EXPECT_EQ(co_await next_line(*server), "!interrupted");
  };
  auto interrupt = [&]() -> awaitable<void> {
    server->interrupt();
    co_await boost::asio::post(io, boost::asio::use_awaitable);
    co_await say(*client, "body");
  };
  run(io, read(), interrupt());
}

TEST_F(StreamTest, NothingSaidBeforeTheHandshakeSurvivesIt) {
  auto serve = [&]() -> awaitable<void> {
    EXPECT_EQ(co_await next_line(*server), "STARTTLS");
    server->send("220 go ahead\r\n");
    EXPECT_TRUE(co_await server->accept_tls(test_tls().server));
    EXPECT_EQ(co_await next_line(*server), "EHLO inside");
    server->send("250 secret\r\n");
    co_await server->close();
  };
  auto ask = [&]() -> awaitable<void> {
    co_await say(*client, "STARTTLS\r\nMAIL FROM:<smuggled@evil.test>\r\n");
    EXPECT_EQ(co_await next_line(*client), "220 go ahead");
    auto done = co_await client->connect_tls(test_tls().client, "mail.helper.bac");
    EXPECT_TRUE(done) << client->failure();
    EXPECT_EQ(client->tls_version(), "TLSv1.3");
    co_await say(*client, "EHLO inside\r\n");
    EXPECT_EQ(co_await next_line(*client), "250 secret");
    EXPECT_EQ(co_await next_line(*client), "!the peer closed the connection");
  };
  run(io, serve(), ask());
}

TEST_F(StreamTest, ACertificateForAnotherNameIsRefused) {
  auto serve = [&]() -> awaitable<void> {
    auto done = co_await server->accept_tls(test_tls().server);
    if (!done) co_return;  // which side notices first is TLS 1.3's business
    EXPECT_EQ(co_await next_line(*server), "!connection broken");
  };
  auto ask = [&]() -> awaitable<void> {
    auto done = co_await client->connect_tls(test_tls().client, "mail.other.bac");
    EXPECT_FALSE(done);
    EXPECT_THAT(client->failure(), testing::HasSubstr("ostname mismatch"));
    client.reset();
  };
  run(io, serve(), ask());
}

TEST_F(StreamTest, ManyMegabytesPassThroughTlsInBothDirections) {
  const std::string body(5'000'000, 'b');
  auto echo = [&](Stream& stream) -> awaitable<void> {
    EXPECT_TRUE(co_await stream.accept_tls(test_tls().server));
    std::string got(body.size(), '\0');
    EXPECT_TRUE(co_await stream.read_exactly(got));
    EXPECT_TRUE(co_await stream.write(got));
    co_await stream.close();
  };
  auto ask = [&]() -> awaitable<void> {
    EXPECT_TRUE(co_await client->connect_tls(test_tls().client, "mail.helper.bac"));
    co_await say(*client, body);
    std::string got(body.size(), '\0');
    EXPECT_TRUE(co_await client->read_exactly(got));
    EXPECT_EQ(got, body);
  };
  run(io, echo(*server), ask());
}

TEST_F(StreamTest, GarbageInsteadOfAHandshakeBreaksThisStreamOnly) {
  auto serve = [&]() -> awaitable<void> {
    auto done = co_await server->accept_tls(test_tls().server);
    EXPECT_EQ(done.error(), StreamError::Broken);
    EXPECT_FALSE(server->failure().empty());
  };
  run(io, serve(), say(*client, "GET / HTTP/1.0\r\n\r\n"));
}

TEST_F(StreamTest, WritingToAPeerThatLeftIsAnErrorNotASignal) {
  client.reset();
  auto write = [&]() -> awaitable<void> {
    Streamed<void> done;
    for (int i = 0; i < 3 && done; ++i) {
      server->send("250 anyone?\r\n");
      done = co_await server->flush();
    }
    EXPECT_FALSE(done);
  };
  run(io, write(), nothing());
}

TEST(StreamMemory, AnIdleTlsConnectionHoldsAtMostFortyKilobytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have an allocator of their own";
#endif
  constexpr int kConnections = 50;
  boost::asio::io_context io;
  test_tls();
  std::vector<std::unique_ptr<Stream>> servers, clients;
  auto serve = [](Stream& stream) -> awaitable<void> {
    EXPECT_TRUE(co_await stream.accept_tls(test_tls().server));
    EXPECT_EQ(co_await next_line(stream), "NOOP");
    stream.send("250 ok\r\n");
    EXPECT_TRUE(co_await stream.flush());
  };
  auto ask = [](Stream& stream) -> awaitable<void> {
    EXPECT_TRUE(co_await stream.connect_tls(test_tls().client, "mail.helper.bac"));
    co_await say(stream, "NOOP\r\n");
    EXPECT_EQ(co_await next_line(stream), "250 ok");
  };
  auto before = ::mallinfo2().uordblks;
  for (int i = 0; i < kConnections; ++i) {
    auto [a, b] = Stream::pipe(io.get_executor());
    run(io, serve(*a), ask(*b));
    io.restart();
    servers.push_back(std::move(a));
    clients.push_back(std::move(b));
  }
  auto both_ends = (::mallinfo2().uordblks - before) / kConnections;
  EXPECT_LE(both_ends, 2 * 40 * 1024u);
}

}  // namespace
}  // namespace lab::mail
