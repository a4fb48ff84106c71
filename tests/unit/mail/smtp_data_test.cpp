// Where a message ends, and where it does not.
#include "mail/smtp/data_decoder.hpp"

#include <gtest/gtest.h>

#include "mail/smtp/reply.hpp"

namespace lab::mail::smtp {
namespace {

struct Decoded {
  std::string message, rest;
  bool done, bare;
};

Decoded decode(std::string_view input, std::size_t piece = std::string::npos) {
  std::string message;
  DataDecoder decoder(message, 1 << 20);
  std::size_t used = 0;
  while (used < input.size() && !decoder.done()) used += decoder.feed(input.substr(used, piece));
  return {message, std::string(input.substr(used)), decoder.done(), decoder.bare_line_end()};
}

TEST(Data, EndsAtTheLoneDotAndLeavesTheNextCommand) {
  auto d = decode("Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");
  EXPECT_TRUE(d.done);
  EXPECT_EQ(d.message, "Subject: x\r\n\r\nbody\r\n");
  EXPECT_EQ(d.rest, "QUIT\r\n");
}

TEST(Data, StuffedDotsAreTakenAway) {
  EXPECT_EQ(decode("..\r\n...\r\n.x\r\na.\r\n.\r\n").message, ".\r\n..\r\nx\r\na.\r\n");
}

TEST(Data, AnEmptyMessageIsAMessage) { EXPECT_TRUE(decode(".\r\n").done); }

TEST(Data, ComesOutTheSameHoweverItIsCut) {
  std::string input = "A: b\r\n\r\n..dots\r\n.\rx\r\n\r\r\n\n.\n.\r\n text\r\n.\r\nREST";
  auto whole = decode(input);
  for (std::size_t piece = 1; piece < input.size(); ++piece) {
    auto d = decode(input, piece);
    EXPECT_EQ(d.message, whole.message) << piece;
    EXPECT_EQ(d.rest, whole.rest) << piece;
    EXPECT_EQ(d.bare, whole.bare) << piece;
  }
}

// Every pair of line ends around a dot: one of sixteen ends a message, the others spoil it (CVE-2023-51764
// and its kin).
TEST(Data, OnlyCrLfDotCrLfEndsAMessage) {
  const std::string ends[] = {"\r\n", "\n", "\r", "\r\r\n"};
  for (auto& before : ends)
    for (auto& after : ends)
      for (std::size_t piece : {1, 2, 3, 1000}) {
        auto d = decode("text" + before + "." + after + "MAIL FROM:<smuggled@evil.test>\r\n.\r\n", piece);
        bool right = before == "\r\n" && after == "\r\n";
        if (right) {
          EXPECT_TRUE(d.rest.starts_with("MAIL"));
          EXPECT_FALSE(d.bare);
        } else if (before == "\r\r\n" && after == "\r\n") {
          EXPECT_TRUE(d.rest.starts_with("MAIL"));  // its last two bytes are a true line end …
          EXPECT_TRUE(d.bare);                      // … and its first spoils the message
        } else {
          EXPECT_TRUE(d.done);
          EXPECT_EQ(d.rest, "") << testing::PrintToString(before) << testing::PrintToString(after);
          EXPECT_TRUE(d.bare);
        }
      }
}

TEST(Data, WhatIsTooLargeIsCountedButNotKept) {
  std::string message;
  DataDecoder decoder(message, 100);
  decoder.feed(std::string(1000, 'x'));
  decoder.feed("\r\n.\r\n");
  EXPECT_TRUE(decoder.done());
  EXPECT_TRUE(decoder.too_large());
  EXPECT_EQ(message.size(), 100u);
  EXPECT_EQ(decoder.dropped(), 902u);
}

TEST(Data, StuffingAndUnstuffingGiveTheMessageBack) {
  for (std::string_view message :
       {"", "a\r\n", ".\r\n", "..\r\n.\r\n", "a\r\n.b\r\n\r\n.\r\n", "no end", "."}) {
    auto d = decode(dot_stuffed(message));
    EXPECT_TRUE(d.done);
    EXPECT_FALSE(d.bare);
    EXPECT_EQ(d.message, std::string(message) + (message.empty() || message.ends_with("\r\n") ? "" : "\r\n"));
  }
}

TEST(LineEndings, FindsALoneCrOrLfAcrossPieces) {
  auto broken = [](std::string_view text, std::size_t piece) {
    LineEndings check;
    for (std::size_t i = 0; i < text.size(); i += piece) check.feed(text.substr(i, piece));
    check.finish();
    return check.broken();
  };
  for (std::size_t piece : {1, 2, 3, 100}) {
    EXPECT_FALSE(broken("a\r\nb\r\n\r\n", piece));
    EXPECT_FALSE(broken("no line end", piece));
    for (auto text : {"a\nb", "a\rb", "a\r\r\n", "\n", "a\r\n\n", "ends in\r"})
      EXPECT_TRUE(broken(text, piece)) << text;
  }
}

TEST(Reply, IsReadAsItIsWritten) {
  for (const Reply& reply :
       {Reply{250, "2.1.5", "fine"}, Reply{250, "", "mail.helper.bac\nSIZE 1\nSTARTTLS"},
        Reply{550, "5.1.1", "nobody\nreally"}, Reply{354, "", "go"}, Reply{220, "", ""}}) {
    ReplyReader reader;
    std::string wire = reply.wire();
    std::size_t at = 0;
    auto outcome = ReplyReader::Outcome::More;
    while (outcome == ReplyReader::Outcome::More) {
      auto end = wire.find("\r\n", at);
      outcome = reader.feed(std::string_view(wire).substr(at, end - at));
      at = end + 2;
    }
    EXPECT_EQ(outcome, ReplyReader::Outcome::Complete);
    auto read = reader.take();
    EXPECT_EQ(read.code, reply.code);
    EXPECT_EQ(read.enhanced, reply.enhanced);
    EXPECT_EQ(read.text, reply.text);
  }
}

TEST(Reply, NonsenseFromAServerIsMalformed) {
  for (auto line : {"", "25", "2x0 ok", "250_ok", "999 x", "HTTP/1.1 400 Bad Request"})
    EXPECT_EQ(ReplyReader().feed(line), ReplyReader::Outcome::Malformed) << line;
  ReplyReader changes;
  changes.feed("250-one");
  EXPECT_EQ(changes.feed("251 two"), ReplyReader::Outcome::Malformed);
  ReplyReader endless;
  auto outcome = ReplyReader::Outcome::More;
  for (int i = 0; i < 1000 && outcome == ReplyReader::Outcome::More; ++i) outcome = endless.feed("250-more");
  EXPECT_EQ(outcome, ReplyReader::Outcome::Malformed);
}

}  // namespace
}  // namespace lab::mail::smtp
