#include "directory/slapd_conf.hpp"

#include <gmock/gmock.h>

#include "directory/apparmor.hpp"
#include "directory/replication.hpp"
#include "settings.hpp"

namespace lab::directory {
namespace {

using testing::HasSubstr;
using testing::Not;

const Place kPlace{.database = "/state/db",
                   .schema = "/state/lab.schema",
                   .pid_file = "/state/pid",
                   .uid = 1000,
                   .gid = 100};

TEST(SlapdConf, PasswordsNeedEncryption) {
  EXPECT_THAT(slapd_conf(settings_of(kHelper), kPlace, 10), HasSubstr("\nsecurity simple_bind=64\n"));
}

TEST(SlapdConf, TheAdministratorIsWhoeverRunsTheServer) {
  EXPECT_THAT(slapd_conf(settings_of(kHelper), kPlace, 10),
              HasSubstr("\"^gidNumber=100[+]uidNumber=1000,cn=peercred"));
}

TEST(SlapdConf, LoadingNeedsNeitherCertificatesNorOverlays) {
  const auto conf = slapadd_conf(settings_of(kHelper), kPlace, 10);
  EXPECT_THAT(conf, Not(HasSubstr("TLS")));
  EXPECT_THAT(conf, Not(HasSubstr("overlay")));
}

TEST(SlapdConf, ListensWhereItIsTold) {
  EXPECT_EQ(
      listen_urls(settings_of(kHelper)),
      "ldapi://%2Frun%2Fldapi/????x-mod=-rwx------ ldap://192.168.56.10:389/ ldaps://192.168.56.10:636/");
}

TEST(SlapdConf, APasswordSentInTheClearByAnAdministratorIsStoredHashed) {
  EXPECT_THAT(slapd_conf(settings_of(kHelper), kPlace, 10), HasSubstr("\nppolicy_hash_cleartext\n"));
}

const std::string kCopy = R"(domain: helper.bac
data: /state
listen: {ldap: 192.168.56.11:389, ldaps: 192.168.56.11:636, ldapi: /run/ldapi}
tls: {certificate: /c.pem, key: /k.pem, ca: /ca.pem}
replica_of: ldaps://192.168.56.10:636
replication: {dn: "cn=replica,ou=services,dc=helper,dc=bac", password_file: /p}
)";

TEST(SlapdConf, AReplicaIsToldItsPasswordInMemoryOnly) {
  auto place = kPlace;
  place.chain = "/proc/self/fd/7";
  place.syncrepl = "/proc/self/fd/8";
  const auto settings = settings_of(kCopy);
  const auto conf = slapd_conf(settings, place, 10);
  EXPECT_THAT(conf, HasSubstr("\ninclude /proc/self/fd/7\n"));
  EXPECT_THAT(conf, HasSubstr("\ninclude /proc/self/fd/8\n"));
  EXPECT_THAT(conf, HasSubstr("\nppolicy_forward_updates\n"));
  EXPECT_THAT(syncrepl_conf(settings, "a \"b\\"), HasSubstr("credentials=\"a \\\"b\\\\\" "));
  EXPECT_THAT(syncrepl_conf(settings, "s"), HasSubstr("tls_reqcert=demand"));
  EXPECT_THAT(chain_conf(settings, "s"), HasSubstr("mode=self"));
}

TEST(SlapdConf, OnlyACopierReadsPasswords) {
  const auto alone = slapd_conf(settings_of(kHelper), kPlace, 10);
  EXPECT_THAT(alone, HasSubstr("attrs=userPassword by self =xw by anonymous auth by * none"));
  EXPECT_THAT(alone, HasSubstr("attrs=pwdHistory by * none"));
  EXPECT_THAT(alone, Not(HasSubstr("authz-policy")));
  const auto copied = slapd_conf(
      settings_of(kHelper +
                  "replication: {dn: \"cn=replica,ou=services,dc=helper,dc=bac\", password_file: /p}\n"),
      kPlace, 10);
  EXPECT_THAT(
      copied,
      HasSubstr(
          "attrs=userPassword by dn.exact=\"cn=replica,ou=services,dc=helper,dc=bac\" read by self =xw"));
}

TEST(SlapdConf, ABiggerSchoolGetsABiggerMap) {
  EXPECT_EQ(map_size(5), 64U << 20U);
  EXPECT_GT(map_size(20000), 512U << 20U);
}

TEST(AppArmor, AnEnforcedProfileOfSlapdConfinesIt) {
  AppArmorFacts facts{.enabled = true,
                      .profiles_known = true,
                      .profiles = "/usr/sbin/named (enforce)\n/usr/sbin/slapd (enforce)\n",
                      .profile_installed = true};
  EXPECT_TRUE(confines(facts, "/usr/sbin/slapd"));
  facts.profiles = "/usr/sbin/slapd (complain)\n/usr/sbin/slapd//child (enforce)\n";
  EXPECT_FALSE(confines(facts, "/usr/sbin/slapd"));
  facts.profiles = "slapd (enforce)\n";
  EXPECT_TRUE(confines(facts, "/usr/sbin/slapd"));
}

TEST(AppArmor, WhereTheKernelIsNotToldTheInstalledProfileDecides) {
  EXPECT_TRUE(confines({.enabled = true, .profiles_known = false, .profiles = "", .profile_installed = true},
                       "/usr/sbin/slapd"));
  EXPECT_FALSE(
      confines({.enabled = true, .profiles_known = false, .profiles = "", .profile_installed = false},
               "/usr/sbin/slapd"));
  EXPECT_FALSE(
      confines({.enabled = false, .profiles_known = false, .profiles = "", .profile_installed = true},
               "/usr/sbin/slapd"));
}

}  // namespace
}  // namespace lab::directory
