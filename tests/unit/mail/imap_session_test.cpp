// What an IMAP client sees (RFC 3501), with the traps real clients lay.
#include <gmock/gmock.h>

#include "imap_world.hpp"
#include "mail/imap/session.hpp"

using namespace lab::mail;
using namespace lab::mail::test;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

const std::string kAli = "ali@helper.bac";

struct Imap : MailWorld {
  Client open() {
    auto client = connect(imap::serve);
    EXPECT_THAT(client.line(), StartsWith("* OK [CAPABILITY IMAP4rev1 "));
    return client;
  }
  Client logged_in() {
    auto client = open();
    EXPECT_THAT(client.ask("in LOGIN ali Ali-2026"), StartsWith("in OK [CAPABILITY "));
    return client;
  }
  Client selected() {
    auto client = logged_in();
    EXPECT_THAT(client.ask("se SELECT inbox"), EndsWith("se OK [READ-WRITE] selected\r\n"));
    return client;
  }
  void deliver(std::initializer_list<const char*> subjects) {
    for (const auto* subject : subjects) EXPECT_EQ(store.deliver({kAli}, letter(subject)), "");
  }
};

std::string append(Client& client, const std::string& options, const std::string& message) {
  client.send("ap APPEND " + options + " {" + std::to_string(message.size()) + "}\r\n");
  EXPECT_THAT(client.line(), StartsWith("+ "));
  client.send(message + "\r\n");
  return client.until("ap ");
}

}  // namespace

TEST(ImapLogin, TakesPasswordsInEveryForm) {
  Imap world;
  for (const std::string line :
       {"a LOGIN ali Ali-2026", "a LOGIN \"ali\" \"Ali-2026\"", "a LOGIN {3+}\r\nali {8+}\r\nAli-2026",
        "a AUTHENTICATE PLAIN AGFsaQBBbGktMjAyNg==", "a login ali@helper.bac Ali-2026"})
    EXPECT_THAT(world.open().ask(line), StartsWith("a OK [CAPABILITY ")) << line;
  auto client = world.open();
  client.send("a AUTHENTICATE LOGIN\r\n");
  EXPECT_EQ(client.line(), "+ VXNlcm5hbWU6\r\n");
  client.send("YWxp\r\n");
  EXPECT_EQ(client.line(), "+ UGFzc3dvcmQ6\r\n");
  client.send("QWxpLTIwMjY=\r\n");
  EXPECT_THAT(client.line(), StartsWith("a OK"));
}

TEST(ImapLogin, RefusesWrongPasswordsAndEndsAfterThree) {
  Imap world;
  auto client = world.open();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(client.ask("a LOGIN ali wrong"), StartsWith("a NO [AUTHENTICATIONFAILED]"));
  client.send("a LOGIN ali wrong\r\n");
  EXPECT_THAT(client.rest(), HasSubstr("* BYE"));
}

TEST(ImapLogin, IsRefusedWithTheRuleWhereAPolicyForbidsIt) {
  Imap world;
  world.people.rules.protocols = {"pop3", "smtp"};
  world.people.rules.protocols_from = "group students";
  EXPECT_THAT(world.open().ask("a LOGIN ali Ali-2026"),
              HasSubstr("a NO [CONTACTADMIN] ali@helper.bac may not use imap (policy of group students); allowed: "
                        "pop3, smtp\r\n"));
}

TEST(ImapLogin, IsDisabledWithoutTlsWhereTlsIsRequired) {
  Imap world;
  world.context.tls_required = true;
  auto client = world.connect(imap::serve);
  EXPECT_THAT(client.line(), HasSubstr(" LOGINDISABLED]"));
  EXPECT_THAT(client.ask("a LOGIN ali Ali-2026"), StartsWith("a NO [PRIVACYREQUIRED]"));
  EXPECT_THAT(client.ask("b AUTHENTICATE PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("b NO [PRIVACYREQUIRED]"));
}

TEST(ImapState, KeepsCommandsToTheirPlaces) {
  Imap world;
  auto client = world.open();
  EXPECT_THAT(client.ask("a SELECT INBOX"), StartsWith("a BAD log in first"));
  EXPECT_THAT(client.ask("b NOOP"), StartsWith("b OK"));
  EXPECT_THAT(client.ask("c LOGIN ali Ali-2026"), StartsWith("c OK"));
  EXPECT_THAT(client.ask("d LOGIN ali Ali-2026"), StartsWith("d BAD"));
  EXPECT_THAT(client.ask("e FETCH 1 FLAGS"), StartsWith("e BAD select"));
  EXPECT_THAT(client.ask("f XYZZY"), StartsWith("f BAD unknown command"));
  client.send("\r\n");
  client.send("g LOGOUT\r\n");
  EXPECT_EQ(client.rest(), "* BYE until next time\r\ng OK logged out\r\n");
}

TEST(ImapSelect, SaysHowTheMailboxStands) {
  Imap world;
  world.deliver({"a", "b"});
  auto client = world.logged_in();
  const auto answer = client.ask("a SELECT INBOX");
  EXPECT_THAT(answer, HasSubstr("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"));
  EXPECT_THAT(answer, HasSubstr("* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]"));
  EXPECT_THAT(answer, HasSubstr("* 2 EXISTS\r\n* 2 RECENT\r\n* OK [UNSEEN 1]"));
  EXPECT_THAT(answer, HasSubstr("* OK [UIDNEXT 3]"));
  EXPECT_THAT(answer, EndsWith("a OK [READ-WRITE] selected\r\n"));
  EXPECT_THAT(client.ask("b EXAMINE iNbOx"), EndsWith("b OK [READ-ONLY] examine it\r\n"));
  EXPECT_THAT(client.ask("c SELECT nowhere"), StartsWith("c NO [NONEXISTENT]"));
  EXPECT_THAT(client.ask("d FETCH 1 FLAGS"), StartsWith("d BAD select"))
      << "a failed SELECT leaves nothing selected";
}

TEST(ImapSelect, ShowsRecentToOneSessionOnly) {
  Imap world;
  world.deliver({"a"});
  auto first = world.selected();
  EXPECT_THAT(first.ask("a FETCH 1 FLAGS"), StartsWith("* 1 FETCH (FLAGS (\\Recent))"));
  world.store.wait([&](auto done) { world.store->change([](Writer&) {}, done); });
  auto second = world.selected();
  EXPECT_THAT(second.ask("a FETCH 1 FLAGS"), StartsWith("* 1 FETCH (FLAGS ())"));
}

TEST(ImapFetch, AnswersEveryItem) {
  Imap world;
  world.deliver({"lunch"});
  auto client = world.selected();
  EXPECT_EQ(client.ask("a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"),
            "* 1 FETCH (UID 1 FLAGS (\\Recent) INTERNALDATE \"23-Nov-2026 09:00:00 +0000\" RFC822.SIZE " +
                std::to_string(letter("lunch").size() + 31) +
                " ENVELOPE (\"Mon, 23 Nov 2026 09:00:00 +0000\" \"lunch\" ((\"Awa\" NIL \"awa\" "
                "\"helper.bac\")) ((\"Awa\" NIL \"awa\" "
                "\"helper.bac\")) ((\"Awa\" NIL \"awa\" \"helper.bac\")) ((NIL NIL \"ali\" \"helper.bac\")) "
                "NIL NIL NIL "
                "\"<lunch@helper.bac>\"))\r\na OK fetched\r\n");
  EXPECT_THAT(client.ask("b FETCH 1 BODYSTRUCTURE"),
              HasSubstr("BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 7 1 NIL NIL NIL NIL)"));
  EXPECT_THAT(client.ask("c FETCH 1 BODY"), HasSubstr("BODY (\"text\" \"plain\" NIL NIL NIL \"7bit\" 7 1))"));
  EXPECT_EQ(
      client.ask("d FETCH 1 BODY.PEEK[HEADER.FIELDS (subject X-No)]"),
      "* 1 FETCH (BODY[HEADER.FIELDS (subject X-No)] {18}\r\nSubject: lunch\r\n\r\n)\r\nd OK fetched\r\n");
  EXPECT_EQ(client.ask("e FETCH 1 BODY.PEEK[TEXT]<2.3>"),
            "* 1 FETCH (BODY[TEXT]<2> {3}\r\nllo)\r\ne OK fetched\r\n");
  EXPECT_EQ(client.ask("f FETCH 1 BODY.PEEK[1.2]"), "* 1 FETCH (BODY[1.2] NIL)\r\nf OK fetched\r\n");
  EXPECT_THAT(client.ask("g FETCH 2 FLAGS"), StartsWith("g BAD"));
  EXPECT_EQ(client.ask("h UID FETCH 7:9 FLAGS"), "h OK fetched\r\n");
  EXPECT_THAT(client.ask("i FETCH 1 FAST"), HasSubstr("FLAGS (\\Recent) INTERNALDATE"));
}

TEST(ImapFetch, PartialsPastTheEndAreEmptyWhateverTheNumbers) {
  Imap world;
  world.deliver({"x"});
  auto client = world.selected();
  const auto size = static_cast<long>(letter("x").size() + 31);
  for (const long offset : {0L, 1L, size - 1, size, size + 1, 393216L, 2147483647L, 2147483648L, 4294967295L})
    for (const long length : {1L, size, 2147483648L, 4294967295L}) {
      const auto expected = std::max(0L, std::min(size - offset, length));
      EXPECT_THAT(
          client.ask("a FETCH 1 BODY.PEEK[]<" + std::to_string(offset) + "." + std::to_string(length) + ">"),
          StartsWith("* 1 FETCH (BODY[]<" + std::to_string(offset) + "> {" + std::to_string(expected) +
                     "}\r\n"));
    }
  EXPECT_THAT(client.ask("b FETCH 1 BODY.PEEK[]<4294967296.1>"), StartsWith("b BAD"));
}

TEST(ImapFetch, SetsSeenUnlessPeekedAndSaysSo) {
  Imap world;
  world.deliver({"a", "b"});
  auto client = world.selected();
  EXPECT_THAT(client.ask("a FETCH 1 BODY.PEEK[]"), Not(HasSubstr("Seen")));
  EXPECT_THAT(client.ask("b FETCH 1 BODY[]"), HasSubstr(" FLAGS (\\Seen \\Recent))\r\n"));
  EXPECT_THAT(client.ask("c FETCH 1 RFC822.HEADER"), StartsWith("* 1 FETCH (RFC822.HEADER {"));
  EXPECT_THAT(client.ask("d FETCH 2 RFC822.TEXT"), HasSubstr("FLAGS (\\Seen"));
  EXPECT_THAT(client.ask("e EXAMINE INBOX"), HasSubstr("e OK"));
}

TEST(ImapFetch, StreamsALargeMessageWhole) {
  Imap world;
  std::string body;
  for (int i = 0; body.size() < 3000000; ++i) body += "line " + std::to_string(i) + "\n";
  world.store.deliver({kAli}, letter("large", body));
  auto client = world.selected();
  const auto answer = client.ask("a FETCH 1 (UID BODY.PEEK[TEXT] FLAGS)");
  EXPECT_TRUE(answer.find(crlf(body)) != std::string::npos);
  EXPECT_THAT(answer.substr(answer.size() - 40), EndsWith(" FLAGS (\\Recent))\r\na OK fetched\r\n"));
}

TEST(ImapAppend, KeepsFlagsDateAndText) {
  Imap world;
  auto client = world.logged_in();
  EXPECT_THAT(append(client, "Sent (\\Seen $Forwarded) \" 3-Nov-2026 10:00:00 +0100\"", letter("mine")),
              HasSubstr("ap OK [APPENDUID "));
  EXPECT_THAT(append(client, "Sent \"3-Nov-2026 10:00:00 +0100\"", letter("outlook")), HasSubstr("ap OK"))
      << "no leading blank";
  EXPECT_THAT(client.ask("a SELECT Sent"), HasSubstr("* 2 EXISTS"));
  EXPECT_THAT(
      client.ask("b FETCH 1 (FLAGS INTERNALDATE)"),
      StartsWith(
          "* 1 FETCH (FLAGS (\\Seen \\Recent $Forwarded) INTERNALDATE \"03-Nov-2026 10:00:00 +0100\")"));
  EXPECT_THAT(client.ask("c APPEND Nowhere {3+}\r\nabc"), StartsWith("c NO [TRYCREATE]"));
  EXPECT_THAT(client.ask("d APPEND Sent {0+}\r\n"), StartsWith("d NO"));
  EXPECT_THAT(append(client, "Sent", "Subject: bare\n\nlf\n"), HasSubstr("ap OK"));
  EXPECT_THAT(client.ask("e FETCH 3 BODY[]"), HasSubstr("{21}\r\nSubject: bare\r\n\r\nlf\r\n"));
}

TEST(ImapAppend, RefusesWhatIsTooLargeWithoutReadingIt) {
  Imap world;
  auto client = world.logged_in();
  EXPECT_THAT(client.ask("a APPEND INBOX {999999999}"), StartsWith("a NO [TOOBIG]"));
  EXPECT_THAT(client.ask("b APPEND INBOX {99999999999999999999999}"), StartsWith("b NO [TOOBIG]"));
  EXPECT_THAT(client.ask("c NOOP"), StartsWith("c OK"));
}

TEST(ImapFlags, ChangeAndAreTold) {
  Imap world;
  world.deliver({"a", "b", "c"});
  auto client = world.selected();
  EXPECT_EQ(client.ask("a STORE 1:2 +FLAGS (\\Seen)"),
            "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n* 2 FETCH (FLAGS (\\Seen \\Recent))\r\na OK stored\r\n");
  EXPECT_EQ(client.ask("b UID STORE 2 -FLAGS \\Seen"),
            "* 2 FETCH (UID 2 FLAGS (\\Recent))\r\nb OK stored\r\n");
  EXPECT_EQ(client.ask("c STORE 3 FLAGS.SILENT (\\Flagged)"), "c OK stored\r\n");
  const auto keyword = client.ask("d STORE 1 +FLAGS (NonJunk $Label1)");
  EXPECT_THAT(keyword, HasSubstr("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft NonJunk $Label1)"));
  EXPECT_THAT(keyword, HasSubstr("FLAGS (\\Seen \\Recent NonJunk $Label1)"));
  EXPECT_THAT(client.ask("e STORE 1 +FLAGS (\\Nonsense)"), StartsWith("e BAD"));
  EXPECT_THAT(client.ask("f STORE 9 +FLAGS (\\Seen)"), StartsWith("f BAD"));
  EXPECT_THAT(client.ask("g SEARCH KEYWORD nonjunk"), StartsWith("* SEARCH 1\r\n"));
}

TEST(ImapExpunge, NumbersShiftOnlyWhenTold) {
  Imap world;
  world.deliver({"a", "b", "c", "d"});
  auto one = world.selected(), other = world.selected();
  other.ask("s STORE 2,4 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(other.ask("x EXPUNGE"), "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\nx OK expunged\r\n");
  const auto fetched = one.ask("a FETCH 1:4 (UID)");
  EXPECT_THAT(fetched, HasSubstr("* 3 FETCH (UID 3)\r\n")) << "still counted the old way";
  EXPECT_THAT(fetched, HasSubstr("a NO [EXPUNGEISSUED]")) << "not OK and nothing";
  EXPECT_THAT(fetched, Not(HasSubstr("EXPUNGE\r\n")));
  EXPECT_THAT(one.ask("b NOOP"), StartsWith("* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n"));
  EXPECT_THAT(one.ask("c FETCH 2 (UID)"), StartsWith("* 2 FETCH (UID 3)"));
}

TEST(ImapExpunge, ByUidLeavesOthersAlone) {
  Imap world;
  world.deliver({"a", "b", "c"});
  auto client = world.selected();
  client.ask("s STORE 1:3 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(client.ask("a UID EXPUNGE 2"), "* 2 EXPUNGE\r\na OK expunged\r\n");
  EXPECT_EQ(client.ask("b CLOSE"), "b OK closed\r\n");
  EXPECT_THAT(client.ask("c SELECT INBOX"), HasSubstr("* 0 EXISTS"));
}

TEST(ImapExpunge, PipelinedStoreAndExpungeRunInOrder) {
  Imap world;
  world.deliver({"a", "b"});
  auto client = world.selected();
  client.send("a STORE 1 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\nc FETCH 1 (UID)\r\n");
  EXPECT_EQ(client.until("c "),
            "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\na OK stored\r\n* 1 EXPUNGE\r\nb OK expunged\r\n* 1 "
            "FETCH (UID 2)\r\nc OK fetched\r\n");
}

TEST(ImapCopy, TellsWhichBecameWhich) {
  Imap world;
  world.deliver({"a", "b", "c"});
  auto client = world.selected();
  EXPECT_THAT(client.ask("a COPY 1:2 Trash"),
              testing::ContainsRegex("a OK \\[COPYUID [0-9]+ 1:2 1:2\\] copied"));
  EXPECT_THAT(
      client.ask("b UID MOVE 2:3 Trash"),
      testing::ContainsRegex(
          "\\* OK \\[COPYUID [0-9]+ 2:3 3:4\\] moved\r\n\\* 3 EXPUNGE\r\n\\* 2 EXPUNGE\r\nb OK moved"));
  EXPECT_THAT(client.ask("c COPY 1 Nowhere"), StartsWith("c NO [TRYCREATE]"));
  EXPECT_THAT(client.ask("d UID COPY 99 Trash"), StartsWith("d OK"));
  EXPECT_THAT(client.ask("e STATUS Trash (MESSAGES UNSEEN UIDNEXT)"),
              StartsWith("* STATUS \"Trash\" (MESSAGES 4 UNSEEN 4 UIDNEXT 5)\r\n"));
}

TEST(ImapIdle, TellsOfNewMailAndGoesOnWithWhatFollowsDone) {
  Imap world;
  auto client = world.selected();
  client.send("a IDLE\r\n");
  EXPECT_THAT(client.line(), StartsWith("+ "));
  world.deliver({"new"});
  EXPECT_EQ(client.until("* 1 RECENT"), "* 1 EXISTS\r\n* 1 RECENT\r\n");
  client.send("DONE\r\nb NOOP\r\nc FETCH 1 (UID)\r\n");  // iOS sends all in one packet
  EXPECT_EQ(client.until("c "), "a OK idled\r\nb OK nothing done\r\n* 1 FETCH (UID 1)\r\nc OK fetched\r\n");
}

TEST(ImapIdle, SeesOthersChangeFlagsAndExpunge) {
  Imap world;
  world.deliver({"a"});
  auto idle = world.selected(), other = world.selected();
  idle.send("a IDLE\r\n");
  idle.line();
  other.ask("s STORE 1 +FLAGS (\\Deleted)");
  EXPECT_THAT(idle.line(), StartsWith("* 1 FETCH (FLAGS (\\Deleted"));
  other.ask("x EXPUNGE");
  EXPECT_EQ(idle.line(), "* 1 EXPUNGE\r\n");
  idle.send("done\r\n");
  EXPECT_EQ(idle.line(), "a OK idled\r\n");
}

TEST(ImapMailboxes, AreListedCreatedRenamedAndDeleted) {
  Imap world;
  auto client = world.logged_in();
  EXPECT_EQ(client.ask("a LIST \"\" \"\""),
            "* LIST (\\Noselect) \"/\" \"\"\r\na OK that is the separator\r\n");
  EXPECT_THAT(client.ask("b CREATE \"Cours/R&AOk-seau/\""), StartsWith("b OK"))
      << "with Thunderbird's trailing separator";
  EXPECT_THAT(client.ask("c LIST \"\" \"C*\""),
              StartsWith("* LIST (\\HasChildren) \"/\" \"Cours\"\r\n* LIST (\\HasNoChildren) \"/\" "
                         "\"Cours/R&AOk-seau\"\r\n"));
  EXPECT_THAT(client.ask("d LIST \"\" %"), HasSubstr("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"));
  EXPECT_THAT(client.ask("e LIST Cours/ %"),
              StartsWith("* LIST (\\HasNoChildren) \"/\" \"Cours/R&AOk-seau\"\r\n"));
  EXPECT_THAT(client.ask("f RENAME Cours Archive/2026"), StartsWith("f OK"));
  EXPECT_THAT(client.ask("g DELETE Archive/2026"), StartsWith("g OK"));
  EXPECT_THAT(client.ask("h LIST \"\" Archive*"),
              StartsWith("* LIST (\\HasChildren) \"/\" \"Archive\"\r\n* LIST (\\Noselect \\HasChildren) "
                         "\"/\" \"Archive/2026\"\r\n"));
  EXPECT_THAT(client.ask("i DELETE INBOX"), StartsWith("i NO"));
  EXPECT_THAT(client.ask("j CREATE \"a*b\""), StartsWith("j NO [CANNOT]"));
  EXPECT_THAT(client.ask("k SUBSCRIBE Archive/2026"), StartsWith("k OK"));
  EXPECT_THAT(client.ask("l LSUB \"\" %"),
              HasSubstr("* LSUB (\\Noselect \\HasChildren) \"/\" \"Archive\"\r\n"));
  EXPECT_THAT(client.ask("m UNSUBSCRIBE Archive/2026"), StartsWith("m OK"));
  EXPECT_THAT(client.ask("n LSUB \"\" *"), Not(HasSubstr("Archive")));
  EXPECT_THAT(client.ask("o LIST (SUBSCRIBED) \"\" Se* RETURN (STATUS (MESSAGES))"),
              StartsWith("* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n* STATUS \"Sent\" "
                         "(MESSAGES 0)\r\n"));
  EXPECT_THAT(client.ask("p NAMESPACE"), StartsWith("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
  EXPECT_THAT(client.ask("q GETQUOTAROOT INBOX"),
              StartsWith("* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" ()"));
}

TEST(ImapSearch, FindsByEveryKey) {
  Imap world;
  world.deliver({"alpha", "beta", "gamma"});
  world.store.deliver({kAli}, crlf("From: =?utf-8?Q?=C3=89lo=C3=AFse?= <eloise@x.org>\nTo: b@y\nCc: "
                                   "c@z\nSubject: r\xC3\xA9seau\nDate: 1 Jan 2020 "
                                   "00:00:00 +0000\nX-Lab: seven\n\nthe needleword is here\n"));
  auto client = world.selected();
  client.ask("s STORE 2 +FLAGS.SILENT (\\Seen \\Flagged)");
  const auto search = [&](const std::string& keys) {
    const auto answer = client.ask("a SEARCH " + keys);
    return answer.starts_with("* SEARCH") ? answer.substr(8, answer.find('\r') - 8) : answer;
  };
  EXPECT_EQ(search("ALL"), " 1 2 3 4");
  EXPECT_EQ(search("UNSEEN"), " 1 3 4");
  EXPECT_EQ(search("FLAGGED SEEN"), " 2");
  EXPECT_EQ(search("SUBJECT bet"), " 2");
  EXPECT_EQ(search("CHARSET UTF-8 SUBJECT {7+}\r\nR\xC3\x89SEAU"), " 4") << "a literal";
  EXPECT_EQ(search("CHARSET UTF-8 SUBJECT \"R\xC3\x89SEAU\""), " 4");
  EXPECT_EQ(search("CHARSET ISO-8859-1 FROM {3+}\r\n\xC9lo"), " 4");
  EXPECT_EQ(search("FROM eloise@"), " 4");
  EXPECT_EQ(search("CC c@z"), " 4");
  EXPECT_EQ(search("BODY needle"), " 4");
  EXPECT_EQ(search("BODY seven"), "");
  EXPECT_EQ(search("TEXT seven"), " 4");
  EXPECT_EQ(search("HEADER X-Lab \"\""), " 4");
  EXPECT_EQ(search("HEADER x-lab SEV"), " 4");
  EXPECT_EQ(search("SENTBEFORE 1-Feb-2020"), " 4");
  EXPECT_EQ(search("SENTON 23-Nov-2026"), " 1 2 3");
  EXPECT_EQ(search("SINCE 23-Nov-2026 BEFORE 24-Nov-2026"), " 1 2 3 4");
  EXPECT_EQ(search("LARGER 100000"), "");
  EXPECT_EQ(search("OR SUBJECT alpha (SUBJECT beta FLAGGED)"), " 1 2");
  EXPECT_EQ(search("NOT 1:2"), " 3 4");
  EXPECT_EQ(search("UID 3:*"), " 3 4");
  EXPECT_EQ(search("5:9"), "") << "old iPhones ask beyond the end";
  EXPECT_EQ(search("UNDELETED OR UNSEEN OR FLAGGED DELETED"), " 1 2 3 4");
  EXPECT_THAT(client.ask("b SEARCH CHARSET klingon ALL"), StartsWith("b NO [BADCHARSET (UTF-8)]"));
  EXPECT_THAT(client.ask("c UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN"),
              StartsWith("* ESEARCH (TAG \"c\") UID MIN 1 MAX 4 COUNT 3 ALL 1,3:4\r\n"));
}

TEST(ImapSort, OrdersByEveryKey) {
  Imap world;
  const auto put = [&](const std::string& from, const std::string& subject, int day) {
    world.store.deliver({kAli}, crlf("From: " + from + "@h\nTo: z\nSubject: " + subject +
                                     "\nDate: " + std::to_string(day) + " Nov 2026 09:00:00 +0000\n\n" +
                                     std::string(static_cast<std::size_t>(day), 'x') + "\n"));
  };
  put("carol", "Re: apples and pears", 3);
  put("Bob", "zebra", 1);
  put("alice", "[list] apples and bananas", 2);
  auto client = world.selected();
  const auto sort = [&](const std::string& keys) {
    const auto answer = client.ask("a SORT (" + keys + ") UTF-8 ALL");
    return answer.substr(0, answer.find('\r'));
  };
  EXPECT_EQ(sort("FROM"), "* SORT 3 2 1");
  EXPECT_EQ(sort("SUBJECT"), "* SORT 3 1 2");
  EXPECT_EQ(sort("DATE"), "* SORT 2 3 1");
  EXPECT_EQ(sort("REVERSE DATE"), "* SORT 1 3 2");
  EXPECT_EQ(sort("TO REVERSE ARRIVAL"), "* SORT 1 2 3") << "all equal: the order of the mailbox";
  EXPECT_EQ(sort("SIZE"), "* SORT 2 1 3");
  EXPECT_THAT(client.ask("b UID SORT (CC) US-ASCII SUBJECT apples"), StartsWith("* SORT 1 3\r\n"));
  EXPECT_THAT(client.ask("c SORT (NONSENSE) UTF-8 ALL"), StartsWith("c BAD"));
}

TEST(ImapThread, FollowsReferencesAndSubjects) {
  Imap world;
  const auto put = [&](int day, const std::string& id, const std::string& subject,
                       const std::string& references) {
    world.store.deliver({kAli},
                        crlf("From: a@h\nSubject: " + subject + "\nDate: " + std::to_string(day) +
                             " Nov 2026 09:00:00 +0000\nMessage-ID: <" + id + ">\n" +
                             (references.empty() ? "" : "References: " + references + "\n") + "\nx\n"));
  };
  put(1, "a", "lunch", "");
  put(2, "b", "Re: lunch", "<a>");
  put(4, "c", "Re: lunch", "<a> <b>");
  put(3, "d", "Re: lunch", "<a>");
  put(5, "e", "other", "");
  put(6, "f", "Re: dinner", "<gone>");
  put(7, "g", "Re: dinner", "<gone>");
  put(8, "h", "Re: other", "");
  auto client = world.selected();
  EXPECT_THAT(client.ask("a THREAD REFERENCES UTF-8 ALL"),
              StartsWith("* THREAD (1 (2 3)(4))(5 8)((6)(7))\r\n"));
  EXPECT_THAT(client.ask("b THREAD ORDEREDSUBJECT UTF-8 ALL"),
              StartsWith("* THREAD (1 (2)(4)(3))(5 8)(6 7)\r\n"));
  EXPECT_THAT(client.ask("c THREAD REFERENCES UTF-8 SUBJECT nothing"), StartsWith("* THREAD\r\n"));
}

TEST(ImapCondstore, TellsModseqsAndRefusesStaleStores) {
  Imap world;
  world.deliver({"a", "b"});
  auto client = world.logged_in(), other = world.selected();
  EXPECT_THAT(client.ask("a SELECT INBOX (CONDSTORE)"), HasSubstr("* OK [HIGHESTMODSEQ 3]"));
  other.ask("s STORE 2 +FLAGS (\\Flagged)");
  EXPECT_THAT(client.ask("b STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Seen)"),
              HasSubstr("b OK [MODIFIED 2]"));
  EXPECT_THAT(client.ask("c FETCH 1:2 (FLAGS) (CHANGEDSINCE 4)"), StartsWith("* 1 FETCH (FLAGS (\\Seen"));
  EXPECT_THAT(client.ask("d FETCH 1:2 (UID) (CHANGEDSINCE 0)"), HasSubstr("* 2 FETCH (UID 2 MODSEQ (4))"))
      << "iOS asks so";
  EXPECT_THAT(client.ask("e SEARCH MODSEQ 5"), StartsWith("* SEARCH 1 (MODSEQ 5)\r\n"));
}

TEST(ImapQresync, TellsWhatVanishedMeanwhile) {
  Imap world;
  world.deliver({"a", "b", "c"});
  const auto validity = world.store.state(kAli, "INBOX").uidvalidity;
  auto other = world.selected();
  other.ask("s STORE 2 +FLAGS (\\Deleted)");
  other.ask("x EXPUNGE");
  other.ask("t STORE 2 +FLAGS (\\Answered)");
  auto client = world.logged_in();
  EXPECT_THAT(client.ask("a ENABLE QRESYNC X-NONE"), StartsWith("* ENABLED QRESYNC\r\n"));
  const auto answer = client.ask("b SELECT INBOX (QRESYNC (" + std::to_string(validity) + " 4 1:3))");
  EXPECT_THAT(answer, HasSubstr("* VANISHED (EARLIER) 2\r\n"));
  EXPECT_THAT(answer, HasSubstr("* 2 FETCH (UID 3 MODSEQ (7) FLAGS (\\Answered))\r\n"));
  EXPECT_THAT(client.ask("c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)"),
              StartsWith("* VANISHED (EARLIER) 2\r\n"));
  other.ask("u STORE 1 +FLAGS (\\Deleted)");
  other.ask("y EXPUNGE");
  EXPECT_THAT(client.ask("d NOOP"), HasSubstr("* VANISHED 1\r\n"));
}

TEST(ImapRobustness, TakesNoLongLineBeforeLoginAndEndsAfterTwenty) {
  Imap world;
  auto client = world.open();
  for (int i = 0; i < 20; ++i) client.send("a " + std::string(20000, 'x') + "\r\n");
  const auto all = client.rest();
  EXPECT_THAT(all, StartsWith("* BAD the line is too long\r\n"));
  EXPECT_THAT(all, EndsWith("* BYE too many commands that are none\r\n"));
}

TEST(ImapRobustness, TakesNoLargeLiteralBeforeLogin) {
  Imap world;
  auto client = world.open();
  EXPECT_THAT(client.ask("a LOGIN {100000}"), StartsWith("a NO [TOOBIG]"));
  client.send("b LOGIN {100000+}\r\n");
  EXPECT_THAT(client.rest(), HasSubstr("* BYE"));
}

TEST(ImapRobustness, RefusesDeepNesting) {
  Imap world;
  world.deliver({"a"});
  auto client = world.selected();
  EXPECT_THAT(client.ask("a SEARCH " + std::string(5000, '(') + "ALL" + std::string(5000, ')')),
              StartsWith("a BAD"));
  EXPECT_THAT(client.ask("b SEARCH " +
                         [] {
                           std::string s;
                           for (int i = 0; i < 5000; ++i) s += "NOT ";
                           return s;
                         }() +
                         "ALL"),
              StartsWith("b BAD"));
  EXPECT_THAT(client.ask("c NOOP"), StartsWith("c OK"));
}

TEST(ImapRobustness, LivesOnWhenClientsVanishAtAnyByte) {
  Imap world;
  world.deliver({"a", "b"});
  const std::string script =
      "a LOGIN ali Ali-2026\r\nb SELECT INBOX\r\nc FETCH 1:* BODY[]\r\nd APPEND INBOX {5+}\r\nA: b\n\r\ne "
      "IDLE\r\nDONE\r\n";
  for (std::size_t cut = 0; cut < script.size(); ++cut)
    world.connect(imap::serve).send(script.substr(0, cut));
  EXPECT_THAT(world.selected().ask("a NOOP"), EndsWith("a OK nothing done\r\n"));
}

TEST(ImapShutdown, SaysGoodbye) {
  std::optional<Client> client;
  {
    Imap world;
    client.emplace(world.selected());
  }
  EXPECT_THAT(client->rest(), StartsWith("* BYE"));
}
