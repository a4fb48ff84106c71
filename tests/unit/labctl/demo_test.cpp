// The demonstration: told from a plan, run through a callback that here plays the lab.
#include "labctl/teaching/demo.hpp"

#include <gmock/gmock.h>

#include "lab.hpp"
#include "labctl/teaching/story.hpp"

namespace lab::teaching {
namespace {

using lab::testing::kHelper;
using lab::testing::planned;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A stage: programs that answer as a healthy lab would, and what the audience sees.
struct Stage {
  std::string seen;
  std::vector<std::string> typed;
  std::map<std::string, ExecResult> instead;  // by program: what it answers in place of the right thing
  int enters = 0;

  ExecResult exec(const std::string& node, const std::vector<std::string>& argv) {
    typed.push_back(node + ": " + command_line(argv));
    if (const auto found = instead.find(argv[0]); found != instead.end()) return found->second;
    const auto line = command_line(argv);
    if (argv[0] == "lab-dhclient") return {0, "DISCOVER\nOFFER\nREQUEST\nACK\nmore\n"};
    if (argv[0] == "cat") return {0, "nameserver 192.168.56.10\n"};
    if (argv[0] == "dig") return {0, "answer 192.168.56.10 10 mail.helper.bac.\n"};
    if (line.contains("not-Ali-2026")) return {49, "ldap_bind: Invalid credentials (49)\n"};
    if (argv[0] == "ldapwhoami") return {0, "dn:uid=ali,ou=people,dc=helper,dc=bac\n"};
    if (argv[0] == "swaks") {
      subject_ = argv[std::ranges::find(argv, "--header") - argv.begin() + 1];
      return {0, "<~ 235 welcome\n<~ 250 on disk\n"};
    }
    if (line.contains("STATUS INBOX")) return {0, "* STATUS INBOX (MESSAGES 12 UNSEEN 3)\n"};
    if (argv[0] == "curl") return {0, subject_ + "\n"};
    if (line.contains("-no-CAfile")) return {1, "verify error:num=19\n"};
    return {0, "issuer=labctl CA, mail.helper.bac\nVerification: OK\n"};
  }

  int play(const plan::Plan& plan,
           DemoSettings settings = {.automatic = true, .language = {}, .exec = {}, .lesson = {}}) {
    settings.exec = [this](const std::string& node, const std::vector<std::string>& argv) {
      return exec(node, argv);
    };
    settings.print = [this](std::string_view words) { seen += words; };
    settings.wait = [this] { return ++enters > 0; };
    return run_demo(plan, settings);
  }

 private:
  std::string subject_;
};

DemoSettings automatic(std::string language, std::string lesson = {}) {
  return {.automatic = true, .language = std::move(language), .exec = {}, .lesson = std::move(lesson)};
}

TEST(Demo, TellsTheWholeStoryAndRunsEachStepInTheClient) {
  Stage stage;
  EXPECT_EQ(stage.play(planned(kHelper)), 0) << stage.seen;
  EXPECT_THAT(stage.seen, HasSubstr("8/8  The certificate, and who trusts it"));
  EXPECT_THAT(stage.seen, HasSubstr("That was the story: 8 lessons, all as told."));
  EXPECT_THAT(stage.typed, Contains("pc1: lab-dhclient --interface eth0 --once --verbose"));
  EXPECT_THAT(stage.typed, Contains("pc1: dig +noall +answer +additional helper.bac MX"));
  EXPECT_THAT(
      stage.typed,
      Contains(
          "pc1: ldapwhoami -x -H ldaps://srv.helper.bac -D uid=ali,ou=people,dc=helper,dc=bac -w Ali-2026"));
  EXPECT_THAT(stage.typed,
              Contains(HasSubstr("--port 465 --tls-on-connect --auth PLAIN --auth-user ali@helper.bac")));
}

TEST(Demo, ShowsWhatIsTypedAndMarksTheTellingPart) {
  Stage stage;
  stage.play(planned(kHelper), automatic("en", "mx"));
  EXPECT_THAT(stage.seen, HasSubstr("  pc1:~$ dig +noall +answer +additional helper.bac MX\n  > answer "
                                    "192.168.56.10 10 mail.helper.bac.\n"));
}

TEST(Demo, ReadsTheMessageItHasJustCounted) {
  Stage stage;
  stage.play(planned(kHelper));
  EXPECT_THAT(
      stage.typed,
      Contains("pc1: curl -sS --user awa@helper.bac:Awa-2026 'imaps://mail.helper.bac/INBOX;MAILINDEX=12'"));
  EXPECT_THAT(stage.typed,
              Contains("pc1: curl -sS --user awa@helper.bac:Awa-2026 pop3s://mail.helper.bac/12"));
}

TEST(Demo, SpeaksFrenchWhereThePersonDoes) {
  Stage stage;
  EXPECT_EQ(stage.play(planned(kHelper), automatic("fr_BF.UTF-8")), 0);
  EXPECT_THAT(stage.seen, AllOf(HasSubstr("1/8  Un bail"), HasSubstr("C'était l'histoire : 8 leçons"),
                                Not(HasSubstr("A lease"))));
}

TEST(Demo, FailsHonestlyAndSaysWhatShouldHaveCome) {
  Stage stage;
  stage.instead["swaks"] = {28, "*** Error connecting to mail.helper.bac:465\n"};
  EXPECT_EQ(stage.play(planned(kHelper), automatic("en", "send")), 1);
  EXPECT_THAT(stage.seen, HasSubstr("  | *** Error connecting to mail.helper.bac:465\n"
                                    "  This is not what should have come. expected: the command to succeed; "
                                    "it ended with status 28\n"));
  EXPECT_THAT(stage.seen, HasSubstr("1 of 1 lessons did not come out as told"));
}

TEST(Demo, IsNotFooledByACommandThatSucceedsWithTheWrongAnswer) {
  Stage stage;
  stage.instead["dig"] = {0, ""};
  EXPECT_EQ(stage.play(planned(kHelper), automatic("en", "mx")), 1);
  EXPECT_THAT(stage.seen, HasSubstr("expected: '10 mail.helper.bac.'"));
}

TEST(Demo, AWrongPasswordThatWorksIsAFailure) {
  Stage stage;
  stage.instead["ldapwhoami"] = {0, "dn:uid=ali,ou=people,dc=helper,dc=bac\nInvalid credentials (49)\n"};
  EXPECT_EQ(stage.play(planned(kHelper), automatic("en", "directory")), 1);
  EXPECT_THAT(stage.seen, HasSubstr("the command to be refused; it succeeded"));
}

TEST(Demo, NamesAProgramThatIsNotInstalled) {
  Stage stage;
  stage.instead["swaks"] = {127, ""};
  EXPECT_EQ(stage.play(planned(kHelper), automatic("en", "send")), 1);
  EXPECT_THAT(stage.seen, HasSubstr("swaks is not installed on this machine"));
}

TEST(Demo, WaitsForEnterBeforeEachStep) {
  Stage stage;
  EXPECT_EQ(stage.play(planned(kHelper), {.automatic = false, .language = {}, .exec = {}, .lesson = {}}), 0);
  EXPECT_EQ(static_cast<std::size_t>(stage.enters), stage.typed.size());
  EXPECT_THAT(stage.seen, HasSubstr("[Enter]"));
}

TEST(Demo, NamesTheLessonsThereAre) {
  Stage stage;
  EXPECT_EQ(stage.play(planned(kHelper), automatic("en", "dance")), 2);
  EXPECT_THAT(stage.seen, HasSubstr("no lesson 'dance' in this lab; there are: lease, names, mx, directory, "
                                    "send, mailbox, read, certificate."));
}

TEST(Demo, TellsOnlyWhatTheLabHas) {
  Stage stage;
  const auto plan = planned(
      "networks: {lan: 10.0.0.0/24}\nnodes: {s: {networks: {lan: 10.0.0.1}, services: dhcp}, c: {networks: "
      "lan}}");
  EXPECT_EQ(stage.play(plan), 0) << stage.seen;
  EXPECT_THAT(stage.seen, HasSubstr("1/1  A lease"));
  Stage empty;
  EXPECT_EQ(empty.play(planned("networks: {lan: 10.0.0.0/24}\nnodes: {c: {networks: {lan: 10.0.0.1}}}")), 2);
  EXPECT_THAT(empty.seen, HasSubstr("nothing to show"));
}

TEST(Demo, WhatAProgramPrintsCannotTakeOverTheTerminal) {
  Stage stage;
  stage.instead["dig"] = {0, "\x1b]0;owned\x07 10 mail.helper.bac.\n"};
  stage.play(planned(kHelper), automatic("en", "mx"));
  EXPECT_THAT(stage.seen, Not(HasSubstr("\x1b")));
}

TEST(Story, HasWordsInBothLanguagesForAllItSays) {
  for (const auto language : {Language::English, Language::French})
    for (const auto& lesson : story(planned(kHelper), language, "x")) {
      std::vector<std::string> said = {lesson.title, lesson.says};
      for (const auto& step : lesson.steps) said.push_back(step.seen);
      for (const auto& words : said) {
        EXPECT_THAT(words, Not(HasSubstr("{"))) << "a value is missing";
        EXPECT_THAT(words, HasSubstr(words.contains(' ') ? " " : "?"))
            << "the key itself was shown: " << words;
      }
    }
}

TEST(Story, HasTheLessonsItAnnounces) {
  std::vector<std::string> names;
  for (const auto& lesson : story(planned(kHelper), Language::English, "x")) names.push_back(lesson.name);
  EXPECT_THAT(names, ElementsAreArray(lesson_names()));
}

TEST(Story, CommandsCanBeTypedAsTheyAreShown) {
  EXPECT_EQ(command_line({"swaks", "--body", "Hello there", "it's"}),
            "swaks --body 'Hello there' 'it'\\''s'");
  EXPECT_EQ(command_line({"sh", "-c", "a </dev/null | b"}), "a </dev/null | b");
}

}  // namespace
}  // namespace lab::teaching
