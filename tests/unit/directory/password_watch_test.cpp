#include "directory/kdc/password_watch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "directory/kdc/config.hpp"

namespace lab::directory::kdc {
namespace {

using Kind = KeyChange::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kAli = "uid=ali,ou=people,dc=helper,dc=bac";

struct Watch {
  PasswordWatch watch{"dc=helper,dc=bac", [](const std::string& uid, const std::string& stored) {
                        return uid == "awa" && stored == "{ARGON2}topology" ? std::optional<std::string>("Awa-2026")
                                                                            : std::nullopt;
                      }};
  std::string say(const std::string& text) { return watch.on_message(text).text; }
  std::vector<KeyChange> result(int code, const std::string& message = "2", const std::string& connection = "7") {
    auto answer = watch.on_message(
        fmt::format("RESULT\nmsgid: {}\nconnid: {}\ncode: {}\nmatched: \ninfo: \n\n", message, connection, code));
    EXPECT_EQ(answer.text, "");
    return answer.changes;
  }
  std::string modify(const std::string& dn, const std::string& change) {
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

TEST(PasswordWatch, APasswordThatWasChangedBecomesTheKey) {
  Watch w;
  // value: 30 07 82 05 "salut": no name, so whoever is bound
  EXPECT_EQ(w.say("EXTENDED\nmsgid: 2\nconnid: 7\nbinddn: " + kAli +
                  "\nsuffix: dc=helper,dc=bac\noid: 1.3.6.1.4.1.4203.1.11.1\nvalue: MAeCBXNhbHV0\n\n"),
            "CONTINUE\n");
  EXPECT_EQ(w.modify(kAli, "replace: userPassword\nuserPassword: {ARGON2}hash\n"), "CONTINUE\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::SetPassword, "ali", "salut"}));
  EXPECT_THAT(w.result(0), IsEmpty()) << "once";
}

TEST(PasswordWatch, WhatTheDirectoryRefusedChangesNothing) {
  Watch w;
  w.modify(kAli, "replace: userPassword\nuserPassword: short\n");
  EXPECT_THAT(w.result(19), IsEmpty());
  EXPECT_THAT(w.result(0), IsEmpty());
}

TEST(PasswordWatch, AResultBelongsToItsOwnConnection) {
  Watch w;
  w.modify(kAli, "replace: userPassword\nuserPassword: new\n");
  EXPECT_THAT(w.result(0, "2", "8"), IsEmpty());
  EXPECT_THAT(w.result(0, "3", "7"), IsEmpty());
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::SetPassword, "ali", "new"}));
}

TEST(PasswordWatch, AHashNobodyKnowsMakesTheOldKeyWorthless) {
  Watch w;
  w.modify(kAli, "replace: userPassword\nuserPassword: {ARGON2}other\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::Forget, "ali", ""}));
  w.modify("uid=awa,ou=people,dc=helper,dc=bac", "replace: userPassword\nuserPassword: {ARGON2}topology\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::SetPassword, "awa", "Awa-2026"}));
}

TEST(PasswordWatch, LocksAndFarewellsAreCarriedOver) {
  Watch w;
  w.modify(kAli, "replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::Lock, "ali", ""}));
  w.modify(kAli, "replace: pwdAccountLockedTime\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::Unlock, "ali", ""}));
  w.say("DELETE\nmsgid: 2\nconnid: 7\ndn: " + kAli + "\n\n");
  EXPECT_THAT(w.result(0), ElementsAre(KeyChange{Kind::Remove, "ali", ""}));
}

TEST(PasswordWatch, APasswordTheServerWouldMakeUpIsRefused) {
  Watch w;
  EXPECT_THAT(w.say("EXTENDED\nmsgid: 2\nconnid: 7\nbinddn: " + kAli +
                    "\noid: 1.3.6.1.4.1.4203.1.11.1\nvalue: MAA=\n\n"),
              StartsWith("RESULT\ncode: 53\n"));
}

TEST(PasswordWatch, OnlyPeopleHaveKeys) {
  Watch w;
  EXPECT_EQ(w.watch.uid_of("UID=Ali , OU=People, dc=helper,dc=BAC"), "ali");
  for (const auto* dn : {"cn=mail,ou=services,dc=helper,dc=bac", "uid=ali,ou=people,dc=other,dc=bac",
                         "uid=ali,cn=x,ou=people,dc=helper,dc=bac", "uid=a\\2cb,ou=people,dc=helper,dc=bac", ""})
    EXPECT_FALSE(w.watch.uid_of(dn)) << dn;
  w.modify("cn=mail,ou=services,dc=helper,dc=bac", "replace: userPassword\nuserPassword: x\n");
  EXPECT_THAT(w.result(0), IsEmpty());
}

TEST(KdcConfig, NothingInItSteersKerberosOwnFiles) {
  const std::string good = R"(realm: HELPER.BAC
suffix: dc=helper,dc=bac
data: /state
socket: /run/s
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
