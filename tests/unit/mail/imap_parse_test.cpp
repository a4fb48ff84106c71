// IMAP's grammar (RFC 3501 9): what is understood, what is refused, and how answers are spelled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mail/imap/command_reader.hpp"
#include "mail/imap/list.hpp"
#include "mail/imap/parse.hpp"
#include "mail/imap/utf7.hpp"
#include "mail/store/schema.hpp"

using namespace lab::mail;
using namespace lab::mail::imap;

namespace {

const Limits kLimits;

template <class T>
T parsed(std::string_view text) {
  auto command = parse_command(text, kLimits);
  EXPECT_TRUE(command.has_value()) << text << ": " << (command ? "" : command.error().why);
  if (!command) return T{};
  EXPECT_TRUE(std::holds_alternative<T>(command->request)) << text;
  auto* request = std::get_if<T>(&command->request);
  return request != nullptr ? std::move(*request) : T{};
}

std::string complaint(std::string_view text) {
  auto command = parse_command(text, kLimits);
  return command ? "(understood)" : command.error().tag + ": " + command.error().why;
}

}  // namespace

TEST(ImapGrammar, TakesStringsInEveryForm) {
  EXPECT_EQ(parsed<LogIn>("a LOGIN joe secret").password, "secret");
  EXPECT_EQ(parsed<LogIn>("a LOGIN \"j\\\"oe\\\\\" \"\"").user, "j\"oe\\");
  EXPECT_EQ(parsed<LogIn>("a LOGIN {3}\r\nj e {2+}\r\n()").user, "j e");
  EXPECT_EQ(parsed<LogIn>("a LOGIN {3}\r\nj e {2+}\r\n()").password, "()");
}

TEST(ImapGrammar, NamesWhatIsWrong) {
  EXPECT_EQ(complaint("a"), "*: a command is a tag, a space and a verb, like: a1 NOOP");
  EXPECT_EQ(complaint("a NOOP now"), "a: NOOP: something follows the command");
  EXPECT_EQ(complaint("a UID NOOP"), "a: unknown command");
  EXPECT_EQ(complaint("a FETCH 0 FLAGS"), "a: FETCH: numbers begin at 1");
  EXPECT_EQ(complaint("a FETCH 4294967296 FLAGS"), "a: FETCH: expected a number");
  EXPECT_EQ(complaint("a FETCH 1 (FLAGS"), "a: FETCH: expected ')'");
  EXPECT_EQ(complaint("a LOGIN \"joe"), "a: LOGIN: a quoted string does not end");
  EXPECT_EQ(complaint("a LOGIN {9}\r\njoe"), "a: LOGIN: a literal is cut short");
  EXPECT_EQ(complaint("a SEARCH SINCE 31-Feb-2026"), "a: SEARCH: there is no such day");
  EXPECT_EQ(complaint("a APPEND x \"32-Foo-2026 00:00:00 +0000\" {1}\r\nx"),
            "a: APPEND: not a date-time: \"32-Foo-2026 00:00:00 +0000\"");
}

TEST(ImapGrammar, ReadsMailboxNames) {
  EXPECT_EQ(parsed<Select>("a SELECT inbox").mailbox, "INBOX");
  EXPECT_EQ(parsed<Select>("a EXAMINE \"iNbOx/Sub\"").mailbox, "INBOX/Sub");
  EXPECT_EQ(parsed<Select>("a SELECT &AOk-t&AOk-").mailbox, "été");
  EXPECT_EQ(parsed<Select>("a SELECT \"\xC3\xA9t\xC3\xA9\"").mailbox, "été")
      << "a client that forgot to encode it";
  EXPECT_EQ(parsed<Create>("a CREATE work/").mailbox, "work");
}

TEST(ImapGrammar, ReadsFetchItems) {
  const auto fetch =
      parsed<Fetch>("a FETCH 2,4:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (Subject \"X Y\")]<5.10> RFC822.TEXT)");
  EXPECT_EQ(fetch.set.resolve(6), (UidSet{{2, 2}, {4, 6}}));
  ASSERT_EQ(fetch.items.size(), 3U);
  EXPECT_TRUE(fetch.items[1].peek);
  EXPECT_EQ(fetch.items[1].path, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(fetch.items[1].fields, (std::vector<std::string>{"Subject", "X Y"}));
  EXPECT_EQ(fetch.items[1].partial, (std::pair<std::uint32_t, std::uint32_t>{5, 10}));
  EXPECT_FALSE(fetch.items[2].peek);
  EXPECT_EQ(parsed<Fetch>("a FETCH 1 body[]").items.size(), 1U) << "bare, as Apple Mail says it";
  EXPECT_EQ(parsed<Fetch>("a FETCH 1 FULL").items.size(), 5U);
  EXPECT_EQ(complaint("a FETCH 1 BODY[MIME]"), "a: FETCH: MIME needs a part number");
  EXPECT_EQ(complaint("a FETCH 1 BODY[1.]"), "a: FETCH: unknown section");
  EXPECT_EQ(complaint("a FETCH 1 BODY[]<0.0>"), "a: FETCH: numbers begin at 1");
}

TEST(ImapGrammar, ReadsFlags) {
  const auto set = parsed<SetFlags>("a STORE 1 -FLAGS.SILENT (\\Seen \\Recent $Label1 Corrig\xC3\xA9)");
  EXPECT_EQ(set.flags.system, kSeen) << "\\Recent is not the client's to set";
  EXPECT_EQ(set.flags.keywords, (std::vector<std::string>{"$Label1", "Corrigé"}));
  EXPECT_TRUE(set.silent);
  EXPECT_EQ(set.change, FlagChange::Remove);
  EXPECT_TRUE(parsed<SetFlags>("a STORE 1 FLAGS ()").flags.keywords.empty());
}

TEST(ImapGrammar, ReadsSearchTrees) {
  const auto key = parsed<Search>("a SEARCH CHARSET ISO-8859-1 OR (FROM \"\xE9t\xE9\" NOT SEEN) UID 1:*").key;
  EXPECT_EQ(key.kind, SearchKey::Kind::Or);
  EXPECT_EQ(key.keys[0].keys[0].text, "été");
  EXPECT_EQ(key.keys[0].keys[1].keys[0].number, kSeen);
  EXPECT_EQ(key.keys[1].kind, SearchKey::Kind::Uid);
}

TEST(SequenceSet, KnowsTheStar) {
  EXPECT_EQ(parsed<Fetch>("a FETCH 7:* FLAGS").set.resolve(5), (UidSet{{5, 7}}))
      << "RFC 3501 6.4.8: always includes the last";
  EXPECT_EQ(parsed<Fetch>("a FETCH *:3 FLAGS").set.resolve(5), (UidSet{{3, 5}}));
  EXPECT_EQ(parsed<Fetch>("a FETCH * FLAGS").set.resolve(0), UidSet{})
      << "an empty mailbox has no last message";
  EXPECT_EQ(text_of(UidSet{{1, 3}, {5, 5}}), "1:3,5");
  EXPECT_EQ(text_of(std::vector<std::uint32_t>{4, 5, 9, 2}), "4:5,9,2");
}

TEST(Utf7, GoesBothWays) {
  for (const auto& [utf8, utf7] :
       std::vector<std::pair<std::string, std::string>>{{"INBOX", "INBOX"},
                                                        {"A&B", "A&-B"},
                                                        {"été", "&AOk-t&AOk-"},
                                                        {"台北", "&U,BTFw-"},
                                                        {"😀 ok", "&2D3eAA- ok"},
                                                        {"~peter/mail", "~peter/mail"}}) {
    EXPECT_EQ(encode_utf7(utf8), utf7);
    EXPECT_EQ(decode_utf7(utf7), utf8);
  }
  for (const auto* wrong : {"&", "&AOk", "&!-", "&2D0-", "&A-"}) EXPECT_FALSE(decode_utf7(wrong)) << wrong;
}

TEST(ListPattern, MatchesAsTheGrammarSays) {
  EXPECT_TRUE(matches_pattern("*", "a/b/c"));
  EXPECT_TRUE(matches_pattern("%", "a"));
  EXPECT_FALSE(matches_pattern("%", "a/b"));
  EXPECT_TRUE(matches_pattern("a/%/c", "a/b/c"));
  EXPECT_TRUE(matches_pattern("*b*", "a/b/c"));
  EXPECT_FALSE(matches_pattern("a", "ab"));
  EXPECT_FALSE(matches_pattern(std::string(200, '*') + "x", std::string(200, 'a'))) << "and that quickly";
}

TEST(CommandReader, AsksForLiteralsAndRefusesTooMuch) {
  CommandReader reader(kLimits);
  using Next = CommandReader::Next;
  EXPECT_EQ(reader.add_line("a LOGIN {3}", false), Next::Literal);
  EXPECT_TRUE(reader.wants_go_ahead());
  std::string("joe").copy(reader.literal_space(), 3);
  EXPECT_EQ(reader.add_line(" x", false), Next::Complete);
  EXPECT_EQ(reader.text(), "a LOGIN {3}\r\njoe x");
  reader.clear();
  EXPECT_EQ(reader.add_line("b LOGIN {5000}", false), Next::TooBig);
  EXPECT_EQ(reader.tag(), "b");
  reader.clear();
  EXPECT_EQ(reader.add_line("c LOGIN {5000+}", false), Next::Hopeless)
      << "nobody waits for a stranger's bytes";
  reader.clear();
  EXPECT_EQ(reader.add_line("d SEARCH SUBJECT {70000+}", true), Next::Drain);
  EXPECT_EQ(reader.literal_size(), 70000U);
  EXPECT_EQ(reader.add_line("", true), Next::TooBig);
  reader.clear();
  EXPECT_EQ(reader.add_line("e APPEND INBOX {1000000+}", true), Next::Literal);
  EXPECT_FALSE(reader.wants_go_ahead());
}
