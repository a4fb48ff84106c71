#include <fmt/format.h>
#include <sys/random.h>

#include <filesystem>
#include <sstream>
#include <system_error>

#include "common/ca.hpp"
#include "common/yaml.hpp"
#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/directory.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;

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
  install.add({program + " ca issue ali", "a person's S/MIME key and certificate, for their mail program"});
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

namespace {

/// Four groups of five letters and digits, without those that look alike: 100 bits.
std::string file_password() {
  static constexpr std::string_view kLetters = "abcdefghjkmnpqrstuvwxyz23456789";
  std::string out;
  while (out.size() < 23) {
    std::uint8_t byte = 0;
    if (getrandom(&byte, 1, 0) != 1) throw std::system_error(errno, std::generic_category(), "getrandom");
    if (byte >= kLetters.size() * 8) continue;  // each letter as likely as the others
    if (out.size() % 6 == 5) out += '-';
    out += kLetters[byte % kLetters.size()];
  }
  return out;
}

struct Issued {
  std::string user, mail, path, password;
};

/// Writes USER.p12 into `folder`; the keys are in the lab's state, which belongs to whoever runs the lab.
Result<Issued> write_pkcs12(const plan::Plan& plan, const std::string& domain, const std::string& user,
                            const std::string& mail, const std::string& path) {
  const auto base = fmt::format("{}/{}@{}", user_keys(plan), user, domain);
  const auto certificate = yaml::read_file(base + ".crt");
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = yaml::read_file(base + ".key");
  if (!key) return std::unexpected(key.error());
  const auto root = yaml::read_file(plan.ca_certificate);
  if (!root) return std::unexpected(root.error());
  Issued issued{user, mail, path, file_password()};
  const auto bytes = ca::to_pkcs12({*certificate, *key}, *root, mail, issued.password);
  if (!bytes) return std::unexpected(bytes.error());
  if (auto written = runtime::write_file(path, *bytes, 0600); !written)
    return std::unexpected(written.error());
  return issued;
}

}  // namespace

std::string user_keys(const plan::Plan& plan) {
  return std::filesystem::path(plan.ca_certificate).parent_path().string() + "/users";
}

std::vector<std::string> certify_words(const plan::Plan& plan, const std::vector<std::string>& people) {
  std::vector<std::string> words{"certify"};
  words.insert(words.end(), people.begin(), people.end());
  words.insert(words.end(), {"--ca", plan.ca_certificate, "--ca-key", plan.ca_key, "--folder", user_keys(plan)});
  return words;
}

int ca_issue(const IssueOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  const auto service = find_directory(*plan, options.domain);
  if (!service) return complain(service.error(), kUsage);
  if (options.people.empty() == !options.all)
    return complain({"whose certificate?", {}, "name people, or --all"}, kUsage);
  if (!options.output.empty() && options.people.size() != 1 && !options.revoke &&
      !std::filesystem::is_directory(options.output))
    return complain({"several people's files need a folder", options.output, "--output FOLDER"}, kUsage);
  auto words = certify_words(*plan, options.people);
  if (options.renew) words.emplace_back("--renew");
  if (options.revoke) words.emplace_back("--revoke");
  const auto said = ask_directory(*lab, *plan, **service, words);
  if (!said) return complain(said.error());
  const auto* node = plan->node((*service)->node);
  Columns columns;
  columns.add({"USER", "FILE", "ITS PASSWORD"});
  std::istringstream lines(*said);
  std::string user, mail, serial, state;
  std::size_t people = 0;
  while (lines >> user >> mail >> serial >> state) {
    ++people;
    if (options.revoke) {
      columns.add({user, "revoked " + serial, ""});
      continue;
    }
    if (options.publish_only) continue;
    auto path = options.output.empty() ? user + ".p12" : options.output;
    if (std::filesystem::is_directory(path)) path += "/" + user + ".p12";
    const auto issued = write_pkcs12(*plan, node->domain, user, mail, path);
    if (!issued) return complain(issued.error());
    columns.add({issued->user, issued->path, issued->password});
  }
  if (options.publish_only) {
    fmt::print("{} published in the directory\n", counted(people, "certificate"));
    return kDone;
  }
  fmt::print("{}", columns.text());
  if (options.revoke)
    fmt::print("Gone from the directory, and on the CA's list: {}\n",
               std::filesystem::path(plan->ca_certificate).replace_filename("ca.crl").string());
  else
    fmt::print(
        "The password is shown this once. The certificate is in the directory, for whoever writes to them.\n"
        "Thunderbird: Settings › Privacy & Security › Certificates › Manage › Your Certificates › Import;\n"
        "then Account Settings › End-To-End Encryption › S/MIME. The lab CA must be trusted first ({} ca).\n"
        "openssl: openssl pkcs12 -in {} -out key.pem -noenc\n",
        program_name(), options.output.empty() ? user + ".p12" : options.output);
  return kDone;
}

}  // namespace lab::command
