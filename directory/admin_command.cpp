#include "directory/admin_command.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <set>

#include "common/yaml.hpp"
#include "directory/administrator.hpp"
#include "directory/class_list.hpp"
#include "directory/flavour.hpp"
#include "directory/folder.hpp"

namespace lab::directory {
namespace {

std::uint32_t random_below(std::uint32_t n) {
  std::uint32_t value = 0;
  // The bias of the remainder is below 2^-18 for the small numbers asked for.
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value))
    throw std::runtime_error("getrandom");
  return value % n;
}

struct Options {
  std::string config, name, description, file, cards;
  std::optional<std::string> password;
  std::vector<std::string> names, mail, groups;
  std::string quota;
  bool from_stdin = false, generate = false;
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

/// A cell of a CSV file (RFC 4180 2).
std::string cell(std::string_view text) {
  if (text.find_first_of("\",\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// One card a person, to be cut apart and handed out.
std::string cards_of(const std::vector<Pupil>& people, const std::string& domain) {
  std::string out;
  for (auto& p : people)
    out += fmt::format(
        "- - - - - - - - - - - - - - - - - - - - - - - - - - -\n  {}\n\n  login     {}\n  password  {}\n  "
        "mail      {}\n\n",
        p.name, p.uid, p.password, p.mail.empty() ? p.uid + "@" + domain : p.mail.front());
  return out;
}

Result<void> list_people(Administrator& admin) {
  auto people = admin.people();
  if (!people) return std::unexpected(people.error());
  for (auto& entry : *people) {
    const auto user = user_of(Flavour::OpenLdap, entry);
    const bool locked = !entry.values("pwdAccountLockedTime").empty();
    fmt::print("{:<20} {:<28} {:<40} {}{}\n", user.uid, user.display_name,
               fmt::format("{}", fmt::join(user.addresses, ",")), fmt::join(user.groups, ","),
               locked ? "  locked" : "");
  }
  return {};
}

Result<void> list_groups(Administrator& admin) {
  auto groups = admin.groups();
  if (!groups) return std::unexpected(groups.error());
  for (auto& entry : *groups) {
    std::vector<std::string> members;
    for (auto& dn : entry.values("member"))
      if (dn.starts_with("uid=")) members.push_back(leaf_of_dn(dn));
    fmt::print("{:<20} {:>4}  {}\n", entry.first("cn"), members.size(), fmt::join(members, ","));
  }
  return {};
}

/// Gives every pupil a login name nobody else has. A pupil who is there already keeps theirs and is left out.
std::vector<Pupil> newcomers(std::vector<Pupil> pupils, const std::vector<Entry>& people) {
  std::map<std::string, std::string> taken;  // uid -> name
  for (auto& entry : people) taken.emplace(entry.first("uid"), entry.first("cn"));
  std::vector<Pupil> fresh;
  for (auto& p : pupils) {
    const auto wanted = p.uid.empty() ? login_name(p.name) : p.uid;
    auto uid = wanted;
    for (int n = 2; taken.contains(uid) && taken[uid] != p.name && p.uid.empty(); ++n)
      uid = wanted + std::to_string(n);
    if (taken.contains(uid)) continue;
    p.uid = uid;
    taken.emplace(uid, p.name);
    fresh.push_back(std::move(p));
  }
  return fresh;
}

Result<void> import(Administrator& admin, const Settings& settings, const Options& o) {
  auto text = yaml::read_file(o.file);
  if (!text) return std::unexpected(text.error());
  auto pupils = parse_class_list(o.file, *text);
  if (!pupils) return std::unexpected(pupils.error());
  auto people = admin.people();
  if (!people) return std::unexpected(people.error());
  const auto all = pupils->size();
  auto fresh = newcomers(std::move(*pupils), *people);

  auto known = admin.groups();
  if (!known) return std::unexpected(known.error());
  std::map<std::string, std::vector<std::string>> members;
  for (auto& p : fresh) {
    for (auto& group : o.groups) p.groups.push_back(group);
    for (auto& group : p.groups) members[group].push_back(p.uid);
  }
  for (auto& [group, uids] : members)
    if (std::none_of(known->begin(), known->end(), [&](auto& e) { return same_name(e.first("cn"), group); }))
      if (auto done = admin.add_group(group, {}); !done) return done;
  fmt::print("login,password,name,mail,groups\n");
  for (auto& p : fresh) {
    if (p.password.empty()) p.password = readable_password(random_below);
    Person person;
    person.name = p.name.empty() ? p.uid : p.name;
    person.password = p.password;
    for (auto& address : p.mail)
      person.mail.push_back(address.contains('@') ? address : address + "@" + settings.domain);
    if (auto done = admin.add_user(p.uid, person); !done)
      return fail(done.error().text(), fmt::format("{}:{}", o.file, p.line),
                  "those before are in; mend the line and import again");
    const auto address = person.mail.empty() ? p.uid + "@" + settings.domain : person.mail.front();
    fmt::print("{},{},{},{},{}\n", p.uid, cell(p.password), cell(p.name), address,
               cell(fmt::format("{}", fmt::join(p.groups, "|"))));
  }
  for (auto& [group, uids] : members)
    if (auto done = admin.join(group, uids); !done) return done;
  if (!o.cards.empty())
    if (auto done = write_file(o.cards, cards_of(fresh, settings.domain)); !done) return done;
  fmt::print(stderr, "{} of {} came in, {} were there already\n", fresh.size(), all, all - fresh.size());
  return {};
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
  if (!o.quota.empty()) {
    yaml::Diagnostics mistakes("--quota", o.quota);
    const auto value = yaml::parse(mistakes, o.quota);
    const auto bytes = value ? value->bytes() : std::nullopt;
    if (!bytes) return fail("'" + o.quota + "' is not a size", "--quota", "200M, 1G");
    person.quota = config::Bytes{*bytes};
  }
  auto done = admin.add_user(o.names.front(), person);
  if (done && made_up) fmt::print("{} may log in with the password {}\n", o.names.front(), *person.password);
  return done;
}

Result<void> change_password(Administrator& admin, const Settings&, const Options& o) {
  bool made_up = false;
  const auto password = password_of(o, made_up);
  auto done = admin.set_password(o.names.front(), password);
  if (done && made_up) fmt::print("{} may log in with the password {}\n", o.names.front(), password);
  return done;
}

template <class Do>
Action for_each_name(Do what) {
  return [what](Administrator& admin, const Settings&, const Options& o) -> Result<void> {
    for (auto& name : o.names)
      if (auto done = what(admin, name); !done) return done;
    return {};
  };
}

Result<void> write_ldif(Administrator& admin) {
  auto people = admin.people(), groups = people ? admin.groups() : people;
  if (!groups) return std::unexpected(groups.error());
  for (auto* list : {&*people, &*groups})
    for (auto& entry : *list) {
      std::erase_if(entry.attributes, [](auto& a) { return same_name(a.first, "userPassword"); });
      fmt::print("{}", to_ldif(entry));
    }
  return {};
}

}  // namespace

bool is_admin_command(int argc, const char* const* argv) {
  static const std::set<std::string_view> verbs{"user", "group", "import", "export"};
  return argc > 1 && verbs.contains(argv[1]);
}

int admin_main(int argc, char** argv) {
  CLI::App app(
      "Changes the people and groups of a running directory.\n\nExample: lab-directory user add fati --name "
      "'Fati Diallo' --config directory.yaml",
      "lab-directory");
  app.require_subcommand(1);
  Options o;
  Action chosen;
  auto command = [&](CLI::App* parent, const std::string& name, const std::string& text, Action action) {
    auto* sub = parent->add_subcommand(name, text);
    sub->add_option("--config,-c", o.config, "the directory's configuration file")
        ->required()
        ->type_name("FILE");
    sub->callback([&chosen, action = std::move(action)] { chosen = action; });
    return sub;
  };
  auto names = [&](CLI::App* sub, bool several) {
    auto* option = sub->add_option("NAME", o.names, "login name")->required();
    if (!several) option->expected(1);
  };
  auto password = [&](CLI::App* sub) {
    sub->add_option("--password", o.password, "the password; one is made up and shown when left out");
    sub->add_flag("--password-stdin", o.from_stdin, "read it from standard input");
  };
  auto* user = app.add_subcommand("user", "people")->require_subcommand(1);
  auto* add = command(user, "add", "a new person", add_user);
  names(add, false);
  password(add);
  add->add_option("--name", o.name, "full name");
  add->add_option("--mail", o.mail, "addresses, the main one first");
  add->add_option("--group", o.groups, "groups");
  add->add_option("--quota", o.quota, "size of the mailbox, such as 200M");
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
  command(user, "list", "who is there", [](auto& a, auto&, auto&) { return list_people(a); });

  auto* group = app.add_subcommand("group", "groups")->require_subcommand(1);
  auto* new_group = command(group, "add", "a new group", [](auto& a, auto&, auto& opt) {
    return a.add_group(opt.names.front(), opt.description);
  });
  new_group->add_option("NAME", o.names, "its name")->required()->expected(1);
  new_group->add_option("--description", o.description, "what it is for");
  command(group, "del", "takes a group away",
          for_each_name([](auto& a, auto& n) { return a.remove_group(n); }))
      ->add_option("NAME", o.names, "its name")
      ->required();
  auto* join = command(group, "join", "puts people into a group",
                       [](auto& a, auto&, auto& opt) { return a.join(opt.name, opt.names); });
  auto* leave = command(group, "leave", "takes people out of a group",
                        [](auto& a, auto&, auto& opt) { return a.leave(opt.name, opt.names); });
  for (auto* sub : {join, leave}) {
    sub->add_option("GROUP", o.name, "the group")->required();
    sub->add_option("NAME", o.names, "login names")->required();
  }
  command(group, "list", "which there are, and who is in them",
          [](auto& a, auto&, auto&) { return list_groups(a); });

  auto* in = command(&app, "import",
                     "a class list (CSV: name, group): prints logins and passwords once, as CSV", import);
  in->add_option("FILE", o.file, "the list")->required();
  in->add_option("--group", o.groups, "a group for everybody in it");
  in->add_option("--cards", o.cards, "also write a card a person to this file, to hand out");
  command(&app, "export", "people and groups as LDIF, without passwords",
          [](auto& a, auto&, auto&) { return write_ldif(a); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  auto settings = config::load_file<Settings>(o.config);
  if (!settings) {
    fmt::print(stderr, "{}", settings.error());
    return 2;
  }
  auto admin = Administrator::open(*settings);
  auto done = admin ? chosen(*admin, *settings, o) : Result<void>(std::unexpected(admin.error()));
  if (!done) fmt::print(stderr, "lab-directory: {}\n", done.error().text());
  return done ? 0 : 1;
}

}  // namespace lab::directory
