/// config -- directory.yaml: one domain's directory as labctl writes it and a student can read it. Reading
/// checks everything a later step relies on: names that are safe in DNs, groups that exist, addresses that
/// belong somewhere.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config.hpp"
#include "directory/policy_config.hpp"

namespace lab::directory {

struct Listen {
  std::vector<Endpoint> ldap;   ///< LDAP, where only StartTLS opens the door (RFC 4511 4.14)
  std::vector<Endpoint> ldaps;  ///< LDAP inside TLS from the first byte
  std::string ldapi;            ///< Unix socket
};

struct TlsFiles {
  std::string certificate, key, ca;  ///< PEM
};

/// The account by which another daemon looks people up.
struct Service {
  std::string dn;             ///< "cn=mail,ou=services,dc=helper,dc=bac"
  std::string password_file;  ///< its first line is the password
};

/// The realm with the same people (lab-kdc): tickets open the directory too, and it hears of new passwords.
struct Kerberos {
  std::string realm, host, keytab;
  std::string socket;  ///< lab-kdc's
};

struct Person {
  std::string name;                     ///< "Ali Traoré"; the uid when left out
  std::optional<std::string> password;  ///< none: nobody can log in as this user
  std::vector<std::string> mail;        ///< full addresses, the main one first; uid@domain when left out
  std::vector<std::string> groups;      ///< keys of `groups`
  std::optional<config::Bytes> quota;   ///< of the mailbox
  PolicyConfig policy;                  ///< her own rules
};

struct Group {
  std::string description;
  std::vector<std::string> groups;  ///< that it belongs to
  unsigned order = 0;               ///< of two groups with a rule, the one that comes first counts
  PolicyConfig policy;              ///< rules for its members
};

/// A machine of the domain, below ou=computers.
struct Computer {
  std::string description;
  std::vector<std::string> macs;       ///< hardware addresses
  std::vector<IpAddress> addresses;    ///< fixed ones
  std::vector<std::string> groups;     ///< keys of `groups`
};

struct Settings {
  std::string domain;  ///< "helper.bac"
  std::string suffix;  ///< "dc=helper,dc=bac"; derived from the domain when left out
  std::string data;    ///< folder of the database, slapd.conf and what was last applied
  Listen listen;
  TlsFiles tls;
  std::optional<Service> service;
  /// The account by which copies of this directory read it; on a copy, the one it reads with.
  std::optional<Service> replication;
  std::string
      replica_of;  ///< "ldaps://srv.helper.bac:636": this server is a copy of that one; empty: an original
  std::optional<Kerberos> kerberos;
  std::map<std::string, Person> users;
  std::map<std::string, Group> groups;
  std::map<std::string, Computer> computers;
  std::string computers_file;  ///< more of them: `computers:` in a file of its own
  PasswordRules passwords;
  PolicyConfig policy;  ///< rules for everybody; its passwords change `passwords`
  std::map<std::string, std::vector<std::string>> aliases;
  /// slapd sizes its tables by the number of files it may open: 400 bytes each, whether used or not.
  unsigned connections = 512;
  unsigned threads = 4;
  std::string slapd = "/usr/sbin/slapd";
};

const config::Table<Settings>& settings_table();
/// Reads the file, and the one of `computers_file`; on mistakes their rendered list.
std::expected<Settings, std::string> load_settings(const std::string& path);
inline const auto& table_of(const Settings*) { return settings_table(); }

/// "helper.bac" -> "dc=helper,dc=bac" (RFC 2247)
std::string suffix_of_domain(const std::string& domain);

/// What is wrong with `name` as a login name, group or alias; empty when nothing is. Letters, digits, `.`,
/// `_`, `-`, at most 64, beginning with a letter or digit: safe in DNs, filters, addresses and paths alike.
std::string wrong_name(const std::string& name);
/// What is wrong with an e-mail address of the directory; empty when nothing is.
std::string wrong_address(const std::string& address);

}  // namespace lab::directory
