#include "mail/config.hpp"

#include <filesystem>

#include "mail/address.hpp"

namespace lab::config {

template <>
struct EnumNames<directory::Flavour> {
  static constexpr std::pair<const char*, directory::Flavour> names[] = {
      {"openldap", directory::Flavour::OpenLdap}, {"ad", directory::Flavour::ActiveDirectory}};
};
template <>
struct EnumNames<directory::Referrals> {
  static constexpr std::pair<const char*, directory::Referrals> names[] = {
      {"refuse", directory::Referrals::Refuse}, {"follow", directory::Referrals::Follow}};
};

}  // namespace lab::config

namespace lab::mail {
namespace {

bool is_domain(const std::string& name) {
  Cursor cursor(name);
  return take_domain(cursor).has_value() && cursor.at_end();
}

void check_names(const yaml::Value& at, const std::string& domain, const DomainConfig& config) {
  if (!is_domain(domain)) at.error("'" + domain + "' is not a domain name");
  for (auto& [user, entry] : config.users) {
    if (!Address::parse(user + "@" + domain))
      at.error("'" + user + "' cannot be the local part of an address");
    for (auto& other : entry.mail)
      if (!Address::parse(other.find('@') == std::string::npos ? other + "@" + domain : other))
        at.error("'" + other + "' is not a mail address");
  }
  for (auto& [alias, members] : config.aliases) {
    if (!Address::parse(alias + "@" + domain))
      at.error("'" + alias + "' cannot be the local part of an address");
    for (auto& member : members)
      if (!Address::parse(member.find('@') == std::string::npos ? member + "@" + domain : member))
        at.error("'" + member + "' is not a mail address");
  }
}

void make_absolute(std::string& path, const std::filesystem::path& folder) {
  if (!path.empty()) path = (folder / path).lexically_normal().string();
}

}  // namespace

const config::Table<ListenConfig>& listen_table() {
  static const auto table = config::Table<ListenConfig>("listen")
                                .row("smtp", &ListenConfig::smtp, "mail from other servers, usually port 25")
                                .row("submission", &ListenConfig::submission,
                                     "mail from users, encrypted by STARTTLS, usually port 587 (RFC 6409)")
                                .row("smtps", &ListenConfig::smtps,
                                     "mail from users, TLS from the first byte, usually port 465 (RFC 8314)")
                                .row("pop3", &ListenConfig::pop3, "POP3 with STLS, usually port 110")
                                .row("pop3s", &ListenConfig::pop3s, "POP3 over TLS, usually port 995")
                                .row("imap", &ListenConfig::imap, "IMAP with STARTTLS, usually port 143")
                                .row("imaps", &ListenConfig::imaps, "IMAP over TLS, usually port 993");
  return table;
}

const config::Table<TlsConfig>& tls_table() {
  static const auto table =
      config::Table<TlsConfig>("tls")
          .required("certificate", &TlsConfig::certificate,
                    "PEM file: the server's certificate, then what links it to the CA")
          .required("key", &TlsConfig::key, "PEM file: its private key")
          .row("ca", &TlsConfig::ca, "PEM file: the lab CA")
          .row("required", &TlsConfig::required, "no password is taken over a connection in clear");
  return table;
}

const config::Table<GroupRules>& group_rules_table() {
  static const auto table =
      config::Table<GroupRules>("group of the directory")
          .row("order", &GroupRules::order, "of two groups that have a rule the lower one counts")
          .row("policy", &GroupRules::policy, "rules for its members");
  return table;
}
inline const auto& table_of(const GroupRules*) { return group_rules_table(); }

const config::Table<DirectoryConfig>& directory_table() {
  static const auto table =
      config::Table<DirectoryConfig>("directory")
          .required("urls", &DirectoryConfig::urls,
                    "servers in order of preference: ldapi://…, ldap://…, ldaps://…")
          .required("base", &DirectoryConfig::base, "where the tree begins: dc=helper,dc=bac")
          .row("bind_dn", &DirectoryConfig::bind_dn, "whom the mail server binds as to look people up")
          .row("password_file", &DirectoryConfig::password_file, "file with the password of bind_dn")
          .row("ca", &DirectoryConfig::ca, "PEM file: the CA that vouches for the directory's certificate")
          .row("flavour", &DirectoryConfig::flavour,
               "how its tree is laid out: openldap or ad (Active Directory)")
          .row("referrals", &DirectoryConfig::referrals, "follow or refuse what leads to other servers")
          .row("policy", &DirectoryConfig::policy, "rules for everybody, where the directory itself has none")
          .row("groups", &DirectoryConfig::groups, "rules for the members of its groups, by their names")
          .row("users", &DirectoryConfig::users, "rules for single people, by login name");
  return table;
}

const config::Table<UserConfig>& user_table() {
  static const auto table =
      config::Table<UserConfig>("user")
          .row("name", &UserConfig::name, "the name shown: Ali Traoré")
          .required(
              "password", &UserConfig::password,
              "in clear, or pbkdf2_sha256$ROUNDS$SALT$BASE64 (RFC 8018) so that the file does not tell it")
          .row("mail", &UserConfig::mail, "further addresses, with or without the domain")
          .row("quota", &UserConfig::quota, "how much the mailboxes may hold; 0: no limit");
  return table;
}

const config::Table<KerberosConfig>& kerberos_table() {
  static const auto table =
      config::Table<KerberosConfig>("kerberos")
          .required("realm", &KerberosConfig::realm, "the realm, usually the domain in capitals")
          .required("keytab", &KerberosConfig::keytab,
                    "file with the keys of imap/HOST, smtp/HOST and pop/HOST");
  return table;
}

const config::Table<DomainConfig>& domain_table() {
  static const auto table =
      config::Table<DomainConfig>("mail domain")
          .row("kerberos", &DomainConfig::kerberos, "log-in by tickets, without a password (RFC 4752)")
          .row("directory", &DomainConfig::directory, "who the users are; they log in with its passwords")
          .row("users", &DomainConfig::users,
               "users known without a directory, by login name; asked before it")
          .row("aliases", &DomainConfig::aliases,
               "names that stand for others: contact: [ali@helper.bac, awa@helper.bac]")
          .row("welcome", &DomainConfig::welcome, "greet each new mailbox with a message")
          .row("max_message", &DomainConfig::max_message, "the largest message taken",
               {.min = 1 << 16, .max = 1 << 30});
  return table;
}

const config::Table<QueueConfig>& queue_table() {
  static const auto table =
      config::Table<QueueConfig>("queue")
          .row("retry", &QueueConfig::retry, "pauses between attempts to send; the last one is repeated",
               {.min = 1, .max = 86400})
          .row("warn_after", &QueueConfig::warn_after, "the sender is told that a message is late",
               {.min = 1, .max = 864000})
          .row("give_up_after", &QueueConfig::give_up_after, "the message goes back to its sender",
               {.min = 1, .max = 8640000})
          .row("port", &QueueConfig::port, "where other servers listen", {.min = 1, .max = 65535});
  return table;
}

const config::Table<Config>& config_table() {
  static const auto table =
      config::Table<Config>("mail.yaml")
          .required("hostname", &Config::hostname, "the name this server gives itself: mail.helper.bac")
          .required("data", &Config::data, "folder that holds mailboxes and queue")
          .required("listen", &Config::listen, "addresses and ports by protocol")
          .row("tls", &Config::tls, "certificate; without it nothing is encrypted")
          .row("dns", &Config::dns,
               "name servers that are asked for MX records; default: those of /etc/resolv.conf")
          .required("domains", &Config::domains, "the post offices: mail for these domains ends here")
          .row("networks", &Config::networks,
               "networks whose hosts may send anywhere without logging in; default: none")
          .row("queue", &Config::queue, "mail for other servers that has to wait")
          .rule([](const yaml::Value& at, Config& config) {
            if (!config.hostname.empty() && !is_domain(config.hostname))
              at.error("hostname '" + config.hostname + "' is not a host's name",
                       "write it as mail.helper.bac");
            for (auto& [name, domain] : config.domains) check_names(at, name, domain);
            if (config.domains.empty())
              at.error("there is no domain to take mail for", "name one under 'domains'");
            auto& listen = config.listen;
            if (!config.tls.available() &&
                !(listen.smtps.empty() && listen.pop3s.empty() && listen.imaps.empty()))
              at.error("smtps, pop3s and imaps need a certificate", "name one under 'tls'");
            if (config.queue.retry.empty())
              at.error("'retry' of the queue is empty", "leave it out for the default");
          });
  return table;
}

std::expected<Config, std::string> load_config(const std::string& path) {
  auto text = yaml::read_file(path);
  if (!text) return std::unexpected(text.error().text() + "\n");
  yaml::Diagnostics diagnostics(path, *text);
  Config config;
  if (auto document = yaml::parse(diagnostics, *text)) config_table().read(*document, config);
  if (!diagnostics.ok()) return std::unexpected(diagnostics.render());
  auto folder = std::filesystem::absolute(path).parent_path();
  for (auto* file : {&config.data, &config.tls.certificate, &config.tls.key, &config.tls.ca})
    make_absolute(*file, folder);
  std::map<std::string, DomainConfig> lowered;
  for (auto& [name, domain] : config.domains) {
    if (domain.directory) {
      make_absolute(domain.directory->password_file, folder);
      make_absolute(domain.directory->ca, folder);
    }
    if (domain.kerberos) make_absolute(domain.kerberos->keytab, folder);
    lowered[lower(name)] = std::move(domain);
  }
  config.domains = std::move(lowered);
  return config;
}

std::string config_reference() {
  std::string page;
  for (auto& part : {config_table().reference(), listen_table().reference(), tls_table().reference(),
                     domain_table().reference(), kerberos_table().reference(), directory_table().reference(), user_table().reference(),
                     queue_table().reference()})
    page += (page.empty() ? "" : "\n") + part;
  return page;
}

}  // namespace lab::mail
