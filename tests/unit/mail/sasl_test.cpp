#include "mail/sasl.hpp"

#include <gtest/gtest.h>

namespace lab::mail {
namespace {
using Outcome = SaslExchange::Outcome;

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : vectors) {
    EXPECT_EQ(base64_encode(plain), coded);
    EXPECT_EQ(base64_decode(coded), plain);
  }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (auto text : {"Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "====", "Zg==Zg==", "Zm9\x80"})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(Sasl, PlainInOneStep) {
  auto plain = *SaslExchange::start("plain");
  EXPECT_EQ(plain.begin(base64_encode(std::string_view("\0ali\0Ali-2026", 13))), Outcome::Done);
  EXPECT_EQ(plain.credentials().name, "ali");
  EXPECT_EQ(plain.credentials().password, "Ali-2026");
}

TEST(Sasl, PlainAsksWhenThereIsNoInitialResponse) {
  auto plain = *SaslExchange::start("PLAIN");
  EXPECT_EQ(plain.begin(std::nullopt), Outcome::Challenge);
  EXPECT_EQ(plain.challenge(), "");
  EXPECT_EQ(plain.feed(base64_encode(std::string_view("ali\0ali\0é", 10))), Outcome::Done);
  EXPECT_EQ(plain.credentials().act_as, "ali");
}

TEST(Sasl, LoginAsOutlookDoesIt) {
  auto login = *SaslExchange::start("LOGIN");
  EXPECT_EQ(login.begin(std::nullopt), Outcome::Challenge);
  EXPECT_EQ(login.challenge(), "VXNlcm5hbWU6");
  EXPECT_EQ(login.feed(base64_encode("ali@helper.bac")), Outcome::Challenge);
  EXPECT_EQ(login.challenge(), "UGFzc3dvcmQ6");
  EXPECT_EQ(login.feed(base64_encode("Ali-2026")), Outcome::Done);
  EXPECT_EQ(login.credentials().name, "ali@helper.bac");
}

TEST(Sasl, LoginWithTheNameInTheCommandAsCopiersDoIt) {
  auto login = *SaslExchange::start("LOGIN");
  EXPECT_EQ(login.begin(base64_encode("ali")), Outcome::Challenge);
  EXPECT_EQ(login.challenge(), "UGFzc3dvcmQ6");
  EXPECT_EQ(login.feed(base64_encode("secret")), Outcome::Done);
}

TEST(Sasl, AStarCancels) {
  auto login = *SaslExchange::start("LOGIN");
  login.begin(std::nullopt);
  EXPECT_EQ(login.feed("*"), Outcome::Cancelled);
}

TEST(Sasl, GarbageIsMalformedAndNothingElse) {
  for (auto text : {"%%%", "QUFB", "AGFsaQBhAGI="}) {  // no base64; no NUL; three NULs
    auto plain = *SaslExchange::start("PLAIN");
    EXPECT_EQ(plain.begin(text), Outcome::Malformed) << text;
  }
  auto empty = *SaslExchange::start("PLAIN");
  EXPECT_EQ(empty.begin("="), Outcome::Malformed);
  EXPECT_FALSE(SaslExchange::start("CRAM-MD5"));
}

}  // namespace
}  // namespace lab::mail
