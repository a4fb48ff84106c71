#include "directory/kdc/config.hpp"

#include "directory/config.hpp"
#include "directory/password_limit.hpp"

namespace lab::directory::kdc {
namespace {

const config::Table<Keytab>& keytab_table() {
  static const auto table =
      config::Table<Keytab>("keytab")
          .required("file", &Keytab::file, "where the keys are written")
          .required("services", &Keytab::services, "whose: imap/mail.helper.bac, …");
  return table;
}

bool plain(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && std::string_view("\"\\@{}=#;").find(c) == std::string_view::npos;
  });
}

void check(const yaml::Value& at, Settings& s) {
  // These go into files and names of a little language of their own.
  for (auto* text : {&s.realm, &s.data, &s.socket})
    if (!plain(*text)) at.error("'" + *text + "' has a character that Kerberos' own files cannot hold");
  for (auto& [uid, password] : s.users) {
    if (auto wrong = wrong_name(uid); !wrong.empty()) at.error("user '" + uid + "' " + wrong);
    if (password.empty() || password.size() > kMaxPassword)
      at.error("the password of user '" + uid + "' is empty or too long");
  }
  for (auto& [name, keytab] : s.keytabs) {
    if (!plain(keytab.file)) at.error("'" + keytab.file + "' is not a usable path");
    for (auto& service : keytab.services)
      if (!plain(service) || !service.contains('/'))
        at.error("'" + service + "' is not a service", "write it as imap/mail.helper.bac");
  }
  if (s.listen.empty()) at.error("'listen' names no address");
}

std::string listen_list(const Settings& s) {
  std::string list;
  for (auto& endpoint : s.listen) list += (list.empty() ? "" : ", ") + endpoint.text();
  return list;
}

}  // namespace

inline const auto& table_of(const Keytab*) { return keytab_table(); }

const config::Table<Settings>& settings_table() {
  static const auto table =
      config::Table<Settings>("kdc")
          .required("realm", &Settings::realm, "the realm, the domain in capitals")
          .required("suffix", &Settings::suffix, "root of the directory whose people these are")
          .required("data", &Settings::data, "folder of the database; made when missing")
          .required("socket", &Settings::socket, "Unix socket on which slapd tells of changed passwords")
          .required("directory", &Settings::directory, "slapd's Unix socket, to look at what has changed")
          .required("listen", &Settings::listen, "addresses, for UDP and TCP")
          .row("users", &Settings::users, "people and the passwords the topology gives them")
          .row("keytabs", &Settings::keytabs, "keys of services")
          .row("krb5kdc", &Settings::krb5kdc, "MIT Kerberos' server program")
          .row("kdb5_util", &Settings::kdb5_util, "MIT Kerberos' program that makes databases")
          .rule(check);
  return table;
}

std::string krb5_conf(const Settings& s) {
  return fmt::format(
      "# The realm {0} as its server sees it, written by lab-kdc at each start.\n"
      "[libdefaults]\n"
      "  default_realm = {0}\n"
      "  dns_canonicalize_hostname = false\n"
      "  rdns = false\n"
      "  spake_preauth_groups = edwards25519\n"
      "[logging]\n"
      "  kdc = STDERR\n",
      s.realm);
}

std::string kdc_conf(const Settings& s) {
  return fmt::format(
      "# kdc.conf(5), written by lab-kdc at each start.\n"
      "[kdcdefaults]\n"
      "  kdc_listen = {1}\n"
      "  kdc_tcp_listen = {1}\n"
      "[realms]\n"
      "  {0} = {{\n"
      "    key_stash_file = {2}/stash\n"
      "    acl_file = {2}/acl\n"
      "    max_life = 10h\n"
      "    max_renewable_life = 7d\n"
      "    master_key_type = aes256-cts-hmac-sha1-96\n"
      "    # A class's own machines speak these (RFC 3962); the older ones are broken.\n"
      "    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n"
      "    # Nobody gets something encrypted with a person's key without proving to know it (RFC 4120 5.2.7.2).\n"
      "    default_principal_flags = +preauth\n"
      "  }}\n"
      "# krb5kdc writes nothing here: at a login it would put back the whole principal as it read it, and undo a\n"
      "# lock or a new password that lab-kdc wrote meanwhile. Locks are the business of the directory.\n"
      "[dbmodules]\n"
      "  {0} = {{\n"
      "    db_library = db2\n"
      "    database_name = {2}/principal\n"
      "    disable_last_success = true\n"
      "    disable_lockout = true\n"
      "  }}\n",
      s.realm, listen_list(s), s.data);
}

}  // namespace lab::directory::kdc
