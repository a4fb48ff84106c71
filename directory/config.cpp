#include "directory/config.hpp"

#include <set>

#include "directory/dn.hpp"
#include "directory/password.hpp"
#include "directory/server_url.hpp"

namespace lab::directory {

/// The file of `computers_file`.
struct ComputerList {
  std::map<std::string, Computer> computers;
};

namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

const config::Table<Listen>& listen_table() {
  static const auto table =
      config::Table<Listen>("listen")
          .row("ldap", &Listen::ldap, "addresses for LDAP; passwords only after StartTLS")
          .row("ldaps", &Listen::ldaps, "addresses for LDAP inside TLS")
          .required("ldapi", &Listen::ldapi, "path of the Unix socket for programs of this node");
  return table;
}

const config::Table<TlsFiles>& tls_table() {
  static const auto table =
      config::Table<TlsFiles>("tls")
          .required("certificate", &TlsFiles::certificate, "PEM file: the server's certificate")
          .required("key", &TlsFiles::key, "PEM file: its private key")
          .required("ca", &TlsFiles::ca, "PEM file: the lab CA");
  return table;
}

const config::Table<Service>& service_table() {
  static const auto table =
      config::Table<Service>("service")
          .required("dn", &Service::dn, "DN of the account, below ou=services")
          .required("password_file", &Service::password_file, "file whose first line is its password");
  return table;
}

const config::Table<Kerberos>& realm_table() {
  static const auto table =
      config::Table<Kerberos>("kerberos")
          .required("realm", &Kerberos::realm, "the realm of these people")
          .required("host", &Kerberos::host, "the name by which clients ask for tickets: ldap/HOST")
          .required("keytab", &Kerberos::keytab, "file with the key of ldap/HOST")
          .required("socket", &Kerberos::socket, "Unix socket on which lab-kdc hears of changed passwords");
  return table;
}

const config::Table<Person>& person_table() {
  static const auto table =
      config::Table<Person>("user")
          .row("name", &Person::name, "full name; the login name when left out")
          .row("password", &Person::password, "first password; nobody can log in when left out")
          .row("mail", &Person::mail, "addresses, the main one first; login@domain when left out")
          .row("groups", &Person::groups, "groups the user belongs to")
          .row("quota", &Person::quota, "size of the mailbox", {.min = 1 << 16})
          .row("policy", &Person::policy, "rules for this user alone");
  return table;
}

const config::Table<Group>& group_table() {
  static const auto table =
      config::Table<Group>("group")
          .row("description", &Group::description, "what the group is for")
          .row("groups", &Group::groups, "groups this one belongs to, with all its members")
          .row("order", &Group::order, "of two groups that have a rule the lower one counts")
          .row("policy", &Group::policy, "rules for its members");
  return table;
}

const config::Table<Computer>& computer_table() {
  static const auto table =
      config::Table<Computer>("computer")
          .row("description", &Computer::description, "what the machine is")
          .row("macs", &Computer::macs, "its hardware addresses")
          .row("addresses", &Computer::addresses, "its fixed addresses")
          .row("groups", &Computer::groups, "groups it belongs to");
  return table;
}

/// The places of `section: {name: …}`, so that a mistake is shown where it was written.
class Places {
 public:
  Places(const yaml::Value& root, std::string_view section) : root_(root) {
    if (auto found = root.map("directory").find(section)) {
      const auto map = found->map(std::string(section));
      for (auto& entry : map.entries()) values_.emplace(entry.key, entry.value);
    }
  }
  const yaml::Value& of(const std::string& name) const {
    auto found = values_.find(name);
    return found == values_.end() ? root_ : found->second;
  }

 private:
  const yaml::Value& root_;
  std::map<std::string, yaml::Value> values_;
};

void check_memberships(const yaml::Value& at, const Settings& s, const std::string& who,
                       const std::vector<std::string>& groups) {
  std::vector<std::string> known;
  for (auto& [name, group] : s.groups) known.push_back(name);
  for (auto& group : groups)
    if (!s.groups.contains(group)) {
      auto near = yaml::did_you_mean(group, known);
      at.error(who + " is in group '" + group + "', which 'groups' does not have",
               near.empty() ? "add it to 'groups'" : "did you mean '" + near + "'?");
    }
}

void check_users(const yaml::Value& root, Settings& s) {
  std::map<std::string, std::string> owner;  // address -> uid
  const Places places(root, "users");
  for (auto& [uid, person] : s.users) {
    const auto& at = places.of(uid);
    if (auto wrong = wrong_name(uid); !wrong.empty()) at.error("user '" + uid + "' " + wrong);
    if (lower(uid) != uid) at.error("user '" + uid + "' has capital letters", "write '" + lower(uid) + "'");
    if (person.name.empty()) person.name = uid;
    if (has_control(person.name)) at.error("the name of user '" + uid + "' has a control character");
    if (person.password && person.password->empty())
      at.error("user '" + uid + "' has an empty password", "leave 'password' out, or give one");
    if (person.password && person.password->size() > kMaxPassword)
      at.error(fmt::format("the password of user '{}' is longer than {} bytes", uid, kMaxPassword));
    if (person.mail.empty()) person.mail.push_back(uid + "@" + s.domain);
    for (auto& address : person.mail) {
      if (!address.contains('@')) address += "@" + s.domain;
      address = lower(address);
      if (auto wrong = wrong_address(address); !wrong.empty())
        at.error("'" + address + "' of user '" + uid + "' " + wrong);
      auto [it, fresh] = owner.emplace(address, uid);
      if (!fresh) at.error("'" + address + "' belongs to both '" + it->second + "' and '" + uid + "'");
    }
    if (person.quota && person.policy.quota)
      at.error("user '" + uid + "' has a quota and another one in the policy", "leave one of them out");
    if (person.quota) person.policy.quota = person.quota;
    check_memberships(at, s, "user '" + uid + "'", person.groups);
  }
}

/// Whether following `from` through the groups' groups comes back to `start`.
bool comes_back(const Settings& s, const std::string& from, const std::string& start,
                std::set<std::string>& seen) {
  const auto group = s.groups.find(from);
  if (group == s.groups.end() || !seen.insert(from).second) return false;
  return std::any_of(group->second.groups.begin(), group->second.groups.end(),
                     [&](auto& parent) { return parent == start || comes_back(s, parent, start, seen); });
}

void check_groups(const yaml::Value& root, Settings& s) {
  const Places places(root, "groups");
  for (auto& [name, group] : s.groups) {
    const auto& at = places.of(name);
    if (auto wrong = wrong_name(name); !wrong.empty()) at.error("group '" + name + "' " + wrong);
    if (has_control(group.description))
      at.error("the description of group '" + name + "' has a control character");
    check_memberships(at, s, "group '" + name + "'", group.groups);
    std::set<std::string> seen;
    if (comes_back(s, name, name, seen)) at.error("group '" + name + "' is a member of itself");
  }
}

void check_machines(const yaml::Value& at, const std::map<std::string, Computer>& computers) {
  for (auto& [name, computer] : computers) {
    if (auto wrong = wrong_name(name); !wrong.empty()) at.error("computer '" + name + "' " + wrong);
    if (has_control(computer.description))
      at.error("the description of computer '" + name + "' has a control character");
    for (auto& mac : computer.macs)
      if (!MacAddress::parse(mac)) at.error("'" + mac + "' of computer '" + name + "' is not a MAC address");
  }
}

void check_computers(const yaml::Value& root, const Settings& s) {
  const Places places(root, "computers");
  check_machines(root, s.computers);
  for (auto& [name, computer] : s.computers)
    check_memberships(places.of(name), s, "computer '" + name + "'", computer.groups);
}

void check_replica(const yaml::Value& at, Settings& s) {
  if (!s.replica_of.starts_with("ldaps://") || !ServerUrl::parse(s.replica_of) || s.replica_of.contains('"'))
    at.error("'" + s.replica_of + "' is not an original to copy", "replica_of: ldaps://srv.helper.bac");
  if (!s.replication)
    at.error("a replica needs an account to copy with", "replication: {dn: …, password_file: …}");
  if (s.tls.ca.empty()) at.error("a replica must know the CA of its original", "tls: {ca: …}");
  if (!s.users.empty() || !s.groups.empty() || !s.aliases.empty())
    at.error("a replica has the people of its original", "leave users, groups and aliases out");
}

void check(const yaml::Value& at, Settings& s) {
  if (s.suffix.empty()) s.suffix = suffix_of_domain(s.domain);
  if (s.domain.empty() || !std::all_of(s.domain.begin(), s.domain.end(),
                                       [](char c) { return is_alnum(c) || c == '.' || c == '-'; }))
    at.error("'" + s.domain + "' is not a domain name");
  if (s.suffix.empty() || has_control(s.suffix) || s.suffix.contains('"'))
    at.error("'" + s.suffix + "' is not a suffix");
  for (auto* account : {&s.service, &s.replication})
    if (*account && !(*account)->dn.ends_with(",ou=services," + s.suffix))
      at.error("service dn '" + (*account)->dn + "' is not below ou=services," + s.suffix);
  if (!s.replica_of.empty()) check_replica(at, s);
  if ((!s.listen.ldap.empty() || !s.listen.ldaps.empty()) && s.tls.certificate.empty())
    at.error("'listen' names network addresses, but 'tls' has no certificate",
             "give 'tls', or keep to 'ldapi': passwords never cross the network in the clear");
  const auto root = s.suffix.substr(0, std::min(s.suffix.find('='), s.suffix.size()));
  if (root != "dc" && root != "o" && root != "ou")
    at.error("suffix '" + s.suffix + "' begins with none of dc=, o=, ou=");
  constexpr std::size_t kSocketPath = 107;  // sun_path of unix(7)
  if (s.listen.ldapi.size() > kSocketPath)
    at.error(fmt::format("the ldapi path is longer than {} characters", kSocketPath),
             "move it to a shorter folder");
  // slapd.conf has no way to write these characters in a file name.
  for (auto* path : {&s.data, &s.listen.ldapi, &s.tls.certificate, &s.tls.key, &s.tls.ca})
    if (has_control(*path) || path->contains('"')) at.error("'" + *path + "' is not a usable path");
  if (s.kerberos)
    for (auto* text : {&s.kerberos->realm, &s.kerberos->host, &s.kerberos->keytab, &s.kerberos->socket})
      if (text->empty() || has_control(*text) || text->find_first_of("\" ") != std::string::npos)
        at.error("'" + *text + "' of 'kerberos' is not usable");
  check_users(at, s);
  check_groups(at, s);
  check_computers(at, s);
  if (s.policy.passwords) s.passwords = changed(s.passwords, *s.policy.passwords);
  const Places aliases(at, "aliases");
  for (auto& [name, members] : s.aliases) {
    const auto& here = aliases.of(name);
    if (auto wrong = wrong_name(name); !wrong.empty()) here.error("alias '" + name + "' " + wrong);
    if (members.empty())
      here.error("alias '" + name + "' stands for nobody", "name at least one user or address");
    for (auto& member : members) {
      if (!member.contains('@')) member += "@" + s.domain;
      member = lower(member);
      if (auto wrong = wrong_address(member); !wrong.empty())
        here.error("'" + member + "' of alias '" + name + "' " + wrong);
    }
  }
}

}  // namespace

inline const auto& table_of(const Listen*) { return listen_table(); }
inline const auto& table_of(const TlsFiles*) { return tls_table(); }
inline const auto& table_of(const Service*) { return service_table(); }
inline const auto& table_of(const Kerberos*) { return realm_table(); }
inline const auto& table_of(const Person*) { return person_table(); }
inline const auto& table_of(const Group*) { return group_table(); }
inline const auto& table_of(const Computer*) { return computer_table(); }

const config::Table<Settings>& settings_table() {
  static const auto table =
      config::Table<Settings>("directory")
          .required("domain", &Settings::domain, "the domain this directory is for")
          .row("suffix", &Settings::suffix,
               "root of the tree; from the domain when left out (dc=helper,dc=bac)")
          .required("data", &Settings::data, "folder of the database; made when missing")
          .required("listen", &Settings::listen, "where it answers")
          .row("tls", &Settings::tls, "certificate for StartTLS and LDAPS")
          .row("service", &Settings::service, "account by which the mail server looks people up")
          .row("kerberos", &Settings::kerberos, "the Kerberos realm with the same passwords")
          .row("replication", &Settings::replication, "account by which replicas copy this directory")
          .row("replica_of", &Settings::replica_of,
               "this server is a copy of that one, such as ldaps://srv.helper.bac; people come from there")
          .row("users", &Settings::users, "people, by login name")
          .row("groups", &Settings::groups, "groups, by name")
          .row("computers", &Settings::computers, "machines of the domain, by name")
          .row("computers_file", &Settings::computers_file, "a file with more of them, under 'computers'")
          .row("policy", &Settings::policy, "rules for everybody")
          .row("passwords", &Settings::passwords, "what passwords must be like, and what wrong ones lead to")
          .row("aliases", &Settings::aliases, "addresses that stand for others, by local part")
          .row("connections", &Settings::connections, "how many connections it holds at once",
               {.min = 64, .max = 16384})
          .row("threads", &Settings::threads, "threads of slapd", {.min = 2, .max = 64})
          .row("slapd", &Settings::slapd, "OpenLDAP's server program")
          .rule(check);
  return table;
}

const config::Table<ComputerList>& computer_list_table() {
  static const auto table =
      config::Table<ComputerList>("computers")
          .row("computers", &ComputerList::computers, "machines of the domain, by name")
          .rule([](const yaml::Value& at, ComputerList& list) { check_machines(at, list.computers); });
  return table;
}
inline const auto& table_of(const ComputerList*) { return computer_list_table(); }

std::expected<Settings, std::string> load_settings(const std::string& path) {
  auto settings = config::load_file<Settings>(path);
  if (!settings || settings->computers_file.empty()) return settings;
  auto list = config::load_file<ComputerList>(settings->computers_file);
  if (!list) return std::unexpected(list.error());
  for (auto& [name, computer] : list->computers) {
    // This file may be newer than the groups it speaks of.
    std::erase_if(computer.groups, [&](auto& group) { return !settings->groups.contains(group); });
    settings->computers.emplace(name, std::move(computer));
  }
  return settings;
}

std::string suffix_of_domain(const std::string& domain) {
  std::string suffix;
  for (std::size_t from = 0; from <= domain.size();) {
    auto dot = std::min(domain.find('.', from), domain.size());
    suffix += (suffix.empty() ? "dc=" : ",dc=") + domain.substr(from, dot - from);
    from = dot + 1;
  }
  return suffix;
}

std::string wrong_address(const std::string& address) {
  const auto at = address.rfind('@');
  if (at == 0 || at == std::string::npos || at + 1 == address.size())
    return "is not an address such as ali@helper.bac";
  if (address.size() > 254) return "is longer than 254 characters (RFC 5321 4.5.3.1.3)";
  for (char c : address)
    if (!is_alnum(c) && !std::string_view("!#$%&'*+-/=?^_`{|}~.@").contains(c))
      return fmt::format("has a character no plain address has: '{}'", c);
  return {};
}

std::string wrong_name(const std::string& name) {
  if (name.empty()) return "has no name";
  if (name.size() > 64) return "is longer than 64 characters";
  if (!is_alnum(name.front())) return "does not begin with a letter or a digit";
  for (char c : name)
    if (!is_alnum(c) && c != '.' && c != '_' && c != '-')
      return fmt::format("has '{}': letters, digits, '.', '_' and '-' only", c);
  return {};
}

}  // namespace lab::directory
