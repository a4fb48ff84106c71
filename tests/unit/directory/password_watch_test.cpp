#include "directory/kdc/password_watch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "directory/kdc/config.hpp"

namespace lab::directory::kdc {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kAli = "uid=ali,ou=people,dc=helper,dc=bac";

struct Watch {
  PasswordWatch watch{"dc=helper,dc=bac"};
  PasswordWatch::Answer say(const std::string& text) { return watch.on_message(text); }
  /// Whom a result says to look at.
  std::string result(const std::string& message = "2", const std::string& connection = "7") {
    const auto answer = say(
        fmt::format("RESULT\nmsgid: {}\nconnid: {}\ncode: 0\nmatched: \ninfo: \n\n", message, connection));
    EXPECT_EQ(answer.text, "") << "slapd waits for no answer";
    EXPECT_EQ(answer.password, "");
    return answer.uid;
  }
  PasswordWatch::Answer modify(const std::string& dn, const std::string& change) {
    return say("MODIFY\nmsgid: 2\nconnid: 7\nsuffix: dc=helper,dc=bac\ndn: " + dn + "\n" + change + "-\n\n");
  }
};

/// A password change as RFC 3062 writes it: 30 .. 80 who 81 old 82 new.
std::string request(const std::string& who, const std::string& fresh) {
  std::string inner;
  if (!who.empty()) inner += "\x80" + std::string(1, static_cast<char>(who.size())) + who;
  inner += std::string("\x81\x03") + "old";
  if (!fresh.empty()) inner += "\x82" + std::string(1, static_cast<char>(fresh.size())) + fresh;
  return "\x30" + std::string(1, static_cast<char>(inner.size())) + inner;
}

TEST(PasswordRequest, IsReadAsRfc3062WritesIt) {
  const auto read = parse_password_request(request(kAli, "secret"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->who, kAli);
  EXPECT_EQ(read->fresh, "secret");
  EXPECT_TRUE(parse_password_request(""));
  for (const auto& broken : {std::string("\x30\x05\x80\x09x"), std::string("\x31\x00", 2), std::string("\x30\x80"),
                             std::string("\x30\x84\xff\xff\xff\xff"), request(kAli, "x") + "y"})
    EXPECT_FALSE(parse_password_request(broken));
}

TEST(PasswordWatch, APasswordIsToldBeforeItIsChangedAndOnlyOnceItsOwnerMayChangeIt) {
  Watch w;
  // value: 30 07 82 05 "salut": no name, so whoever is bound
  const auto asked =
      w.say("EXTENDED\nmsgid: 2\nconnid: 7\nbinddn: " + kAli +
            "\nsuffix: dc=helper,dc=bac\noid: 1.3.6.1.4.1.4203.1.11.1\nvalue: MAeCBXNhbHV0\n\n");
  EXPECT_EQ(asked.text, "CONTINUE\n");
  EXPECT_EQ(asked.uid + asked.password, "") << "nobody has looked yet at whether they may";
  const auto granted = w.modify(kAli, "replace: userPassword\nuserPassword: {ARGON2}hash\n");
  EXPECT_EQ(granted.text, "CONTINUE\n");
  EXPECT_EQ(granted.uid, "ali");
  EXPECT_EQ(granted.password, "salut");
  EXPECT_EQ(w.result(), "ali");
  EXPECT_EQ(w.result(), "ali") << "results come several times: each overlay's searches have one";
}

TEST(PasswordWatch, APasswordWrittenInTheClearIsToldToo) {
  Watch w;
  EXPECT_EQ(w.modify(kAli, "replace: userPassword\nuserPassword: short\n").password, "short");
  EXPECT_EQ(w.say("ADD\nmsgid: 3\nconnid: 7\ndn: uid=zoe,ou=people,dc=helper,dc=bac\nuid: zoe\nuserPassword: "
                  "Zoe-1\n\n")
                .password,
            "Zoe-1");
  EXPECT_EQ(w.result("3"), "zoe");
}

TEST(PasswordWatch, AResultBelongsToItsOwnConnection) {
  Watch w;
  w.modify(kAli, "replace: userPassword\nuserPassword: new\n");
  EXPECT_EQ(w.result("2", "8"), "");
  EXPECT_EQ(w.result("3", "7"), "");
  EXPECT_EQ(w.result(), "ali");
}

TEST(PasswordWatch, AnotherRequestOfTheSameNumberInheritsNoPassword) {
  Watch w;
  w.modify(kAli, "replace: userPassword\nuserPassword: of-ali\n");
  // slapd was started again: it counts its connections anew.
  const auto other =
      w.modify("uid=awa,ou=people,dc=helper,dc=bac", "replace: userPassword\nuserPassword: {ARGON2}x\n");
  EXPECT_EQ(other.uid, "awa");
  EXPECT_EQ(other.password, "");
}

TEST(PasswordWatch, AHashIsNoPassword) {
  Watch w;
  const auto answer = w.modify(kAli, "replace: userPassword\nuserPassword: {ARGON2}other\n");
  EXPECT_EQ(answer.uid, "ali");
  EXPECT_EQ(answer.password, "");
}

TEST(PasswordWatch, LocksAndFarewellsAreWorthALook) {
  Watch w;
  EXPECT_EQ(w.modify(kAli, "replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n").uid,
            "ali");
  EXPECT_EQ(w.modify(kAli, "add: pwdFailureTime\npwdFailureTime: 20261126023307Z\n").uid, "");
  EXPECT_EQ(w.modify(kAli, "replace: jpegPhoto\njpegPhoto: x\n").uid, "");
  EXPECT_EQ(w.say("DELETE\nmsgid: 2\nconnid: 7\ndn: " + kAli + "\n\n").uid, "ali");
}

TEST(PasswordWatch, APasswordTheServerWouldMakeUpIsRefused) {
  Watch w;
  EXPECT_THAT(w.say("EXTENDED\nmsgid: 2\nconnid: 7\nbinddn: " + kAli +
                    "\noid: 1.3.6.1.4.1.4203.1.11.1\nvalue: MAA=\n\n")
                  .text,
              StartsWith("RESULT\ncode: 53\n"));
}

TEST(PasswordWatch, OnlyPeopleHaveKeys) {
  Watch w;
  EXPECT_EQ(w.watch.uid_of("UID=Ali , OU=People, dc=helper,dc=BAC"), "ali");
  for (const auto* dn :
       {"cn=mail,ou=services,dc=helper,dc=bac", "uid=ali,ou=people,dc=other,dc=bac",
        "uid=ali,cn=x,ou=people,dc=helper,dc=bac", "uid=a\\2cb,ou=people,dc=helper,dc=bac",
        "uid=ali/next,ou=people,dc=helper,dc=bac", "uid=ali@OTHER,ou=people,dc=helper,dc=bac", ""})
    EXPECT_FALSE(w.watch.uid_of(dn)) << dn;
  EXPECT_EQ(w.modify("cn=mail,ou=services,dc=helper,dc=bac", "replace: userPassword\nuserPassword: x\n").uid,
            "");
}

TEST(KdcConfig, NothingInItSteersKerberosOwnFiles) {
  const std::string good = R"(realm: HELPER.BAC
suffix: dc=helper,dc=bac
data: /state
socket: /run/s
directory: /run/ldapi
listen: 192.168.56.10:88
users: {ali: "Ali-2026"}
keytabs: {mail: {file: /run/k, services: [imap/mail.helper.bac]}}
)";
  const auto read = config::load_text<Settings>("kdc.yaml", good);
  ASSERT_TRUE(read) << read.error();
  EXPECT_THAT(kdc_conf(*read), HasSubstr("kdc_listen = 192.168.56.10:88\n"));
  auto broken = good;
  broken.replace(broken.find("HELPER.BAC"), 10, "\"A = {\"");
  EXPECT_FALSE(config::load_text<Settings>("kdc.yaml", broken));
}

}  // namespace
}  // namespace lab::directory::kdc
