#include "directory/admin_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <set>

#include "directory/administrator.hpp"
#include "directory/certify.hpp"
#include "directory/class_list.hpp"
#include "directory/effective.hpp"
#include "directory/flavour.hpp"
#include "directory/folder.hpp"
#include "directory/import_command.hpp"
#include "directory/rule_options.hpp"
#include "directory/tree.hpp"

namespace lab::directory {
namespace {

struct Options {
  std::string config, name, description;
  std::optional<std::string> password;
  std::vector<std::string> names, mail, groups, joining, leaving;
  RuleOptions rules;
  ImportOptions import;
  CertifyOptions certify;
  bool from_stdin = false, as_json = false, as_csv = false;
};

/// The password the options mean; one is made up (and `made_up` set) when they ask for it or say nothing.
std::string password_of(const Options& o, bool& made_up) {
  std::string line;
  made_up = false;
  if (o.from_stdin) {
    std::getline(std::cin, line);
    return line;
  }
  if (o.password) return *o.password;
  made_up = true;
  return readable_password(random_below);
}

std::string json_list(const std::vector<std::string>& list) {
  std::string out;
  for (auto& item : list) out += (out.empty() ? "" : ",") + config::detail::json_string(item);
  return "[" + out + "]";
}

/// uid -> userPassword as the topology's was last stored: where the server has another one, somebody has
/// changed it.
std::map<std::string, std::string> first_passwords(const Settings& settings) {
  std::map<std::string, std::string> known;
  const auto text = Folder(settings.data).applied();
  const auto entries = text ? parse_ldif(*text) : Result<std::vector<Entry>>(std::vector<Entry>{});
  if (entries)
    for (auto& entry : *entries)
      if (auto uid = entry.first("uid"); !uid.empty())
        known.emplace(uid, entry.first("userPassword"));
  return known;
}

Result<void> list_people(Administrator& admin, const Settings& settings, const Options& o) {
  auto people = admin.people();
  if (!people) return std::unexpected(people.error());
  const auto first = first_passwords(settings);
  std::string json;
  for (auto& entry : *people) {
    const auto user = user_of(Flavour::OpenLdap, entry);
    const bool locked = !entry.values("pwdAccountLockedTime").empty();
    const auto known = first.find(user.uid);
    const bool changed = known == first.end() || known->second != entry.first("userPassword");
    if (o.as_json)
      json += fmt::format(
          R"({}{{"user":{},"name":{},"mail":{},"groups":{},"locked":{},"of_topology":{},"password_changed":{}}})",
          json.empty() ? "" : ",\n ", config::detail::json_string(user.uid),
          config::detail::json_string(user.display_name), json_list(user.addresses), json_list(user.groups),
          locked, known != first.end(), changed);
    else
      fmt::print("{:<20} {:<28} {:<40} {}{}\n", user.uid, user.display_name,
                 fmt::format("{}", fmt::join(user.addresses, ",")), fmt::join(user.groups, ","),
                 locked ? "  locked" : "");
  }
  if (o.as_json) fmt::print("[{}]\n", json);
  return {};
}

Result<void> show_effective(Administrator& admin, const Settings& settings, const Options& o) {
  auto policies = admin.policies();
  if (!policies) return std::unexpected(policies.error());
  for (auto& name : o.names) {
    auto person = admin.person(name);
    if (!person) return std::unexpected(person.error());
    auto user = user_of(Flavour::OpenLdap, *person);
    user.policy = resolve_policy(*person, *policies);
    auto rules =
        admin.entry(user.policy.passwords ? user.policy.passwords->value : default_policy_dn(settings));
    if (!rules) return std::unexpected(rules.error());
    fmt::print("{}", o.as_json ? effective_json(user, &*rules) : effective_text(user, &*rules));
  }
  return {};
}

std::vector<std::string> members_of(const Entry& group) {
  std::vector<std::string> members;
  for (auto& dn : group.values("member"))
    if (!dn.starts_with("cn=nobody,")) members.push_back(leaf_of_dn(dn));
  return members;
}

Result<void> list_groups(Administrator& admin, const Options& o) {
  auto groups = admin.groups();
  if (!groups) return std::unexpected(groups.error());
  std::string json;
  for (auto& entry : *groups) {
    const auto members = members_of(entry);
    if (o.as_json)
      json += fmt::format(R"({}{{"group":{},"description":{},"members":{}}})", json.empty() ? "" : ",\n ",
                          config::detail::json_string(entry.first("cn")),
                          config::detail::json_string(entry.first("description")), json_list(members));
    else
      fmt::print("{:<20} {:>4}  {}\n", entry.first("cn"), members.size(), fmt::join(members, ","));
  }
  if (o.as_json) fmt::print("[{}]\n", json);
  return {};
}

/// `group member G`: who is in it; with --add and --del, who comes and goes.
Result<void> change_members(Administrator& admin, const Settings&, const Options& o) {
  if (!o.joining.empty())
    if (auto done = admin.join(o.name, o.joining); !done) return done;
  if (!o.leaving.empty())
    if (auto done = admin.leave(o.name, o.leaving); !done) return done;
  auto groups = admin.groups();
  if (!groups) return std::unexpected(groups.error());
  for (auto& entry : *groups)
    if (same_name(entry.first("cn"), o.name)) {
      for (auto& name : members_of(entry)) fmt::print("{}\n", name);
      return {};
    }
  return fail("there is no group '" + o.name + "'", {}, "'group list' shows which there are");
}

/// What one command does; Options are filled when it runs.
using Action = std::function<Result<void>(Administrator&, const Settings&, const Options&)>;

Result<void> add_user(Administrator& admin, const Settings&, const Options& o) {
  bool made_up = false;
  Person person;
  person.name = o.name;
  person.password = password_of(o, made_up);
  person.mail = o.mail;
  person.groups = o.groups;
  const auto rules = modifications_of(o.rules);
  if (!rules) return std::unexpected(rules.error());
  const auto& uid = o.names.front();
  auto done = admin.add_user(uid, person);
  if (done && !rules->empty()) done = admin.set_rules("user", uid, *rules);
  if (done && made_up) fmt::print("{} may log in with the password {}\n", uid, *person.password);
  return done;
}

Result<void> change_password(Administrator& admin, const Settings&, const Options& o) {
  bool made_up = false;
  const auto password = password_of(o, made_up);
  auto done = admin.set_password(o.names.front(), password);
  if (done && made_up) fmt::print("{} may log in with the password {}\n", o.names.front(), password);
  return done;
}

Result<void> set_rules(Administrator& admin, const std::string& kind, const Options& o) {
  const auto rules = modifications_of(o.rules);
  if (!rules) return std::unexpected(rules.error());
  if (rules->empty())
    return fail("no rule is named", {}, "give --quota, --max-message, --send-outside or --protocols");
  for (auto& name : o.names)
    if (auto done = admin.set_rules(kind, name, *rules); !done) return done;
  return {};
}

template <class Do>
Action for_each_name(Do what) {
  return [what](Administrator& admin, const Settings&, const Options& o) -> Result<void> {
    for (auto& name : o.names)
      if (auto done = what(admin, name); !done) return done;
    return {};
  };
}

Result<void> write_all(Administrator& admin, const Settings&, const Options& o) {
  auto people = admin.people(), groups = people ? admin.groups() : people;
  if (!groups) return std::unexpected(groups.error());
  if (o.as_csv) {
    fmt::print("{}", people_csv(*people));
    return {};
  }
  for (auto* list : {&*people, &*groups})
    for (auto& entry : *list) {
      std::erase_if(entry.attributes, [](auto& a) { return same_name(a.first, "userPassword"); });
      // Whoever loads this into another directory adds it there by hand.
      for (auto& [name, values] : entry.attributes)
        if (same_name(name, "objectClass")) std::erase(values, kOfTopology);
      fmt::print("{}", to_ldif(entry));
    }
  return {};
}

Result<void> certify_people(Administrator& admin, const Settings& settings, const Options& o) {
  auto done = certify(admin, settings, o.names, o.certify);
  if (!done) return std::unexpected(done.error());
  for (auto& one : *done)
    fmt::print("{} {} {} {}\n", one.uid, one.mail, one.serial,
               o.certify.revoke ? "revoked" : one.issued ? "issued" : "kept");
  return {};
}

/// The command line, and what it chose.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    add_user_commands();
    add_group_commands();
    add_list_commands();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? 0 : 2;
    }
    auto settings = load_settings(options_.config);
    if (!settings) {
      fmt::print(stderr, "{}", settings.error());
      return 2;
    }
    auto admin = Administrator::open(*settings);
    auto done = admin ? chosen_(*admin, *settings, options_) : Result<void>(std::unexpected(admin.error()));
    if (!done) fmt::print(stderr, "lab-directory: {}\n", done.error().text());
    return done ? 0 : 1;
  }

 private:
  CLI::App* command(CLI::App* parent, const std::string& name, const std::string& text, Action action) {
    auto* sub = parent->add_subcommand(name, text);
    sub->add_option("--config,-c", options_.config, "the directory's configuration file")
        ->required()
        ->type_name("FILE");
    sub->callback([this, action = std::move(action)] { chosen_ = action; });
    return sub;
  }
  void names(CLI::App* sub, bool several, const char* what = "login name") {
    auto* option = sub->add_option("NAME", options_.names, what)->required();
    if (!several) option->expected(1);
  }
  void password(CLI::App* sub) {
    sub->add_option("--password", options_.password, "the password; one is made up and shown when left out");
    sub->add_flag("--password-stdin", options_.from_stdin, "read it from standard input");
  }
  void rules(CLI::App* sub) {
    auto& r = options_.rules;
    sub->add_option("--quota", r.quota, "size of the mailbox, such as 200M; default = no rule of its own");
    sub->add_option("--max-message", r.max_message, "largest message to be sent, such as 5M");
    sub->add_option("--send-outside", r.send_outside, "yes, no or default");
    sub->add_option("--protocols", r.protocols, "some of imap,pop3,smtp; none; default");
  }
  void json(CLI::App* sub) { sub->add_flag("--json", options_.as_json, "print JSON"); }

  void add_user_commands() {
    auto* user = app_.add_subcommand("user", "people")->require_subcommand(1);
    auto* add = command(user, "add", "a new person", add_user);
    names(add, false);
    password(add);
    add->add_option("--name", options_.name, "full name");
    add->add_option("--mail", options_.mail, "addresses, the main one first");
    add->add_option("--group", options_.groups, "groups");
    rules(add);
    auto* passwd = command(user, "passwd", "a new password", change_password);
    names(passwd, false);
    password(passwd);
    names(command(user, "del", "takes people out",
                  for_each_name([](auto& a, auto& n) { return a.remove_user(n); })),
          true);
    names(command(user, "lock", "lets people in nowhere",
                  for_each_name([](auto& a, auto& n) { return a.set_locked(n, true); })),
          true);
    names(command(user, "unlock", "lets them in again",
                  for_each_name([](auto& a, auto& n) { return a.set_locked(n, false); })),
          true);
    auto* set = command(user, "set", "rules of their own, before any group's",
                        [](auto& a, auto&, auto& o) { return set_rules(a, "user", o); });
    names(set, true);
    rules(set);
    auto* effective = command(user, "effective", "the rules that hold for people, and whose they are",
                              show_effective);
    names(effective, true);
    json(effective);
    json(command(user, "list", "who is there", list_people));
  }

  void add_group_commands() {
    auto* group = app_.add_subcommand("group", "groups")->require_subcommand(1);
    auto* new_group = command(group, "add", "a new group", [](auto& a, auto&, auto& o) -> Result<void> {
      const auto wanted = modifications_of(o.rules);
      if (!wanted) return std::unexpected(wanted.error());
      for (auto& name : o.names) {
        auto done = a.add_group(name, o.description);
        if (done && !wanted->empty()) done = a.set_rules("group", name, *wanted);
        if (!done) return done;
      }
      return {};
    });
    names(new_group, true, "its name");
    new_group->add_option("--description", options_.description, "what it is for");
    rules(new_group);
    names(command(group, "del", "takes a group away",
                  for_each_name([](auto& a, auto& n) { return a.remove_group(n); })),
          true, "its name");
    auto* set = command(group, "set", "rules for its members",
                        [](auto& a, auto&, auto& o) { return set_rules(a, "group", o); });
    names(set, true, "its name");
    rules(set);
    auto* member = command(group, "member", "who is in a group, and who comes and goes", change_members);
    member->add_option("GROUP", options_.name, "the group")->required();
    member->add_option("--add", options_.joining, "login names to put in");
    member->add_option("--del", options_.leaving, "login names to take out");
    auto* join = command(group, "join", "puts people into a group",
                         [](auto& a, auto&, auto& o) { return a.join(o.name, o.names); });
    auto* leave = command(group, "leave", "takes people out of a group",
                          [](auto& a, auto&, auto& o) { return a.leave(o.name, o.names); });
    for (auto* sub : {join, leave}) {
      sub->add_option("GROUP", options_.name, "the group")->required();
      sub->add_option("NAME", options_.names, "login names")->required();
    }
    json(command(group, "list", "which there are, and who is in them",
                 [](auto& a, auto&, auto& o) { return list_groups(a, o); }));
  }

  void add_list_commands() {
    auto* in = command(
        &app_, "import", "a class list (CSV: name, group): prints logins and passwords once, as CSV",
        [](auto& a, auto& settings, auto& o) { return import_class(a, settings, o.import); });
    in->add_option("FILE", options_.import.file, "the list")->required();
    in->add_option("--group", options_.import.groups, "a group for everybody in it");
    in->add_option("--cards", options_.import.cards,
                   "also write a card a person to this file, to hand out; .html makes a page to print");
    in->add_flag("--dry-run", options_.import.dry_run, "only check the list and say who would come in");
    auto* issue = command(&app_, "certify", "S/MIME certificates of the lab CA for people, published here",
                          certify_people);
    issue->add_option("NAME", options_.names, "login names; everybody when left out");
    issue->add_option("--ca", options_.certify.ca_certificate, "PEM file: the CA's certificate")->required();
    issue->add_option("--ca-key", options_.certify.ca_key, "PEM file: its key")->required();
    issue->add_option("--folder", options_.certify.folder, "where keys and certificates are kept")->required();
    issue->add_flag("--renew", options_.certify.renew, "a new key; the old certificate is revoked");
    issue->add_flag("--revoke", options_.certify.revoke, "take certificates away, and list them as revoked");
    auto* out = command(&app_, "export", "people and groups as LDIF, without passwords", write_all);
    out->add_flag("--csv", options_.as_csv, "people only, as a class list");
  }

  CLI::App app_{
      "Changes the people and groups of a running directory.\n\nExample: lab-directory user add fati --name "
      "'Fati Diallo' --config directory.yaml",
      "lab-directory"};
  Options options_;
  Action chosen_;
};

}  // namespace

bool is_admin_command(int argc, const char* const* argv) {
  static const std::set<std::string_view> verbs{"user", "group", "import", "export", "certify"};
  return argc > 1 && verbs.contains(argv[1]);
}

int admin_main(int argc, char** argv) { return CommandLine().run(argc, argv); }

}  // namespace lab::directory
