#include "directory/serve.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "common/yaml.hpp"
#include "directory/changes.hpp"
#include "directory/folder.hpp"
#include "directory/launch.hpp"
#include "directory/prober.hpp"
#include "directory/replication.hpp"
#include "directory/secrets.hpp"
#include "directory/slapd_conf.hpp"
#include "directory/tree.hpp"

namespace lab::directory {
namespace {

/// Entries a copy has room for: its original may grow, and address space costs nothing.
constexpr std::size_t kRoomForCopy = 32768;

/// The tree the settings ask for, and the one that was applied the last time.
struct Trees {
  std::vector<Entry> before, now;
};

/// The first line of a file, which must be a password.
Result<std::string> read_password(const std::string& file) {
  auto text = yaml::read_file(file);
  if (!text) return text;
  auto password = text->substr(0, text->find_first_of("\r\n"));
  if (password.empty() || password.size() > kMaxPassword)
    return fail(fmt::format("its first line must be a password of 1 to {} bytes", kMaxPassword), file);
  return password;
}

/// DN -> password of the programs' accounts.
Result<std::map<std::string, std::string>> account_passwords(const Settings& s) {
  std::map<std::string, std::string> accounts;
  for (auto* account : {&s.service, &s.replication}) {
    if (!*account) continue;
    auto password = read_password((*account)->password_file);
    if (!password) return std::unexpected(password.error());
    accounts.emplace((*account)->dn, std::move(*password));
  }
  return accounts;
}

Result<Trees> make_trees(const Settings& s, const Folder& folder) {
  Trees trees;
  if (folder.filled()) {
    auto text = folder.applied();
    if (!text)
      return fail("cannot read what was last put into the database", folder.database() + "/applied.ldif",
                  "start with a fresh data folder (labctl down --purge)");
    auto entries = parse_ldif(*text);
    if (!entries) return std::unexpected(entries.error());
    trees.before = std::move(*entries);
  }
  const auto accounts = account_passwords(s);
  if (!accounts) return std::unexpected(accounts.error());
  trees.now = build_tree(s, store_passwords(s, *accounts, trees.before, random_salt), trees.before);
  if (!trees.before.empty() && trees.before.front().dn != s.suffix)
    return fail("the database is of " + trees.before.front().dn + ", the settings are of " + s.suffix,
                folder.database(), "start with a fresh data folder (labctl down --purge)");
  return trees;
}

Result<void> fill(const Settings& s, Folder& folder, const std::string& slapd, const Place& place,
                  const std::vector<Entry>& tree) {
  if (auto begun = folder.begin_fill(); !begun) return begun;
  const auto conf = folder.path("slapadd.conf");
  if (auto done = write_file(conf, slapadd_conf(s, place, tree.size())); !done) return done;
  if (auto done = write_file(folder.filling(), to_ldif(tree)); !done) return done;
  return run_slapadd(slapd, conf, folder.filling());
}

std::string_view password_in(const std::vector<Entry>& tree, std::string_view dn) {
  const auto found = std::ranges::find(tree, dn, &Entry::dn);
  return found == tree.end() ? std::string_view() : found->first("userPassword");
}

/// A copy that is to be an original from now on: the first server is gone, or they change places. Everything
/// people have changed is in its database, and stays.
Result<void> adopt_copy(const Settings& s, const Folder& folder, const std::string& slapd, const Place& place,
                        ProberTask& task) {
  const auto conf = folder.path("slapadd.conf");
  if (auto done = write_file(conf, slapadd_conf(s, place, kRoomForCopy)); !done) return done;
  const auto text = run_slapcat(slapd, conf);
  if (!text) return std::unexpected(text.error());
  const auto there = parse_ldif(*text);
  if (!there) return std::unexpected(there.error());
  const auto accounts = account_passwords(s);
  if (!accounts) return std::unexpected(accounts.error());
  task.tree = build_tree(s, store_passwords(s, *accounts, *there, random_salt), *there);
  auto before = known_tree(*there, task.tree);
  // Programs have the password we give them.
  for (auto& entry : before)
    if (accounts->contains(entry.dn) && password_in(*there, entry.dn) != password_in(task.tree, entry.dn))
      std::erase_if(entry.attributes, [](auto& a) { return same_name(a.first, "userPassword"); });
  task.changes = changes_between(before, task.tree);
  log::info("directory: the copy of {} entries is the original from now on", there->size());
  return {};
}

/// An original: its database holds what the topology says and what people have changed since.
Result<void> prepare_original(const Settings& s, Folder& folder, const std::string& slapd, Place& place,
                              ProberTask& task, std::string& conf) {
  if (folder.copied()) {
    conf = slapd_conf(s, place, kRoomForCopy);
    return adopt_copy(s, folder, slapd, place, task);
  }
  auto trees = make_trees(s, folder);
  if (!trees) return std::unexpected(trees.error());
  conf = slapd_conf(s, place, trees->now.size());
  if (!folder.filled()) {
    task.fresh = true;
    return fill(s, folder, slapd, place, trees->now);
  }
  task.changes = changes_between(trees->before, trees->now);
  if (trees->before != trees->now) task.tree = std::move(trees->now);
  return {};
}

/// A copy: its database holds what the original has sent.
Result<void> prepare_replica(const Settings& s, Folder& folder, Place& place, ProberTask& task,
                             std::string& conf) {
  auto password = read_password(s.replication->password_file);
  if (!password) return std::unexpected(password.error());
  auto chain = memory_file(chain_conf(s, *password));
  auto syncrepl = chain ? memory_file(syncrepl_conf(s, *password)) : chain;
  if (!syncrepl) return std::unexpected(syncrepl.error());
  place.chain = std::move(*chain);
  place.syncrepl = std::move(*syncrepl);
  conf = slapd_conf(s, place, kRoomForCopy);
  task.original = s.replica_of;
  // A database filled here once, as an original, is of another making.
  if (folder.filled()) {
    if (auto aside = folder.set_aside(); !aside) return aside;
    log::info("directory: this server becomes a copy; its own database is kept as {}",
              folder.path("db.set-aside"));
  }
  if (!std::filesystem::exists(folder.database())) return folder.begin_fill();
  return {};
}

Result<void> prepare(const Settings& s, const ServeLimits& limits, std::string& slapd, std::string& conf) {
  Folder folder(s.data);
  if (auto opened = folder.open(); !opened) return opened;
  auto program = usable_slapd(s.slapd, s.data);
  if (!program) return std::unexpected(program.error());
  slapd = *program;
  Place place{.database = folder.database(),
              .schema = folder.path("lab.schema"),
              .pid_file = folder.path("slapd.pid"),
              .chain = {},
              .syncrepl = {},
              .uid = ::geteuid(),
              .gid = ::getegid()};
  conf = folder.path("slapd.conf");
  if (auto done = write_file(place.schema, lab_schema()); !done) return done;
  prepare_environment(s.connections, s.kerberos ? &*s.kerberos : nullptr);
  ProberTask task{.socket = s.listen.ldapi,
                  .pid_file = place.pid_file,
                  .suffix = s.suffix,
                  .original = {},
                  .fresh = false,
                  .changes = {},
                  .tree = {},
                  .limits = limits};
  std::string text;
  auto ready = s.replica_of.empty() ? prepare_original(s, folder, slapd, place, task, text)
                                    : prepare_replica(s, folder, place, task, text);
  if (ready) ready = write_file(conf, text);
  if (!ready) return ready;
  std::error_code wrong;
  std::filesystem::create_directories(std::filesystem::path(s.listen.ldapi).parent_path(), wrong);
  if (wrong) return fail("cannot make the folder of the socket: " + wrong.message(), s.listen.ldapi);
  return start_prober(std::move(task), folder);
}

}  // namespace

Error serve(const Settings& settings, const ServeLimits& limits) {
  std::string slapd, conf;
  if (auto prepared = prepare(settings, limits, slapd, conf); !prepared) return prepared.error();
  // slapd binds its ports itself, after the exec: that is the one privilege it keeps.
  drop_privileges({"cap_net_bind_service"});
  return become_slapd(slapd, conf, listen_urls(settings));
}

}  // namespace lab::directory
