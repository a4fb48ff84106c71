#include <fmt/format.h>

#include "common/ca.hpp"
#include "common/yaml.hpp"
#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;

int users(const std::string& name, bool as_json) {
  auto lab = find_lab(name);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  if (as_json) {
    json::array all;
    for (const auto& user : plan->credentials)
      all.push_back({{"domain", user.domain},
                     {"user", user.user},
                     {"name", user.name},
                     {"password", user.password},
                     {"generated", user.generated},
                     {"mail", json::value_from(user.mail)},
                     {"groups", json::value_from(user.groups)}});
    fmt::print("{}\n", json::serialize(all));
    return kDone;
  }
  if (plan->credentials.empty()) {
    fmt::print("{} has no users; add some under 'domains: NAME: users:'\n", plan->lab);
    return kDone;
  }
  Columns columns;
  columns.add({"USER", "NAME", "PASSWORD", "MAIL", "GROUPS"});
  for (const auto& user : plan->credentials)
    columns.add({user.user, user.name, user.password + (user.generated ? " (generated)" : ""),
                 fmt::format("{}", fmt::join(user.mail, ", ")),
                 fmt::format("{}", fmt::join(user.groups, ", "))});
  fmt::print("{}", columns.text());
  return kDone;
}

namespace {

std::string date_text(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

/// The CA of a lab that runs, or that has run: it stays in the state folder.
Result<std::string> ca_path(const std::string& name) {
  auto lab = find_lab(name);
  if (lab) {
    const auto plan = plan_of(*lab);
    return plan ? Result<std::string>(plan->ca_certificate) : std::unexpected(plan.error());
  }
  if (name.empty() || name.find('/') != std::string::npos) return std::unexpected(lab.error());
  return state_home() + "/" + name + "/ca/ca.crt";
}

}  // namespace

int ca(const CaOptions& options) {
  const auto path = ca_path(options.lab);
  if (!path) return complain(path.error());
  const auto pem = yaml::read_file(*path);
  if (!pem) return complain({"there is no CA yet", *path, "labctl up makes it"});
  const auto facts = ca::inspect(*pem);
  if (!facts) return complain(facts.error());
  if (options.output == "-") {
    fmt::print("{}", *pem);
    return kDone;
  }
  if (!options.output.empty()) {
    if (auto written = runtime::write_file(options.output, *pem, 0644); !written)
      return complain(written.error());
    fmt::print("{}: written\n", options.output);
    return kDone;
  }
  if (options.json) {
    fmt::print("{}\n", json::serialize(json::object{{"path", *path},
                                                    {"subject", facts->subject},
                                                    {"sha256", facts->sha256},
                                                    {"not_before", date_text(facts->not_before)},
                                                    {"not_after", date_text(facts->not_after)},
                                                    {"certificate", *pem}}));
    return kDone;
  }
  const auto program = program_name();
  Columns columns;
  columns.add({"authority", facts->subject});
  columns.add({"valid", date_text(facts->not_before) + " to " + date_text(facts->not_after)});
  columns.add({"SHA-256", facts->sha256});
  columns.add({"file", *path});
  fmt::print("{}\n", columns.text());
  Columns install;
  install.add({program + " ca --output lab-ca.pem", "write it to a file to carry to a client"});
  install.add({"inside the lab's nodes", "nothing to do: it is their /etc/ssl/certs/ca-certificates.crt"});
  install.add({"Thunderbird, Firefox",
               "Settings › Privacy & Security › Certificates › Manage › Authorities › Import lab-ca.pem"});
  install.add({"Windows, Outlook", "certutil -addstore Root lab-ca.pem   (as administrator)"});
  install.add(
      {"Debian, Ubuntu",
       "sudo cp lab-ca.pem /usr/local/share/ca-certificates/lab-ca.crt && sudo update-ca-certificates"});
  install.add(
      {"macOS", "sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain lab-ca.pem"});
  fmt::print(
      "To trust it:\n{}Take it out again after the class: whoever has this lab's key could pretend to be any "
      "site to that client.\n",
      install.text("  "));
  return kDone;
}

}  // namespace lab::command
