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

struct Person {
  std::string name;                     ///< "Ali Traoré"; the uid when left out
  std::optional<std::string> password;  ///< none: nobody can log in as this user
  std::vector<std::string> mail;        ///< full addresses, the main one first; uid@domain when left out
  std::vector<std::string> groups;      ///< keys of `groups`
  std::optional<config::Bytes> quota;   ///< of the mailbox
};

struct Group {
  std::string description;
};

/// What the directory asks of passwords (draft-behera-ldap-password-policy). Zero: no such rule.
struct PasswordRules {
  unsigned least_length = 0;  ///< characters of a new password
  unsigned lock_after = 0;    ///< wrong passwords in a row
  std::chrono::seconds lock_for{
      600};  ///< then nobody logs in for this long; 0: until an administrator unlocks
  std::chrono::seconds expire_after{0};  ///< age of a password
  bool must_change = false;  ///< one that an administrator has set lets in nowhere until it is changed
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
  std::map<std::string, Person> users;
  std::map<std::string, Group> groups;
  PasswordRules passwords;
  std::map<std::string, std::vector<std::string>> aliases;
  /// slapd sizes its tables by the number of files it may open: 400 bytes each, whether used or not.
  unsigned connections = 512;
  unsigned threads = 4;
  std::string slapd = "/usr/sbin/slapd";
};

const config::Table<Settings>& settings_table();
inline const auto& table_of(const Settings*) { return settings_table(); }

/// "helper.bac" -> "dc=helper,dc=bac" (RFC 2247)
std::string suffix_of_domain(const std::string& domain);

/// What is wrong with `name` as a login name, group or alias; empty when nothing is. Letters, digits, `.`,
/// `_`, `-`, at most 64, beginning with a letter or digit: safe in DNs, filters, addresses and paths alike.
std::string wrong_name(const std::string& name);

}  // namespace lab::directory
