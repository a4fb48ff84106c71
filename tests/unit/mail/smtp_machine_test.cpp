// The rules of an SMTP dialogue, told as dialogues: what the client says, what it hears.
#include "mail/smtp/machine.hpp"

#include <gmock/gmock.h>

namespace lab::mail::smtp {
namespace {
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A server of helper.bac whose directory knows ali and awa; `say` answers what the machine asks of the
/// outside.
struct Dialogue {
  Machine machine;
  bool directory_down = false, mailbox_full = false, closed = false;
  int messages = 0;
  std::uint64_t small_domain = 0;
  MailRules rules;  // of who logs in

  static Settings settings() {
    Settings s;
    s.hostname = "mail.helper.bac";
    s.domain = "helper.bac";
    s.tls_available = true;
    return s;
  }
  static Settings submission() {
    auto s = settings();
    s.submission = true;
    return s;
  }
  explicit Dialogue(Settings s = settings()) : machine(std::move(s)) {}

  Destination find(const Address& address) const {
    Destination d;
    if (directory_down) return d;
    d.outcome = Destination::Outcome::NotOurs;
    if (address.domain() != "helper.bac") return d;
    d.outcome = Destination::Outcome::Unknown;
    auto key = address.key_without_tag();
    if (key == "ali@helper.bac" || key == "awa@helper.bac" || key == "postmaster@helper.bac" ||
        key == "aïcha@helper.bac")
      d = {Destination::Outcome::Known, {key}, {}, small_domain, ""};
    if (key == "contact@helper.bac")
      d = {Destination::Outcome::Known, {"ali@helper.bac", "awa@helper.bac"}, {}, 0, ""};
    return d;
  }
  Account login(const Credentials& c) const {
    Account a;
    if (directory_down) return a;
    a.outcome = c.name == "ali" && c.password == "Ali-2026" ? Account::Outcome::Ok : Account::Outcome::Denied;
    if (c.name == "locked") a = {Account::Outcome::Refused, "", "", 0, "this account is locked"};
    a.user = "ali@helper.bac";
    a.rules = rules;
    return a;
  }
  std::string answer(Step step) {
    std::string heard = step.reply ? step.reply->wire() : "";
    if (auto* ask = std::get_if<CheckLogin>(&step.ask))
      return heard + answer(machine.on_login(login(ask->credentials)));
    if (auto* ask = std::get_if<CheckSender>(&step.ask))
      return heard + answer(machine.on_sender(find(ask->address)));
    if (auto* ask = std::get_if<CheckRecipient>(&step.ask))
      return heard + answer(machine.on_recipient(find(ask->address), mailbox_full));
    if (std::holds_alternative<StartTls>(step.ask)) machine.on_tls();
    if (std::holds_alternative<Close>(step.ask)) closed = true;
    if (auto* ask = std::get_if<ReadChunk>(&step.ask)) {
      if (!ask->last || ask->discard) return heard + answer(machine.on_chunk(ask->size, ask->discard));
      ++messages;
      return heard + answer(machine.on_message(Taken::Stored, "k3v9x"));
    }
    if (std::holds_alternative<ReadMessage>(step.ask)) {
      ++messages;
      return heard + answer(machine.on_message(Taken::Stored, "k3v9x"));
    }
    return heard;
  }
  std::string say(std::string_view line) { return answer(machine.on_line(line, true)); }
  Dialogue& encrypted() {
    say("EHLO pc1");
    say("STARTTLS");
    say("EHLO pc1");
    return *this;
  }
  Dialogue& logged_in() {
    encrypted();
    EXPECT_THAT(say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("235 2.7.0"));
    return *this;
  }
};

TEST(SmtpMachine, AMessageFromElsewhereToAliIsTaken) {
  Dialogue d;
  EXPECT_EQ(d.machine.greeting().wire(), "220 mail.helper.bac ESMTP labctl\r\n");
  EXPECT_THAT(d.say("EHLO mx.other.bac"),
              StartsWith("250-mail.helper.bac\r\n250-PIPELINING\r\n250-SIZE 26214400\r\n"));
  EXPECT_THAT(d.say("MAIL FROM:<eve@other.bac> SIZE=1000 BODY=8BITMIME"), StartsWith("250 2.1.0"));
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("250 2.1.5"));
  EXPECT_THAT(d.say("DATA"), StartsWith("354 "));
  EXPECT_EQ(d.messages, 1);
  EXPECT_EQ(d.say("QUIT"), "221 2.0.0 mail.helper.bac says goodbye\r\n");
  EXPECT_TRUE(d.closed);
}

TEST(SmtpMachine, ThePolicyOfAGroupLimitsWhatItsMembersSend) {
  Dialogue d(Dialogue::submission());
  d.rules.max_message = 5 << 20;
  d.rules.max_message_from = "group students";
  d.logged_in();
  EXPECT_THAT(d.say("EHLO pc1"), HasSubstr("SIZE 5242880\r\n"));
  EXPECT_EQ(d.say("MAIL FROM:<ali@helper.bac> SIZE=5242881"),
            "552 5.3.4 ali@helper.bac may send at most 5242880 bytes (policy of group students)\r\n");
  EXPECT_THAT(d.say("MAIL FROM:<ali@helper.bac> SIZE=5242880"), StartsWith("250"));
  d.say("RCPT TO:<awa@helper.bac>");
  EXPECT_EQ(d.machine.message_limit(), 5U << 20U);
}

TEST(SmtpMachine, WhoMayNotSendOutsideStillWritesAtHome) {
  Dialogue d(Dialogue::submission());
  d.rules.send_outside = false;
  d.rules.send_outside_from = "group students";
  d.logged_in().say("MAIL FROM:<ali@helper.bac>");
  EXPECT_EQ(d.say("RCPT TO:<eve@other.bac>"),
            "550 5.7.1 ali@helper.bac may not send outside, and eve@other.bac is outside (policy of group "
            "students)\r\n");
  EXPECT_THAT(d.say("RCPT TO:<awa@helper.bac>"), StartsWith("250"));
}

/// Tokens as a library would take them: "ticket", then an empty answer, then "layers".
struct FakeTickets final : TokenExchange {
  State feed(std::string_view token) override {
    if (token.empty() && step_ == 0) return reply_.clear(), State::Continue;
    ++step_;
    if (step_ == 1 && token == "ticket") return reply_ = "mutual", State::Continue;
    if (step_ == 2 && token.empty()) return reply_ = "offer", State::Continue;
    if (step_ == 3 && token == "layers") return State::Done;
    return State::Refused;
  }
  const std::string& reply() const override { return reply_; }
  const Credentials& credentials() const override { return credentials_; }
  const std::string& why() const override { return why_; }
  int step_ = 0;
  std::string reply_, why_ = "the ticket is stale";
  Credentials credentials_{.name = "ali", .password = "Ali-2026", .act_as = "", .principal = "ali@HELPER.BAC"};
};

TEST(SmtpMachine, ATicketLogsInWithoutAPassword) {
  auto settings = Dialogue::submission();
  settings.gssapi = [] { return std::make_unique<FakeTickets>(); };
  Dialogue d(settings);
  d.encrypted();
  EXPECT_THAT(d.say("EHLO pc1"), HasSubstr("AUTH PLAIN LOGIN GSSAPI\r\n"));
  EXPECT_EQ(d.say("AUTH GSSAPI"), "334 \r\n");
  EXPECT_EQ(d.say(base64_encode("ticket")), "334 " + base64_encode("mutual") + "\r\n");
  EXPECT_EQ(d.say(""), "334 " + base64_encode("offer") + "\r\n");
  EXPECT_THAT(d.say(base64_encode("layers")), StartsWith("235 2.7.0"));
}

TEST(SmtpMachine, ATicketThatProvesNothingIsToldWhy) {
  auto settings = Dialogue::submission();
  settings.gssapi = [] { return std::make_unique<FakeTickets>(); };
  Dialogue d(settings);
  d.encrypted();
  EXPECT_EQ(d.say("AUTH GSSAPI " + base64_encode("forged")),
            "535 5.7.13 Kerberos does not vouch for you: the ticket is stale\r\n");
  EXPECT_THAT(d.say("AUTH GSSAPI %%%"), StartsWith("501 5.5.2"));
  Dialogue without(Dialogue::submission());
  without.encrypted();
  EXPECT_THAT(without.say("AUTH GSSAPI"), StartsWith("504 5.5.4"));
}

TEST(SmtpMachine, HeloClientsAreServedWithoutExtensions) {
  Dialogue d;
  EXPECT_EQ(d.say("HELO pc1"), "250 mail.helper.bac\r\n");
  d.say("MAIL FROM:<eve@other.bac>");
  EXPECT_EQ(d.machine.protocol(), "SMTP");
}

TEST(SmtpMachine, NobodyRelaysWithoutLoggingIn) {
  Dialogue d;
  d.say("EHLO mx.other.bac");
  d.say("MAIL FROM:<ali@helper.bac>");
  EXPECT_THAT(d.say("RCPT TO:<eve@other.bac>"), StartsWith("550 5.7.1"));
  for (auto trick :
       {"<eve%other.bac@helper.bac>", "<@helper.bac:eve@other.bac>", "<\"eve@other.bac\"@helper.bac>",
        "<eve@[192.168.56.10]>", "<eve@other.bac@helper.bac>", "<other.bac!eve>"})
    EXPECT_THAT(d.say(std::string("RCPT TO:") + trick), StartsWith("5")) << trick;
}

TEST(SmtpMachine, ATrustedNetworkAndALoggedInUserMayRelay) {
  auto trusted = Dialogue::settings();
  trusted.trusted_network = true;
  Dialogue d(trusted);
  d.say("EHLO pc1");
  d.say("MAIL FROM:<x@y>");
  EXPECT_THAT(d.say("RCPT TO:<eve@other.bac>"), StartsWith("250"));

  Dialogue ali(Dialogue::submission());
  ali.logged_in().say("MAIL FROM:<ali@helper.bac>");
  EXPECT_THAT(ali.say("RCPT TO:<eve@other.bac>"), StartsWith("250"));
  EXPECT_EQ(ali.machine.envelope().recipients[0].destination.elsewhere[0].text(), "eve@other.bac");
}

TEST(SmtpMachine, UnknownRecipientsAreRefusedAtOnceAndADownDirectoryIsNotTheirFault) {
  Dialogue d;
  d.say("EHLO pc1");
  d.say("MAIL FROM:<>");
  EXPECT_THAT(d.say("RCPT TO:<nobody@helper.bac>"), StartsWith("550 5.1.1"));
  d.directory_down = true;
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("451 4.4.3"));
  d.directory_down = false;
  d.mailbox_full = true;
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("452 4.2.2"));
}

TEST(SmtpMachine, ThePostmasterNeedsNoDomain) {
  Dialogue d;
  d.say("EHLO pc1");
  d.say("MAIL FROM:<>");
  EXPECT_THAT(d.say("RCPT TO:<Postmaster>"), StartsWith("250"));
  EXPECT_EQ(d.machine.envelope().recipients[0].address.text(), "postmaster@helper.bac");
}

TEST(SmtpMachine, OutlookPutsASpaceBeforeThePath) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("MAIL FROM: <eve@other.bac>"), StartsWith("250"));
  EXPECT_THAT(d.say("RCPT TO: <ali@helper.bac> "), StartsWith("250"));
}

TEST(SmtpMachine, AnAddressWithoutBracketsIsRefusedWithTheWayOut) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("MAIL FROM:eve@other.bac"), HasSubstr("MAIL FROM:<ali@helper.bac>"));
}

TEST(SmtpMachine, PasswordsNeedTls) {
  Dialogue d;
  EXPECT_THAT(d.say("EHLO pc1"), Not(HasSubstr("AUTH")));
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("538 5.7.11"));
  EXPECT_THAT(d.encrypted().say("EHLO pc1"), HasSubstr("AUTH PLAIN LOGIN"));
}

TEST(SmtpMachine, WithoutTlsRequiredThePasswordMayGoInClear) {
  auto s = Dialogue::settings();
  s.auth_without_tls = true;
  Dialogue d(s);
  EXPECT_THAT(d.say("EHLO pc1"), HasSubstr("AUTH PLAIN LOGIN"));
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("235"));
  EXPECT_EQ(d.machine.user(), "ali@helper.bac");
}

TEST(SmtpMachine, OutlookLogsInWithLoginAndItsPrompts) {
  Dialogue d;
  d.encrypted();
  EXPECT_EQ(d.say("AUTH LOGIN"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(d.say("YWxp"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_THAT(d.say("QWxpLTIwMjY="), StartsWith("235"));
}

TEST(SmtpMachine, CopiersGiveTheNameWithAuthLogin) {
  Dialogue d;
  d.encrypted();
  EXPECT_EQ(d.say("AUTH LOGIN YWxp"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_THAT(d.say("QWxpLTIwMjY="), StartsWith("235"));
}

TEST(SmtpMachine, GarbageInAuthIsAnErrorAndTheDialogueGoesOn) {
  Dialogue d;
  d.encrypted();
  EXPECT_THAT(d.say("AUTH PLAIN %%%"), StartsWith("501 5.5.2"));
  EXPECT_THAT(d.say("AUTH NTLM"), StartsWith("504"));
  d.say("AUTH LOGIN");
  EXPECT_THAT(d.say("*"), StartsWith("501"));
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("235"));
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("503"));
}

TEST(SmtpMachine, GuessingPasswordsEndsTheDialogue) {
  Dialogue d;
  d.encrypted();
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQB3cm9uZw=="), StartsWith("535 5.7.8"));
  EXPECT_THAT(d.say("AUTH PLAIN AGxvY2tlZAB4"), HasSubstr("locked"));
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQB3cm9uZw=="), StartsWith("421"));
  EXPECT_TRUE(d.closed);
}

TEST(SmtpMachine, ADownDirectoryIsNotAWrongPassword) {
  Dialogue d;
  d.encrypted();
  d.directory_down = true;
  EXPECT_THAT(d.say("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), StartsWith("454 4.7.0"));
}

TEST(SmtpMachine, SubmissionWantsALoginAndOnesOwnAddress) {
  Dialogue d(Dialogue::submission());
  d.encrypted();
  EXPECT_THAT(d.say("MAIL FROM:<ali@helper.bac>"), StartsWith("530 5.7.0"));
  d.logged_in();
  EXPECT_THAT(d.say("MAIL FROM:<awa@helper.bac>"), StartsWith("553 5.7.1"));
  EXPECT_THAT(d.say("RCPT TO:<awa@helper.bac>"), StartsWith("503"));
  EXPECT_THAT(d.say("MAIL FROM:<Contact@helper.bac>"), StartsWith("250"));  // an alias that leads to Ali
  d.say("RSET");
  EXPECT_THAT(d.say("MAIL FROM:<ali+shop@helper.bac>"), StartsWith("250"));
  d.say("RSET");
  EXPECT_THAT(d.say("MAIL FROM:<>"), StartsWith("250"));  // a receipt (RFC 8098 3)
}

TEST(SmtpMachine, IosSendsSmtputf8WithoutDeclaringEightBits) {
  Dialogue d;
  d.say("EHLO phone");
  EXPECT_THAT(d.say("MAIL FROM:<eve@other.bac> SMTPUTF8"), StartsWith("250"));
  EXPECT_THAT(d.say("RCPT TO:<aïcha@helper.bac>"), StartsWith("250"));
  EXPECT_EQ(d.machine.protocol(), "UTF8SMTP");
}

TEST(SmtpMachine, AnInternationalAddressNeedsSmtputf8) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("MAIL FROM:<aïcha@helper.bac>"), StartsWith("553 5.6.7"));
  d.say("MAIL FROM:<>");
  EXPECT_THAT(d.say("RCPT TO:<aïcha@helper.bac>"), StartsWith("553 5.6.7"));
}

TEST(SmtpMachine, CommandsOutOfOrderAreToldWhatComesFirst) {
  Dialogue d;
  EXPECT_THAT(d.say("MAIL FROM:<a@b>"), HasSubstr("EHLO first"));
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), HasSubstr("MAIL FROM comes first"));
  EXPECT_THAT(d.say("DATA"), StartsWith("503"));
  d.say("MAIL FROM:<a@b>");
  EXPECT_THAT(d.say("MAIL FROM:<a@b>"), StartsWith("503"));
  EXPECT_THAT(d.say("DATA"), HasSubstr("RCPT TO comes first"));
  EXPECT_THAT(d.say("STARTTLS"), StartsWith("503"));
}

TEST(SmtpMachine, WhatWasSaidBeforeTlsIsForgotten) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("STARTTLS"), StartsWith("220"));
  EXPECT_THAT(d.say("MAIL FROM:<a@b>"), HasSubstr("EHLO first"));
  EXPECT_THAT(d.say("EHLO pc1"), Not(HasSubstr("STARTTLS")));
  EXPECT_THAT(d.say("STARTTLS"), StartsWith("503"));
}

TEST(SmtpMachine, TheSizeIsCheckedBeforeTheMessageIsSent) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("MAIL FROM:<a@b> SIZE=26214401"), StartsWith("552 5.3.4"));
  EXPECT_THAT(d.say("MAIL FROM:<a@b> SIZE=99999999999999999999"), StartsWith("501"));
  EXPECT_THAT(d.say("MAIL FROM:<a@b> SIZE=-1"), StartsWith("501"));
  EXPECT_THAT(d.say("MAIL FROM:<a@b> FUTURE=1"), StartsWith("555"));
  EXPECT_THAT(d.say("MAIL FROM:<a@b> SIZE=26214400"), StartsWith("250"));
}

TEST(SmtpMachine, ADomainMayTakeLessThanTheServer) {
  Dialogue d;
  d.small_domain = 1000;
  d.say("EHLO pc1");
  d.say("MAIL FROM:<a@b> SIZE=1001");
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("552 5.3.4"));
  d.say("RSET");
  d.say("MAIL FROM:<a@b>");
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("250"));
  EXPECT_EQ(d.machine.message_limit(), 1000u);
}

TEST(SmtpMachine, BdatTakesAMessageInChunks) {
  Dialogue d;
  d.say("EHLO pc1");
  d.say("MAIL FROM:<a@b>");
  d.say("RCPT TO:<ali@helper.bac>");
  EXPECT_THAT(d.say("BDAT 1000"), StartsWith("250 2.0.0 1000"));
  EXPECT_THAT(d.say("DATA"), StartsWith("503"));
  EXPECT_THAT(d.say("BDAT 86 LAST"), StartsWith("250"));
  EXPECT_EQ(d.messages, 1);
  EXPECT_THAT(d.say("MAIL FROM:<a@b>"), StartsWith("250"));
}

TEST(SmtpMachine, BdatOutOfOrderIsReadButNotTaken) {
  Dialogue d;
  d.say("EHLO pc1");
  EXPECT_THAT(d.say("BDAT 10 LAST"), StartsWith("503"));
  EXPECT_EQ(d.messages, 0);
  EXPECT_THAT(d.say("BDAT x"), StartsWith("501"));
  EXPECT_TRUE(d.closed);
}

TEST(SmtpMachine, RsetForgetsTheEnvelopeOnly) {
  Dialogue d;
  d.logged_in().say("MAIL FROM:<a@b>");
  d.say("RSET");
  EXPECT_FALSE(d.machine.envelope().sender);
  EXPECT_EQ(d.machine.user(), "ali@helper.bac");
}

TEST(SmtpMachine, RecipientsAreCounted) {
  auto s = Dialogue::settings();
  s.limits.recipients = 2;
  Dialogue d(s);
  d.say("EHLO pc1");
  d.say("MAIL FROM:<a@b>");
  d.say("RCPT TO:<ali@helper.bac>");
  d.say("RCPT TO:<awa@helper.bac>");
  EXPECT_THAT(d.say("RCPT TO:<ali@helper.bac>"), StartsWith("452 4.5.3"));
  EXPECT_THAT(d.say("DATA"), StartsWith("354"));
}

TEST(SmtpMachine, ManyErrorsEndTheDialogue) {
  Dialogue d;
  for (int i = 0; i < 19; ++i) EXPECT_THAT(d.say("XYZZY"), StartsWith("500 5.5.1"));
  EXPECT_THAT(d.say("XYZZY"), StartsWith("421"));
  EXPECT_TRUE(d.closed);
}

TEST(SmtpMachine, ABareLineFeedIsRefusedAndExplained) {
  Dialogue d;
  EXPECT_THAT(d.answer(d.machine.on_line("EHLO pc1", false)), HasSubstr("nc -C"));
}

TEST(SmtpMachine, ABrowserIsSentAway) {
  Dialogue d;
  EXPECT_THAT(d.say("POST / HTTP/1.1"), StartsWith("500"));
  EXPECT_TRUE(d.closed);
}

TEST(SmtpMachine, SecretsAreNeverShown) {
  Dialogue d;
  d.encrypted();
  EXPECT_EQ(d.machine.shown("AUTH PLAIN AGFsaQBBbGktMjAyNg=="), "AUTH PLAIN (secret)");
  EXPECT_EQ(d.machine.shown("auth login"), "AUTH login");
  d.say("AUTH LOGIN");
  EXPECT_EQ(d.machine.shown("QWxpLTIwMjY="), "(secret)");
}

}  // namespace
}  // namespace lab::mail::smtp
