/// config -- kdc.yaml: one domain's Kerberos realm as labctl writes it and a student can read it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "common/config.hpp"

namespace lab::directory::kdc {

/// Keys of services, for the daemon that reads them.
struct Keytab {
  std::string file;
  std::vector<std::string> services;  ///< "imap/mail.helper.bac"
};

struct Settings {
  std::string realm;    ///< "HELPER.BAC"
  std::string suffix;   ///< of the directory that keeps the passwords: "dc=helper,dc=bac"
  std::string data;     ///< folder of the database
  std::string socket;   ///< Unix socket on which slapd tells of changed passwords
  std::string directory;                      ///< slapd's own, to look at what has changed
  std::vector<Endpoint> listen;               ///< UDP and TCP, port 88
  std::map<std::string, std::string> users;   ///< login name -> the password the topology gives
  std::map<std::string, Keytab> keytabs;      ///< by what reads them
  std::string krb5kdc = "/usr/sbin/krb5kdc";
  std::string kdb5_util = "/usr/sbin/kdb5_util";
};

const config::Table<Settings>& settings_table();
inline const auto& table_of(const Settings*) { return settings_table(); }

/// krb5.conf(5) and kdc.conf(5) for the server itself.
std::string krb5_conf(const Settings& settings);
std::string kdc_conf(const Settings& settings);

}  // namespace lab::directory::kdc
