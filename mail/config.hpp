/// config -- what mail.yaml says: one table row per key (common/config.hpp), from which the parser, the
/// checks and the page of `lab-maild --help-config` come.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config.hpp"
#include "common/error.hpp"
#include "directory/client_settings.hpp"
#include "directory/policy_config.hpp"

namespace lab::mail {

struct ListenConfig {
  std::vector<Endpoint> smtp, submission, smtps, pop3, pop3s, imap, imaps;
};

struct TlsConfig {
  std::string certificate, key, ca;
  bool required = true;
  bool available() const { return !certificate.empty(); }
};

/// Rules for the members of a group of the directory.
struct GroupRules {
  unsigned order = 0;  ///< of two groups that have a rule the lower one counts
  directory::PolicyConfig policy;
};

struct DirectoryConfig {
  std::vector<std::string> urls;
  std::string base, bind_dn, password_file, ca;
  directory::Flavour flavour = directory::Flavour::OpenLdap;
  directory::Referrals referrals = directory::Referrals::Refuse;
  /// For a directory that is not the lab's own and holds no rules itself.
  directory::PolicyConfig policy;
  std::map<std::string, GroupRules> groups;
  std::map<std::string, directory::PolicyConfig> users;
};

/// Somebody known without a directory: for a mail server that stands alone.
struct UserConfig {
  std::string name;
  std::string password;
  std::vector<std::string> mail;
  config::Bytes quota;
};

/// Log-in without a password, by tickets of a realm.
struct KerberosConfig {
  std::string realm, keytab;
};

struct DomainConfig {
  std::optional<KerberosConfig> kerberos;
  std::optional<DirectoryConfig> directory;
  std::map<std::string, UserConfig> users;
  std::map<std::string, std::vector<std::string>> aliases;
  bool welcome = true;
  config::Bytes max_message{25 << 20};
};

struct QueueConfig {
  /// After the first attempt, after the second …; the last one is repeated (RFC 5321 4.5.4.1).
  std::vector<std::chrono::seconds> retry{std::chrono::seconds(30), std::chrono::minutes(1),
                                          std::chrono::minutes(5),  std::chrono::minutes(15),
                                          std::chrono::minutes(30), std::chrono::hours(1)};
  std::chrono::seconds warn_after = std::chrono::hours(4);
  std::chrono::seconds give_up_after = std::chrono::hours(5 * 24);
  std::uint16_t port = 25;
};

struct Config {
  std::string hostname;
  std::string data;
  ListenConfig listen;
  TlsConfig tls;
  std::vector<IpAddress> dns;
  std::map<std::string, DomainConfig> domains;
  std::vector<Network> networks;
  QueueConfig queue;
};

const config::Table<ListenConfig>& listen_table();
const config::Table<TlsConfig>& tls_table();
const config::Table<DirectoryConfig>& directory_table();
const config::Table<UserConfig>& user_table();
const config::Table<KerberosConfig>& kerberos_table();
const config::Table<DomainConfig>& domain_table();
const config::Table<QueueConfig>& queue_table();
const config::Table<Config>& config_table();
inline const auto& table_of(const ListenConfig*) { return listen_table(); }
inline const auto& table_of(const TlsConfig*) { return tls_table(); }
inline const auto& table_of(const DirectoryConfig*) { return directory_table(); }
inline const auto& table_of(const UserConfig*) { return user_table(); }
inline const auto& table_of(const KerberosConfig*) { return kerberos_table(); }
inline const auto& table_of(const DomainConfig*) { return domain_table(); }
inline const auto& table_of(const QueueConfig*) { return queue_table(); }

/// Reads the file; on mistakes their rendered list, all of them. Relative paths in it are made relative to
/// its folder.
std::expected<Config, std::string> load_config(const std::string& path);
/// The text of --help-config.
std::string config_reference();

}  // namespace lab::mail
