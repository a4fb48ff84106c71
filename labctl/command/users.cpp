// Who is in the lab's directories: what the topology says, and what has become of it since.
#include <fmt/format.h>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/directory.hpp"
#include "labctl/command/terminal.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

struct Row {
  plan::Credential who;
  bool locked = false;
  bool changed = false;  ///< the password is not the one the topology gave
  bool gone = false;     ///< taken out of the running directory
  bool added = false;    ///< not of the topology
};

std::vector<std::string> texts(const json::value& list) {
  std::vector<std::string> out;
  for (const auto& item : list.as_array()) out.emplace_back(item.as_string());
  return out;
}

/// What the running directory of a domain says of its people, put over what the topology said.
void merge(std::vector<Row>& rows, const std::string& domain, const json::array& people) {
  for (auto& row : rows) row.gone = row.gone || row.who.domain == domain;
  for (const auto& item : people) {
    const auto& person = item.as_object();
    const std::string user(person.at("user").as_string());
    auto row = std::ranges::find_if(
        rows, [&](const Row& r) { return r.who.domain == domain && r.who.user == user; });
    if (row == rows.end()) {
      row = rows.insert(rows.end(), Row{});
      row->who.domain = domain;
      row->who.user = user;
      row->added = true;
    }
    row->gone = false;
    row->who.name = std::string(person.at("name").as_string());
    row->who.mail = texts(person.at("mail"));
    row->who.groups = texts(person.at("groups"));
    row->locked = person.at("locked").as_bool();
    row->changed = person.at("password_changed").as_bool();
  }
}

std::string password_text(const Row& row) {
  if (row.added) return "(theirs)";
  if (row.changed) return "(changed)";
  return row.who.password + (row.who.generated ? " (generated)" : "");
}

json::object to_json(const Row& row) {
  const auto& user = row.who;
  json::object out{{"domain", user.domain},
                   {"user", user.user},
                   {"name", user.name},
                   {"password", row.added || row.changed ? json::value(nullptr) : json::value(user.password)},
                   {"generated", user.generated},
                   {"mail", json::value_from(user.mail)},
                   {"groups", json::value_from(user.groups)},
                   {"locked", row.locked},
                   {"password_changed", row.changed}};
  return out;
}

/// The people of the lab as they are now; `silent` names the domains whose directory does not answer.
std::vector<Row> people_of(runtime::ControlClient& lab, const plan::Plan& plan,
                           std::vector<std::string>& silent) {
  std::vector<Row> rows;
  for (const auto& user : plan.credentials) rows.push_back({.who = user});
  for (const auto& domain : plan.domains) {
    const auto* service = domain.directory_node.empty() ? nullptr
                                                        : plan.service(domain.directory_node + "/directory");
    if (service == nullptr) continue;  // an external one: its people are its own affair
    const auto said = ask_directory(lab, plan, *service, {"user", "list", "--json"});
    boost::system::error_code error;
    const auto people = said ? json::parse(*said, error) : json::value();
    if (!said || error || !people.is_array())
      silent.push_back(domain.name);
    else
      merge(rows, domain.name, people.as_array());
  }
  std::erase_if(rows, [](const Row& row) { return row.gone; });
  return rows;
}

int effective(runtime::ControlClient& lab, const plan::Plan& plan, const UsersOptions& options) {
  const auto service = find_rules(plan, options.domain);
  if (!service) return complain(service.error(), kUsage);
  std::vector<std::string> words{"user", "effective"};
  words.insert(words.end(), options.effective.begin(), options.effective.end());
  if (options.json) words.emplace_back("--json");
  return run_directory(lab, plan, **service, words);
}

}  // namespace

int users(const UsersOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  if (!options.effective.empty()) return effective(*lab, *plan, options);
  std::vector<std::string> silent;
  const auto rows = people_of(*lab, *plan, silent);
  if (options.json) {
    json::array all;
    for (const auto& row : rows) all.push_back(to_json(row));
    fmt::print("{}\n", json::serialize(all));
    return kDone;
  }
  for (const auto& domain : silent)
    fmt::print(stderr, "the directory of {} does not answer; this is what the topology says\n", domain);
  if (rows.empty()) {
    fmt::print("{} has no users; add some under 'domains: NAME: users:'\n", plan->lab);
    return kDone;
  }
  Columns columns;
  columns.add({"USER", "NAME", "PASSWORD", "MAIL", "GROUPS"});
  for (const auto& row : rows)
    columns.add({row.who.user, row.who.name, password_text(row) + (row.locked ? " locked" : ""),
                 fmt::format("{}", fmt::join(row.who.mail, ", ")),
                 fmt::format("{}", fmt::join(row.who.groups, ", "))});
  fmt::print("{}", columns.text());
  return kDone;
}

}  // namespace lab::command
