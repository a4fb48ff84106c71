// What the store keeps of a message: structure, envelope, search text (mail/message/).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "mail/message/charset.hpp"
#include "mail/message/date.hpp"
#include "mail/message/header.hpp"
#include "mail/message/imap_text.hpp"
#include "mail/message/layout.hpp"
#include "mail/message/mailboxes.hpp"
#include "mail/message/signature.hpp"
#include "mail/message/structure.hpp"
#include "mail/message/subject.hpp"
#include "mail/message/summary.hpp"
#include "mail/message/words.hpp"

using namespace lab::message;

namespace {

/// Lines ended as on the wire.
std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

std::string structure(const std::string& message) {
  return body_structure(parse_structure(message), message);
}

std::string section(const std::string& message, std::vector<std::uint32_t> path,
                    SectionText what = SectionText::Body) {
  const auto layout = Layout::unpack(Layout::pack(parse_structure(message)));
  const auto range = layout.find(path, what);
  return range ? message.substr(range->begin, range->size()) : "(no such part)";
}

const std::string kMixed = crlf(
    "Subject: parts\n"
    "Content-Type: multipart/mixed; boundary=\"b\"\n"
    "\n"
    "preamble\n"
    "--b\n"
    "\n"
    "first\n"
    "--b\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "Subject: inner\n"
    "From: awa@helper.bac\n"
    "Content-Type: multipart/alternative; boundary=c\n"
    "\n"
    "--c\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "\n"
    "plain\n"
    "--c\n"
    "Content-Type: text/html\n"
    "\n"
    "<b>html</b>\n"
    "--c--\n"
    "\n"
    "--b--\n"
    "epilogue\n");

}  // namespace

TEST(Envelope, SaysWhatTheHeaderSays) {
  EXPECT_EQ(
      envelope(
          "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nFrom: Ali =?utf-8?Q?Traor=C3=A9?= <ali@helper.bac>\r\n"
          "To: awa@helper.bac (Awa), \"O'Neil, Pat\" <pat@x.org>\r\nSubject: lunch\r\n at "
          "\"noon\"\r\nMessage-ID: <1@h>\r\n\r\n"),
      R"x(("Mon, 23 Nov 2026 09:00:00 +0000" "lunch at \"noon\"" (("Ali =?utf-8?Q?Traor=C3=A9?=" NIL "ali" "helper.bac")) )x"
      R"x((("Ali =?utf-8?Q?Traor=C3=A9?=" NIL "ali" "helper.bac")) (("Ali =?utf-8?Q?Traor=C3=A9?=" NIL "ali" "helper.bac")) )x"
      R"x((("Awa" NIL "awa" "helper.bac")("O'Neil, Pat" NIL "pat" "x.org")) NIL NIL NIL "<1@h>"))x");
}

TEST(Envelope, MarksGroupsByNilHosts) {
  EXPECT_EQ(
      envelope("To: teachers: ali@h, awa@h;, x@y\r\n\r\n"),
      R"x((NIL NIL NIL NIL NIL ((NIL NIL "teachers" NIL)(NIL NIL "ali" "h")(NIL NIL "awa" "h")(NIL NIL NIL NIL)(NIL NIL "x" "y")) NIL NIL NIL NIL))x");
}

TEST(Envelope, IsAsciiEvenWhereTheHeaderIsNot) {
  EXPECT_EQ(envelope("Subject: \xC3\xA9t\xC3\xA9\r\n\r\n"),
            R"x((NIL "=?UTF-8?B?w6l0w6k=?=" NIL NIL NIL NIL NIL NIL NIL NIL))x");
}

TEST(BodyStructure, QuotesTheEncodingAndGivesAllExtensionFields) {
  EXPECT_EQ(
      structure("Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: "
                "base64\r\nContent-Disposition: attachment; "
                "filename=\"a b.png\"\r\nContent-Language: fr, en\r\n\r\nAAAA\r\n"),
      R"x(("image" "png" ("name" "a.png") NIL NIL "base64" 6 NIL ("attachment" ("filename" "a b.png")) ("fr" "en") NIL))x");
  EXPECT_EQ(structure("\r\nhello\r\n"), R"x(("text" "plain" NIL NIL NIL "7bit" 7 1 NIL NIL NIL NIL))x");
}

TEST(BodyStructure, ShowsPartsWithinParts) {
  EXPECT_THAT(structure(kMixed),
              testing::StartsWith(R"x((("text" "plain" NIL NIL NIL "7bit" 5 0 NIL NIL NIL NIL)("message")x"));
  EXPECT_THAT(structure(kMixed), testing::HasSubstr(R"x("message" "rfc822" NIL NIL NIL "7bit")x"));
  EXPECT_THAT(structure(kMixed), testing::HasSubstr(R"x((NIL "inner" ((NIL NIL "awa" "helper.bac")))x"));
  EXPECT_THAT(structure(kMixed), testing::EndsWith(R"x("mixed" ("boundary" "b") NIL NIL NIL))x"));
}

TEST(BodyStructure, WithoutExtensionsIsBody) {
  EXPECT_EQ(body_of(structure("\r\nhello\r\n")), R"x(("text" "plain" NIL NIL NIL "7bit" 7 1))x");
  const auto body = body_of(structure(kMixed));
  EXPECT_THAT(body,
              testing::StartsWith(
                  R"x((("text" "plain" NIL NIL NIL "7bit" 5 0)("message" "rfc822" NIL NIL NIL "7bit" )x"));
  EXPECT_THAT(body, testing::EndsWith(R"x("alternative") 13) "mixed"))x"));
}

TEST(Section, FindsPartsByNumber) {
  EXPECT_EQ(section(kMixed, {1}), "first");
  EXPECT_EQ(section(kMixed, {2, 1}), "plain");
  EXPECT_EQ(section(kMixed, {2, 2}), "<b>html</b>");
  EXPECT_EQ(section(kMixed, {2, 2}, SectionText::Mime), "Content-Type: text/html\r\n\r\n");
  EXPECT_THAT(section(kMixed, {2}, SectionText::Header), testing::StartsWith("Subject: inner\r\n"));
  EXPECT_EQ(section(kMixed, {3}), "(no such part)");
  EXPECT_EQ(section("A: b\r\n\r\nhello\r\n", {1}), "hello\r\n");
  EXPECT_EQ(section("A: b\r\n\r\nhello\r\n", {1}, SectionText::Mime), "A: b\r\n\r\n");
  EXPECT_EQ(section("A: b\r\n\r\nhello\r\n", {1, 1}), "(no such part)");
  EXPECT_EQ(section("A: b\r\n\r\nhello\r\n", {}, SectionText::Text), "hello\r\n");
}

TEST(Structure, SurvivesWhatIsCutShort) {
  for (std::size_t size = 0; size <= kMixed.size(); ++size) {
    const auto text = kMixed.substr(0, size);
    const auto root = parse_structure(text);
    EXPECT_EQ(root.end, size);
    EXPECT_FALSE(body_structure(root, text).empty());
  }
}

TEST(Structure, TakesLinearTimeForAHundredThousandPartsHeadersAndParameters) {
  std::string parts = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 100000; ++i) parts += "--b\r\n\r\nx\r\n";
  EXPECT_LE(parse_structure(parts).children.size(), StructureLimits{}.parts);

  std::string nested;
  for (int i = 0; i < 5000; ++i)
    nested += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" +
              std::to_string(i) + "\r\n";
  parse_structure(nested);

  std::string messages;
  for (int i = 0; i < 100000; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  EXPECT_EQ(Layout::unpack(Layout::pack(parse_structure(messages))).find({}, SectionText::Body)->end,
            messages.size());

  std::string wide = "Content-Type: text/plain";
  for (int i = 0; i < 100000; ++i) wide += "; a" + std::to_string(i) + "=b";
  EXPECT_LE(parse_structure(wide + "\r\n\r\n").parameters.size(), StructureLimits{}.parameters);

  std::string crowd = "To: ";
  for (int i = 0; i < 100000; ++i) crowd += "a@b, ";
  EXPECT_LT(summarize(crowd + "\r\n\r\n").envelope.size(), 100000U);
}

TEST(Words, AreDecodedAcrossTheirSeams) {
  EXPECT_EQ(decode_words("=?iso-8859-1?Q?=E9t=E9?= 2026"), "été 2026");
  EXPECT_EQ(decode_words("=?utf-8?B?w6k=?=\t=?utf-8?B?dMOp?="), "été");
  EXPECT_EQ(decode_words("=?utf-8?Q?=C3?= =?utf-8?Q?=A9?="), "é") << "a character split between two words";
  EXPECT_EQ(decode_words("a =?b? c"), "a =?b? c");
  EXPECT_EQ(decode_words(encode_words("école publique d'été, Ouagadougou, Burkina Faso, à côté du marché")),
            "école publique d'été, Ouagadougou, Burkina Faso, à côté du marché");
}

TEST(Charset, WrongLabelsStillGiveText) {
  EXPECT_EQ(to_utf8("utf-8", "caf\xE9"), "café");
  EXPECT_EQ(to_utf8("x-unknown", "café"), "café");
  EXPECT_EQ(to_utf8("../../etc/passwd", "a"), "a");
  EXPECT_EQ(fold("  ÉCOLE \r\n\t d'Été "), "école d'été");
}

TEST(Subject, BaseIsWhatIsLeftOfRepliesAndLists) {
  const auto base = [](std::string_view text) { return std::string(base_subject(text).text); };
  EXPECT_EQ(base("re: [labo] re: lunch (fwd)"), "lunch");
  EXPECT_EQ(base("fwd [x]: lunch"), "lunch");
  EXPECT_EQ(base("[fwd: re: lunch]"), "lunch");
  EXPECT_EQ(base("[list]"), "[list]") << "what would leave nothing stays";
  EXPECT_TRUE(base_subject("re: lunch").reply);
  EXPECT_FALSE(base_subject("[list] lunch").reply);
}

TEST(Date, ReadsTheNewFormsAndTheOld) {
  const auto unix = [](std::string_view text) { return parse_header_date(text).value_or(Date{}).unix; };
  EXPECT_EQ(unix("Mon, 23 Nov 2026 09:00:00 +0000"), 1795424400);
  EXPECT_EQ(unix("23 Nov 26 10:00 +0100 (CET)"), 1795424400);
  EXPECT_EQ(unix("Mon, 23-Nov-2026 04:00:00 EST"), 1795424400);
  EXPECT_FALSE(parse_header_date("31 Feb 2026 09:00:00 +0000"));
  EXPECT_EQ(print_header_date({1795424400, 60}), "Mon, 23 Nov 2026 10:00:00 +0100");
  EXPECT_EQ(print_internal_date({1795424400, -90}), "23-Nov-2026 07:30:00 -0130");
  EXPECT_EQ(parse_internal_date(" 3-Nov-2026 09:00:00 +0100"),
            parse_internal_date("3-Nov-2026 09:00:00 +0100"));
}

TEST(Signature, NeverMissesAndSeldomLies) {
  int wrong = 0;
  const Needle absent("needleword");
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int k = 0; k < 300; ++k) text += "word" + std::to_string((i * 7919 + k * 104729) % 10007) + ' ';
    EXPECT_TRUE(Needle("Word" + std::to_string((i * 7919) % 10007)).may_be_in(signature_of(fold(text))));
    wrong += absent.may_be_in(signature_of(fold(text))) ? 1 : 0;
  }
  EXPECT_LE(wrong, 4);
  EXPECT_TRUE(Needle("ab").may_be_in(signature_of("xyz"))) << "two letters say nothing about three";
}

TEST(Summary, DecodesWhatSearchAndSortLookInto) {
  const auto s = summarize(
      crlf("From: =?utf-8?Q?=C3=89lo=C3=AFse?= <Eloise@Helper.BAC>\nTo: B <b@h>, c@h\nSubject: Re: [l] "
           "=?utf-8?B?w4lURQ==?=\n"
           "Message-ID: <a@b>\nReferences: <r1@b> <r2@b>\nDate: Mon, 23 Nov 2026 01:00:00 +0200\n\nbody\n"));
  EXPECT_EQ(s.from, "eloise");
  EXPECT_EQ(s.from_text, "éloïse <eloise@helper.bac>");
  EXPECT_EQ(s.to_text, "b <b@h>, <c@h>");
  EXPECT_EQ(s.subject.substr(s.base_begin, s.base_size), "éte");
  EXPECT_TRUE(s.reply);
  EXPECT_EQ(s.thread_ids.size(), 24U);
  EXPECT_EQ(s.sent.day(), day_number(2026, 11, 23));
}

TEST(Summary, SearchesDecodedText) {
  const auto message = crlf(
      "Subject: x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
      "quoted-printable\n\nL'=E9cole est=\n finie\n");
  EXPECT_THAT(searchable_text(message, false), testing::HasSubstr("l'école est finie"));
  EXPECT_TRUE(Needle("école EST finie").may_be_in(summarize(message).signature));
}

TEST(LineEnds, BecomeCrLfWhateverTheyWere) {
  std::string out;
  EXPECT_FALSE(normalize_line_ends("a\r\nb\r\n", out));
  EXPECT_TRUE(normalize_line_ends(std::string_view("a\nb\rc\r\nd\0e", 10), out));
  EXPECT_EQ(out, "a\r\nb\r\nc\r\nde");
}
