// The real server session over an in-memory pipe, with the real store under it.
#include "mail/smtp/session.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "mail/queue/rows.hpp"
#include "tests/unit/mail/dialogue.hpp"
#include "tests/unit/mail/post.hpp"

namespace lab::mail::smtp {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct SmtpSession : test::PostTest {
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  Settings settings;

  void SetUp() override {
    PostTest::SetUp();
    settings.hostname = "mail.helper.bac";
    settings.domain = "helper.bac";
    settings.max_message = 1 << 20;
    queue([](SQLite::Database& database) { queue::make_tables(database); });
  }
  void queue(std::function<void(SQLite::Database&)> job) {
    std::promise<bool> done;
    store->submit(std::move(job), [&](const Error* error) { done.set_value(error == nullptr); });
    EXPECT_TRUE(done.get_future().get());
  }

  awaitable<void> serve(Stream& stream) {
    Session session(stream, *context, shared, settings, 1);
    co_await session.run();
  }
  /// Sends all of `input` in pieces of that size, then closes its side; what was heard, greeting included.
  std::string talk(std::string input, std::size_t piece = std::string::npos) {
    auto [server, client] = Stream::pipe(io.get_executor());
    std::string heard;
    auto speak = [&heard, piece](Stream& stream, std::string text) -> awaitable<void> {
      stream.expires_after(std::chrono::seconds(10));
      for (std::string_view rest = text; !rest.empty();) {
        stream.send(rest.substr(0, piece));
        if (!co_await stream.flush()) break;
        rest.remove_prefix(std::min(piece, rest.size()));
      }
      while (co_await stream.fill()) {
        heard += stream.buffered();
        stream.consume(stream.buffered().size());
        if (heard.ends_with("goodbye\r\n") || heard.find("\r\n421 ") != std::string::npos) break;
      }
      co_await stream.close();
    };
    io.restart();
    test::run(io, serve(*server), speak(*client, std::move(input)));
    return heard;
  }
};

const std::string kHello = "EHLO pc1\r\n";
const std::string kEnvelope = "MAIL FROM:<eve@other.bac>\r\nRCPT TO:<ali@helper.bac>\r\n";

TEST_F(SmtpSession, AMessageIsOnDiskWhenTheServerSaysSo) {
  auto heard = talk(kHello + kEnvelope +
                    "DATA\r\nSubject: hi\r\nMessage-ID: <1@other.bac>\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("is on disk"));
  store.reset();
  open();
  EXPECT_THAT(inbox("ali@helper.bac"),
              ElementsAre(testing::MatchesRegex(
                  "Return-Path: <eve@other.bac>\r\nReceived: from pc1 \\(\\[pipe\\]\\)\r\n.*for "
                  "<ali@helper.bac>;\r\n.*Subject: hi\r\nMessage-ID: <1@other.bac>\r\n\r\n.dot\r\n")));
}

TEST_F(SmtpSession, PipelinedCommandsAreAnsweredInOrder) {
  auto heard =
      talk(kHello + kEnvelope + "RCPT TO:<nobody@helper.bac>\r\nDATA\r\n\r\nx\r\n.\r\nNOOP\r\nQUIT\r\n");
  std::vector<std::string> codes;
  for (std::size_t at = 0; at < heard.size(); at = heard.find("\r\n", at) + 2)
    if (heard[at + 3] == ' ') codes.push_back(heard.substr(at, 3));
  EXPECT_THAT(codes, ElementsAre("220", "250", "250", "250", "550", "354", "250", "250", "221"));
}

TEST_F(SmtpSession, HearsTheSameHoweverTheBytesAreCut) {
  auto input = kHello + kEnvelope + "DATA\r\nA: b\r\n\r\n..x\r\n.\r\nQUIT\r\n";
  for (std::size_t piece : {1, 2, 3, 7}) EXPECT_THAT(talk(input, piece), HasSubstr("is on disk"));
  EXPECT_THAT(inbox("ali@helper.bac"), SizeIs(4));
}

// CVE-2023-51764 and its kin: whatever the line ends around the dot, at most one message comes of one DATA.
TEST_F(SmtpSession, NoMessageIsSmuggledBehindAnother) {
  const std::string smuggled =
      "MAIL FROM:<root@helper.bac>\r\nRCPT TO:<awa@helper.bac>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n";
  for (std::string before : {"\n", "\r", "\r\n", "\r\r\n"})
    for (std::string after : {"\n", "\r", "\r\r\n"}) {
      auto heard = talk(kHello + kEnvelope + "DATA\r\nSubject: x\r\n\r\ntext" + before + "." + after +
                        smuggled + "QUIT\r\n");
      EXPECT_THAT(heard, HasSubstr("554 5.6.0"))
          << testing::PrintToString(before) << testing::PrintToString(after);
    }
  EXPECT_THAT(inbox("awa@helper.bac"), IsEmpty());
  EXPECT_THAT(inbox("ali@helper.bac"), IsEmpty());
}

TEST_F(SmtpSession, ChunksMakeAMessageAndCannotSmuggleEither) {
  EXPECT_THAT(talk(kHello + kEnvelope + "BDAT 14\r\nSubject: a\r\n\r\nBDAT 7 LAST\r\n.\r\nb.\r\nQUIT\r\n"),
              HasSubstr("is on disk"));
  EXPECT_THAT(inbox("ali@helper.bac"), ElementsAre(HasSubstr("Subject: a\r\n\r\n.\r\nb.\r\n")));
  EXPECT_THAT(talk(kHello + kEnvelope + "BDAT 4 LAST\r\na\n\nbQUIT\r\n"), HasSubstr("554 5.6.0"));
}

TEST_F(SmtpSession, SeveralRecipientsGetOneMessageEachOnce) {
  accounts.aliases["contact@helper.bac"] = {
      Destination::Outcome::Known, {"ali@helper.bac", "awa@helper.bac"}, {}, 0, ""};
  talk(kHello + kEnvelope +
       "RCPT TO:<contact@helper.bac>\r\nRCPT TO:<awa@helper.bac>\r\nDATA\r\nA: b\r\n\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(inbox("ali@helper.bac"), SizeIs(1));
  EXPECT_THAT(inbox("awa@helper.bac"), SizeIs(1));
  EXPECT_THAT(inbox("awa@helper.bac")[0], Not(HasSubstr("for <")));  // RFC 5321 7.6: a Bcc stays hidden
}

TEST_F(SmtpSession, MailForAnotherServerWaitsInTheQueueInTheSameTransaction) {
  settings.trusted_network = true;
  bool woken = false;
  shared->queue_filled = [&] { woken = true; };
  talk(kHello + kEnvelope +
       "RCPT TO:<x@far.bac>\r\nRCPT TO:<y@Far.bac>\r\nDATA\r\nA: b\r\n\r\n.\r\nQUIT\r\n");
  EXPECT_TRUE(woken);
  EXPECT_THAT(inbox("ali@helper.bac"), SizeIs(1));
  queue([](SQLite::Database& database) {
    auto parcels = queue::due(database, std::time(nullptr), 100);
    ASSERT_EQ(parcels.size(), 1u);
    EXPECT_EQ(parcels[0].domain, "far.bac");
    EXPECT_EQ(parcels[0].recipients.size(), 2u);
    EXPECT_EQ(parcels[0].message.return_path, "eve@other.bac");
    EXPECT_THAT(queue::body(database, parcels[0].message.id), HasSubstr("A: b\r\n\r\n"));
  });
}

TEST_F(SmtpSession, ASubmittedMessageGetsTheDateAndIdItsProgramLeftOut) {
  settings.submission = true;
  context->tls_required = false;
  settings.auth_without_tls = true;
  auto heard = talk(
      kHello +
      "AUTH PLAIN AGFsaQBBbGktMjAyNg==\r\nMAIL FROM:<ali@helper.bac>\r\nRCPT TO:<awa@helper.bac>\r\nDATA\r\n"
      "From: ali@helper.bac\r\n\r\nhi\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("235 2.7.0"));
  ASSERT_THAT(inbox("awa@helper.bac"), SizeIs(1));
  auto text = inbox("awa@helper.bac")[0];
  EXPECT_THAT(text, HasSubstr(" with ESMTPA id "));
  EXPECT_THAT(text, HasSubstr("\r\nDate: "));
  EXPECT_THAT(text, testing::ContainsRegex("Message-ID: <[0-9]+\\.[0-9a-z]+@mail.helper.bac>\r\n"));
}

TEST_F(SmtpSession, TooLargeIsToldAndTheDialogueGoesOn) {
  std::string body(2 << 20, 'x');
  for (std::size_t i = 998; i < body.size(); i += 1000) body.replace(i, 2, "\r\n");
  auto heard = talk(kHello + kEnvelope + "DATA\r\n" + body + "\r\n.\r\nNOOP\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("552 5.3.4"));
  EXPECT_THAT(heard, HasSubstr("goodbye"));
  EXPECT_EQ(shared->budget.used, 0u);
}

TEST_F(SmtpSession, AMailboxTakesNoMoreThanTheDirectoryAllowsIt) {
  accounts.quotas["awa@helper.bac"] = 2000;
  const std::string mail = "MAIL FROM:<eve@other.bac>\r\nRCPT TO:<awa@helper.bac>\r\nDATA\r\n";
  const auto heard = talk("EHLO x\r\n" + mail + "Subject: a\r\n\r\nshort\r\n.\r\n" + mail + std::string(1900, 'x') +
                          "\r\n.\r\nMAIL FROM:<eve@other.bac> SIZE=1900\r\nRCPT TO:<awa@helper.bac>\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("552 5.2.2 the mailbox of awa@helper.bac has no room for this message\r\n"));
  EXPECT_THAT(heard, HasSubstr("452 4.2.2 the mailbox of awa@helper.bac is full\r\n"));
  EXPECT_THAT(inbox("awa@helper.bac"), SizeIs(1));
}

TEST_F(SmtpSession, MessagesInFlightShareABudget) {
  shared->budget.limit = 1000;
  auto heard = talk(kHello + kEnvelope + "DATA\r\n" + std::string(5000, 'x') + "\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("452 4.3.1"));
  EXPECT_EQ(shared->budget.used, 0u);
}

TEST_F(SmtpSession, AMessageThatGoesInCirclesIsRefused) {
  std::string trace;
  for (int i = 0; i < 100; ++i) trace += "Received: from a by b; now\r\n";
  EXPECT_THAT(talk(kHello + kEnvelope + "DATA\r\n" + trace + "\r\n.\r\nQUIT\r\n"), HasSubstr("554 5.4.6"));
}

TEST_F(SmtpSession, ADownDirectoryIsSaidToBeTemporary) {
  accounts.down = true;
  EXPECT_THAT(talk(kHello + kEnvelope + "QUIT\r\n"), HasSubstr("451 4.4.3"));
}

TEST_F(SmtpSession, AHangUpInTheMiddleOfAMessageStoresNothing) {
  auto whole = kHello + kEnvelope + "DATA\r\nA: b\r\n\r\ntext\r\n.\r\n";
  for (std::size_t cut = 0; cut + 1 < whole.size(); ++cut) {
    auto [server, client] = Stream::pipe(io.get_executor());
    auto speak = [](std::unique_ptr<Stream> stream, std::string text) -> awaitable<void> {
      stream->send(text);
      co_await stream->flush();
      co_await stream->close();
    };
    io.restart();
    test::run(io, serve(*server), speak(std::move(client), whole.substr(0, cut)));
  }
  EXPECT_THAT(inbox("ali@helper.bac"), IsEmpty());
  EXPECT_EQ(shared->budget.used, 0u);
}

TEST_F(SmtpSession, ADrainSaysGoodbyeToWhoeverIsIdle) {
  auto [server, client] = Stream::pipe(io.get_executor());
  std::string heard;
  auto speak = [&](Stream& from, Stream& to) -> awaitable<void> {
    co_await from.read_line(1000);
    to.interrupt();
    if (auto line = co_await from.read_line(1000)) heard = line->text;
  };
  test::run(io, serve(*server), speak(*client, *server));
  EXPECT_THAT(heard, StartsWith("421 4.3.2"));
}

TEST_F(SmtpSession, AnEndlessMessageWithoutLoginCostsNoMemory) {
  settings.limits.drained = 4 << 20;
  auto before = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  }();
  talk(kHello + kEnvelope + "DATA\r\n" + std::string(8 << 20, 'x'));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss - before, 40 * 1024) << "most of it the test's own text";
}

}  // namespace
}  // namespace lab::mail::smtp
