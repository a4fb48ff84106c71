/// slapd_conf -- slapd's own configuration (slapd.conf(5)) and our schema as text, from the settings: what a
/// student finds in the data folder and can read from top to bottom.
///
/// Its rules: passwords only under encryption or over the Unix socket; people change their own password and
/// photo and nothing else; who has not said who she is sees the root DSE and the schema only; the mail
/// server's account reads.
#pragma once
#include <string>
#include <vector>

#include "directory/config.hpp"

namespace lab::directory {

/// Where and as whom slapd will run.
struct Place {
  std::string database;  ///< folder of data.mdb
  std::string schema;    ///< file that holds `lab_schema()`
  std::string pid_file;  ///< slapd writes its pid there once it has read everything
  std::string schemas = "/etc/ldap/schema";
  std::string modules = "/usr/lib/ldap";
  std::string chain = {}, syncrepl = {};  ///< on a replica: files of chain_conf() and syncrepl_conf()
  unsigned uid = 0, gid = 0;  ///< the user that is the directory's administrator over the Unix socket
};

/// Largest size of the database in bytes for `entries` entries: address space, not memory or disk.
std::size_t map_size(std::size_t entries);

/// The whole file, for the server.
std::string slapd_conf(const Settings& settings, const Place& place, std::size_t entries);
/// The little of it that loading needs: without overlays, access rules and TLS slapadd starts at once.
std::string slapadd_conf(const Settings& settings, const Place& place, std::size_t entries);
/// Attributes and classes that standard schemas lack.
std::string lab_schema();
/// The value of slapd's -h.
std::string listen_urls(const Settings& settings);

}  // namespace lab::directory
