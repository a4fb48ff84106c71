#include "mail/config.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace lab::mail {
namespace {
using testing::HasSubstr;

const std::string kGood = R"(
hostname: mail.helper.bac
data: mail
listen: {smtp: [192.168.56.10:25, "[fd00::1]:25"], imaps: 192.168.56.10:993}
tls: {certificate: tls/mail.crt, key: /etc/mail.key}
domains:
  Helper.BAC:
    directory: {urls: ["ldapi:///run/ldapi"], base: "dc=helper,dc=bac", password_file: secret}
    aliases: {contact: [ali@helper.bac, awa]}
)";

std::expected<Config, std::string> load(const std::string& text) {
  auto path = testing::TempDir() + "mail_config_" + std::to_string(::getpid()) + ".yaml";
  std::ofstream(path) << text;
  auto config = load_config(path);
  std::remove(path.c_str());
  return config;
}

TEST(MailConfig, ReadsWhatLabctlWrites) {
  auto config = load(kGood);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->listen.smtp.size(), 2u);
  EXPECT_EQ(config->listen.imaps[0].text(), "192.168.56.10:993");
  ASSERT_EQ(config->domains.count("helper.bac"), 1u) << "domains in lower case";
  EXPECT_EQ(config->domains["helper.bac"].max_message.count, 25u << 20);
  EXPECT_TRUE(config->tls.required);
}

TEST(MailConfig, PathsAreRelativeToTheFile) {
  auto config = load(kGood);
  EXPECT_EQ(config->data, testing::TempDir() + "mail");
  EXPECT_EQ(config->tls.certificate, testing::TempDir() + "tls/mail.crt");
  EXPECT_EQ(config->tls.key, "/etc/mail.key");
  EXPECT_EQ(config->domains["helper.bac"].directory->password_file, testing::TempDir() + "secret");
}

TEST(MailConfig, TellsEveryMistakeAtOnce) {
  auto config = load(
      "hostname: mail_!\nlisten: {smtps: [127.0.0.1:465]}\ndomains: {helper.bac: {user: {}, aliases: {'a b': "
      "[x]}}}\nqueue: {retry: []}\n");
  ASSERT_FALSE(config);
  for (auto part : {"'data'", "need a certificate", "did you mean 'users'?", "'a b' cannot be",
                    "'retry' of the queue is empty", "mail_!"})
    EXPECT_THAT(config.error(), HasSubstr(part));
}

TEST(MailConfig, TheReferenceNamesEveryPart) {
  for (auto part : {"hostname", "certificate", "aliases", "password_file", "pbkdf2_sha256", "give_up_after"})
    EXPECT_THAT(config_reference(), HasSubstr(part));
}

}  // namespace
}  // namespace lab::mail
