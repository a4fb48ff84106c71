// What a POP3 client sees (RFC 1939).
#include <gmock/gmock.h>

#include "imap_world.hpp"
#include "mail/imap/session.hpp"
#include "mail/pop3/session.hpp"

using namespace lab::mail;
using namespace lab::mail::test;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

const std::string kAli = "ali@helper.bac";

struct Pop3Client : Client {
  explicit Pop3Client(Client client) : Client(std::move(client)) {}
  std::string say(std::string_view command) {
    send(std::string(command) + "\r\n");
    return line();
  }
  /// A multi-line answer.
  std::string all(std::string_view command) {
    auto first = say(command);
    return first.starts_with("+OK") ? until(".\r\n") : first;
  }
};

struct Pop3 : MailWorld {
  Pop3Client open() {
    Pop3Client client(connect(pop3::serve));
    EXPECT_EQ(client.line(), "+OK mail.helper.bac ready\r\n");
    return client;
  }
  Pop3Client logged_in() {
    auto client = open();
    EXPECT_THAT(client.say("USER ali"), StartsWith("+OK"));
    EXPECT_THAT(client.say("PASS Ali-2026"), StartsWith("+OK ali@helper.bac has "));
    return client;
  }
  void deliver(std::initializer_list<const char*> subjects) {
    for (const auto* subject : subjects) EXPECT_EQ(store.deliver({kAli}, letter(subject)), "");
  }
};

std::string stuffed(std::string_view text, std::uint64_t lines = UINT64_MAX, std::size_t piece = SIZE_MAX) {
  pop3::DotStuffer stuffer(lines);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
    if (!stuffer.add(text.substr(at, piece), out)) break;
  stuffer.end(out);
  return out;
}

}  // namespace

TEST(Pop3, ReadsAMailboxInTheOrderOfItsMessages) {
  Pop3 world;
  world.deliver({"a", "b"});
  auto client = world.logged_in();
  const auto size = world.store.text(kAli, "INBOX", 1).size();
  EXPECT_EQ(client.say("STAT"), "+OK 2 " + std::to_string(2 * size) + "\r\n");
  EXPECT_EQ(client.all("LIST"), "1 " + std::to_string(size) + "\r\n2 " + std::to_string(size) + "\r\n.\r\n");
  EXPECT_EQ(client.say("LIST 2"), "+OK 2 " + std::to_string(size) + "\r\n");
  const auto validity = std::to_string(world.store.state(kAli, "INBOX").uidvalidity);
  EXPECT_EQ(client.all("UIDL"), "1 " + validity + "-1\r\n2 " + validity + "-2\r\n.\r\n");
  EXPECT_EQ(client.all("RETR 1"), world.store.text(kAli, "INBOX", 1) + ".\r\n");
  EXPECT_THAT(client.say("RETR 3"), StartsWith("-ERR"));
  EXPECT_THAT(client.say("RETR 0"), StartsWith("-ERR"));
  EXPECT_THAT(client.say("RETR x"), StartsWith("-ERR"));
}

TEST(Pop3, DeletesWithQuitOnly) {
  Pop3 world;
  world.deliver({"a", "b", "c"});
  {
    auto client = world.logged_in();
    EXPECT_THAT(client.say("DELE 1"), StartsWith("+OK"));
    EXPECT_THAT(client.say("RETR 1"), StartsWith("-ERR"));
    EXPECT_THAT(client.say("DELE 1"), StartsWith("-ERR"));
    EXPECT_THAT(client.say("STAT"), StartsWith("+OK 2 "));
    EXPECT_THAT(client.say("RSET"), StartsWith("+OK"));
    EXPECT_THAT(client.say("STAT"), StartsWith("+OK 3 "));
    EXPECT_THAT(client.say("DELE 3"), StartsWith("+OK"));
  }
  auto client = world.logged_in();
  EXPECT_THAT(client.say("STAT"), StartsWith("+OK 3 ")) << "a lost connection deletes nothing";
  client.say("DELE 2");
  EXPECT_EQ(client.say("QUIT"), "+OK goodbye\r\n");
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(world.store.list(kAli), "1: a, 3: c");
}

TEST(Pop3, StuffsDotsHoweverTheTextIsCut) {
  const std::string text = "A: b\r\n\r\n.one\r\n..\r\n.\r\nlast";
  const std::string expected = "A: b\r\n\r\n..one\r\n...\r\n..\r\nlast\r\n.\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    EXPECT_EQ(stuffed(text, UINT64_MAX, piece), expected) << piece;
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    EXPECT_EQ(stuffed(text, 1, piece), "A: b\r\n\r\n..one\r\n.\r\n") << piece;
  EXPECT_EQ(stuffed(text, 0), "A: b\r\n\r\n.\r\n");
  EXPECT_EQ(stuffed(text, 4), expected);
  EXPECT_EQ(stuffed(""), ".\r\n");
}

TEST(Pop3, ShowsTheTopOfAMessage) {
  Pop3 world;
  world.store.deliver({kAli}, letter("top", "one\ntwo\nthree"));
  auto client = world.logged_in();
  const auto whole = world.store.text(kAli, "INBOX", 1);
  EXPECT_EQ(client.all("TOP 1 1"), whole.substr(0, whole.find("two")) + ".\r\n");
  EXPECT_EQ(client.all("TOP 1 99"), whole + ".\r\n");
  EXPECT_THAT(client.say("TOP 1"), StartsWith("-ERR"));
}

TEST(Pop3, RetrievesALargeMessageWhole) {
  Pop3 world;
  std::string body;
  for (int i = 0; body.size() < 1000000; ++i) body += ". line " + std::to_string(i) + "\n";
  world.store.deliver({kAli}, letter("large", body));
  auto client = world.logged_in();
  EXPECT_EQ(client.all("RETR 1"), stuffed(world.store.text(kAli, "INBOX", 1)));
}

TEST(Pop3, AnswersPipelinedCommandsInOrder) {
  Pop3 world;
  auto client = world.open();
  client.send("USER ali\r\nPASS Ali-2026\r\nSTAT\r\nNOOP\r\nQUIT\r\n");
  EXPECT_EQ(client.rest(),
            "+OK and the password?\r\n+OK ali@helper.bac has 0 messages\r\n+OK 0 0\r\n+OK nothing "
            "done\r\n+OK goodbye\r\n");
}

TEST(Pop3, LogsInBySaslToo) {
  Pop3 world;
  EXPECT_THAT(world.open().say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("+OK ali"));
  auto client = world.open();
  EXPECT_EQ(client.say("AUTH LOGIN"), "+ VXNlcm5hbWU6\r\n");
  EXPECT_EQ(client.say("YWxp"), "+ UGFzc3dvcmQ6\r\n");
  EXPECT_THAT(client.say("QWxpLTIwMjY="), StartsWith("+OK ali"));
  EXPECT_EQ(world.open().all("AUTH"), "PLAIN\r\nLOGIN\r\n.\r\n");
}

TEST(Pop3, RefusesWrongPasswordsAndPasswordsInTheClear) {
  Pop3 world;
  auto client = world.open();
  EXPECT_THAT(client.say("STAT"), StartsWith("-ERR log in first"));
  EXPECT_THAT(client.say("PASS x"), StartsWith("-ERR say USER first"));
  for (int i = 0; i < 3; ++i) {
    client.say("USER ali");
    EXPECT_EQ(client.say("PASS wrong"), "-ERR [AUTH] wrong name or password\r\n");
  }
  EXPECT_EQ(client.rest(), "") << "three are enough";
  world.context.tls_required = true;
  EXPECT_THAT(world.open().say("USER ali"), StartsWith("-ERR [AUTH] say STLS first"));
  EXPECT_THAT(world.open().all("CAPA"), testing::Not(HasSubstr("USER\r\n")));
}

TEST(Pop3, KeepsItsNumbersWhileImapChangesTheMailbox) {
  Pop3 world;
  world.deliver({"a", "b", "c"});
  auto pop = world.logged_in();
  auto imap = world.connect(imap::serve);
  imap.ask("a LOGIN ali Ali-2026");
  imap.ask("b SELECT INBOX");
  imap.ask("c STORE 1 +FLAGS (\\Deleted)");
  imap.ask("d EXPUNGE");
  world.deliver({"d"});
  EXPECT_THAT(pop.say("STAT"), StartsWith("+OK 3 "));
  EXPECT_EQ(pop.say("RETR 1"), "-ERR somebody else has deleted it\r\n");
  EXPECT_THAT(pop.all("RETR 2"), HasSubstr("Subject: b\r\n"));
  pop.say("DELE 1");
  pop.say("DELE 2");
  EXPECT_EQ(pop.say("QUIT"), "+OK goodbye\r\n");
  EXPECT_THAT(imap.ask("e NOOP"), HasSubstr("* 1 EXPUNGE\r\n"));
  EXPECT_EQ(world.store.list(kAli), "3: c, 4: d");
}
