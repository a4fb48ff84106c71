// labctl -- the command line: reads it, and calls one of command/commands.hpp.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/yaml.hpp"
#include "labctl/command/commands.hpp"
#include "labctl/command/leases.hpp"

namespace {

using namespace lab::command;

constexpr const char* kOverview =
    R"(A teaching lab for mail, DNS, DHCP and directories: one command, one YAML file.

Example: labctl up topologies/helper-bac.yaml)";

constexpr const char* kFooter =
    R"(A lab is named by its topology. Commands find the only running lab by themselves.
Exit status: 0 done and all well; 1 a check or the lab failed; 2 wrong usage or topology.)";

/// `labctl exec [--lab LAB] NODE [--] COMMAND…`: what follows NODE belongs to the program, `-l` and `--help`
/// included. Returns how many of the words are labctl's own; the rest goes to `command`.
int own_words(int argc, char** argv, std::vector<std::string>& command) {
  if (argc < 3 || std::string_view(argv[1]) != "exec") return argc;
  int at = 2;
  while (at < argc && argv[at][0] == '-' && std::string_view(argv[at]) != "--")
    at += std::string_view(argv[at]) == "--lab" ? 2 : 1;
  if (at >= argc) return argc;
  const int own = at + 1;  // the node is the last of ours
  int first = own;
  if (first < argc && std::string_view(argv[first]) == "--") ++first;
  command.assign(argv + std::min(first, argc), argv + argc);
  return own;
}

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

/// Says what was probably meant by an unknown command; 0 when it is known.
int refuse_unknown(const CLI::App& app, std::string_view word) {
  const auto known = names_of(app);
  if (std::ranges::find(known, word) != known.end()) return 0;
  const auto near = lab::yaml::did_you_mean(word, known);
  fmt::print(stderr, "labctl: unknown command '{}'; {}\n", word,
             near.empty() ? "labctl --help lists them" : fmt::format("did you mean '{}'?", near));
  return 2;
}

/// A subcommand whose help opens with one sentence and one example.
CLI::App* command(CLI::App& app, const std::string& name, const std::string& sentence,
                  const std::string& example) {
  auto* sub = app.add_subcommand(name, sentence);
  sub->footer("Example: " + example);
  return sub;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kOverview, "labctl");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version,-V", std::string("labctl ") + LAB_VERSION);
  std::function<int()> chosen;
  std::string lab;
  std::string node;
  bool json = false;
  auto lab_argument = [&](CLI::App* sub) {
    sub->add_option("LAB", lab, "the lab's name, where several run");
  };
  auto json_flag = [&](CLI::App* sub) {
    sub->add_flag("--json", json, "print JSON, with the same fields in every version");
  };

  UpOptions up_options;
  auto* sub = command(app, "up", "Start a lab, or change a running one to what its file says now.",
                      "labctl up topologies/helper-bac.yaml");
  sub->add_option("FILE", up_options.file,
                  "the topology; by default lab.yaml, topology.yaml or the only .yaml file here");
  sub->add_flag("--dry-run", up_options.dry_run, "print what would be made, start nothing");
  sub->add_flag("--check", up_options.check, "verify every promise before telling what to try next");
  sub->add_flag("--foreground", up_options.foreground,
                "stay until SIGTERM or Ctrl-C, then take the lab down: for batch systems");
  sub->add_flag("--quiet,-q", up_options.quiet, "print nothing when all is well");
  json_flag(sub);
  sub->callback([&] {
    up_options.json = json;
    chosen = [&] { return up(up_options); };
  });

  DownOptions down_options;
  sub =
      command(app, "down", "Stop a lab and remove it; mail, leases and directory data stay for the next up.",
              "labctl down --purge");
  sub->add_option("LAB", down_options.lab, "the lab's name, where several run");
  sub->add_flag("--purge", down_options.purge, "remove its data too");
  sub->callback([&] { chosen = [&] { return down(down_options); }; });

  sub = command(app, "ps", "List the labs that run.", "labctl ps");
  json_flag(sub);
  sub->callback([&] { chosen = [&] { return ps(json); }; });

  bool names_only = false;
  sub = command(app, "status", "Show nodes, addresses, services, their health and memory.", "labctl status");
  lab_argument(sub);
  json_flag(sub);
  sub->add_flag("--names", names_only, "print the nodes' names only");
  sub->callback([&] { chosen = [&] { return names_only ? node_names(lab) : status(lab, json); }; });

  CheckOptions check_options;
  sub = command(app, "check", "Verify from inside the clients everything the topology promises.",
                "labctl check --junit results.xml");
  sub->add_option("LAB", check_options.lab, "the lab's name, where several run");
  sub->add_option("--junit", check_options.junit, "also write the results as JUnit XML")->type_name("FILE");
  sub->add_flag("--grade", check_options.grade, "count the points the topology gives");
  sub->add_flag("--failures", check_options.failures_only, "show only what is broken");
  json_flag(sub);
  sub->callback([&] {
    check_options.json = json;
    chosen = [&] { return check(check_options); };
  });

  ExecOptions exec_options;
  sub = command(app, "exec", "Run a command inside a node.", "labctl exec pc1 -- dig +short helper.bac MX");
  sub->add_option("--lab", exec_options.lab, "the lab's name, where several run");
  sub->add_option("NODE", exec_options.node, "the node's name")->required();
  sub->add_option("COMMAND", exec_options.command, "the program and its arguments, after -- or not")
      ->required();
  sub->callback([&] { chosen = [&] { return exec(exec_options); }; });

  sub = command(app, "shell", "Open a shell on a node.", "labctl shell pc1");
  sub->add_option("--lab", lab, "the lab's name, where several run");
  sub->add_option("NODE", node, "the node's name")->required();
  sub->callback([&] { chosen = [&] { return shell(lab, node); }; });

  DemoOptions demo_options;
  sub = command(app, "demo", "Tell the lab's story step by step on the projector, every step run for real.",
                "labctl demo --auto");
  sub->add_option("LAB", demo_options.lab, "the lab's name, where several run");
  sub->add_option("--lesson", demo_options.lesson, "only this one: lease, names, mx, …");
  sub->add_flag("--auto", demo_options.automatic, "do not wait for Enter between steps");
  sub->add_option("--language", demo_options.language, "en or fr; by default the locale's")
      ->check(CLI::IsMember({"en", "fr"}));
  sub->callback([&] { chosen = [&] { return demo(demo_options); }; });

  GraphOptions graph_options;
  sub = command(app, "graph", "Draw a topology, or a running lab with its leases and health.",
                "labctl graph --output lab.svg");
  sub->add_option("SUBJECT", graph_options.subject, "a topology file, or the lab's name where several run");
  sub->add_option("--format", graph_options.format, "svg, mermaid or dot")
      ->check(CLI::IsMember({"svg", "mermaid", "dot"}));
  sub->add_option("--output,-o", graph_options.output, "the file to write; by default standard output")
      ->type_name("FILE");
  sub->callback([&] { chosen = [&] { return graph(graph_options); }; });

  TraceOptions trace_options;
  bool follow = true;
  sub = command(app, "trace", "Watch the daemons' protocol dialogues live, also what TLS hides.",
                "labctl trace --protocol smtp");
  sub->add_option("LAB", trace_options.lab, "the lab's name, where several run");
  sub->add_option("--protocol", trace_options.protocol, "only this one: dhcp, dns, ldap, smtp, imap, pop3");
  sub->add_option("--node", trace_options.node, "only the daemons of this node");
  sub->add_flag("--follow,-f", follow, "go on until Ctrl-C (always so)");
  sub->callback([&] { chosen = [&] { return trace(trace_options); }; });

  UsersOptions users_options;
  sub = command(app, "users",
                "List the directory's users with names, passwords and addresses, or the rules for some.",
                "labctl users --effective ali");
  sub->add_option("LAB", users_options.lab, "the lab's name, where several run");
  sub->add_option("--effective", users_options.effective,
                  "the rules that hold for these people, and whose they are")
      ->type_name("NAME");
  sub->add_option("--domain", users_options.domain, "the domain, where the lab has several directories");
  json_flag(sub);
  sub->callback([&] {
    users_options.json = json;
    chosen = [&] { return users(users_options); };
  });

  DirectoryOptions directory_options;
  struct DirectoryCommand {
    const char *name, *sentence, *example;
  };
  for (const auto& [name, sentence, example] :
       {DirectoryCommand{"user",
                         "Add, remove, lock people of the running directory, or give them a new password.",
                         "labctl user add fati --name 'Fati Diallo' --group students   (also passwd, del, "
                         "lock, unlock, set, effective, list)"},
        DirectoryCommand{"group", "Add, remove and fill groups of the running directory.",
                         "labctl group add chess; labctl group member chess --add ali awa   (also del, set, list)"},
        DirectoryCommand{
            "import",
            "Bring a class list (CSV: name, group) into the directory; prints logins and passwords once.",
            "labctl import class.csv --cards cards.html"},
        DirectoryCommand{"export", "Print people and groups of the directory as LDIF, without passwords.",
                         "labctl export"}}) {
    sub = command(app, name, sentence, example);
    sub->add_option("--lab", directory_options.lab, "the lab's name, where several run");
    sub->add_option("--domain", directory_options.domain,
                    "the domain, where the lab has several directories");
    sub->prefix_command();
    sub->callback([&, sub, name = std::string(name)] {
      directory_options.words = sub->remaining();
      directory_options.words.insert(directory_options.words.begin(), name);
      chosen = [&] { return directory(directory_options); };
    });
  }

  LeasesOptions leases_options;
  sub = command(app, "leases",
                "List what the DHCP servers have lent; take a lease away with its name in DNS; move leases as CSV.",
                "labctl leases; labctl leases revoke pc1; labctl leases export class.csv");
  sub->add_option("ACTION", leases_options.action,
                  "revoke (ADDRESS, NODE or MAC), export [FILE], import FILE, partner-down; by default the list")
      ->check(CLI::IsMember({"revoke", "export", "import", "partner-down"}));
  sub->add_option("ARGUMENT", leases_options.argument, "whose lease, or which file");
  sub->add_option("--server", leases_options.server, "the node whose server is meant, where several run dhcp");
  sub->add_option("--lab", leases_options.lab, "the lab's name, where several run");
  json_flag(sub);
  sub->callback([&] {
    leases_options.json = json;
    chosen = [&] { return leases(leases_options); };
  });

  CaOptions ca_options;
  sub = command(app, "ca",
                "Show the lab's certificate authority, export it, tell how clients come to trust it.",
                "labctl ca --output lab-ca.pem");
  sub->add_option("LAB", ca_options.lab, "the lab's name, where several run");
  sub->add_option("--output,-o", ca_options.output,
                  "write the certificate (PEM) to this file; - is standard output")
      ->type_name("FILE");
  json_flag(sub);
  sub->callback([&] {
    ca_options.json = json;
    if (!chosen) chosen = [&] { return ca(ca_options); };
  });
  IssueOptions issue_options;
  auto person_command = [&](CLI::App* parent, const std::string& name, const std::string& sentence,
                            const std::string& example, bool revoke) {
    auto* under = command(*parent, name, sentence, example);
    under->add_option("USER", issue_options.people, "login names");
    under->add_flag("--all", issue_options.all, "everybody in the directory");
    under->add_option("--lab", issue_options.lab, "the lab's name, where several run");
    under->add_option("--domain", issue_options.domain,
                      "the domain, where the lab has several directories");
    under->callback([&, revoke] {
      issue_options.revoke = revoke;
      chosen = [&] { return ca_issue(issue_options); };
    });
    return under;
  };
  auto* issue = person_command(
      sub, "issue",
      "Give people an S/MIME key and certificate (PKCS #12), and publish the certificate in the directory.",
      "labctl ca issue ali", false);
  issue->add_option("--output,-o", issue_options.output, "the file, or the folder for several; by default USER.p12");
  issue->add_flag("--renew", issue_options.renew, "a new key; the old certificate is revoked");
  issue->add_flag("--publish-only", issue_options.publish_only, "into the directory only, write no file");
  person_command(sub, "revoke", "Take people's certificates back: gone from the directory, on the CA's list.",
                 "labctl ca revoke ali", true);

  std::string unit;
  for (const auto& [action, sentence] :
       {std::pair{"start", "Start a stopped service again."},
        std::pair{"stop", "Stop a service, to see what breaks."},
        std::pair{"restart", "Stop a service and start it again; its certificate is renewed."}}) {
    sub = command(app, action, sentence, fmt::format("labctl {} srv/dns", action));
    sub->add_option("SERVICE", unit, "as labctl status names it: srv/dns")->required();
    sub->add_option("--lab", lab, "the lab's name, where several run");
    sub->callback(
        [&, action = std::string(action)] { chosen = [&, action] { return service(lab, unit, action); }; });
  }

  std::vector<std::string> files;
  sub = command(app, "validate", "Report every mistake of a topology, with its place and a way out.",
                "labctl validate class.yaml");
  sub->add_option("FILE", files, "topologies; by default the one of this folder");
  json_flag(sub);
  sub->callback([&] { chosen = [&] { return validate(files, json); }; });

  sub = command(app, "schema", "Print the JSON schema of topologies, for editors.",
                "labctl schema > labctl.schema.json");
  sub->callback([&] { chosen = [] { return schema(); }; });

  InitOptions init_options;
  sub = command(app, "init", "Write a topology to begin with.", "labctl init helper-bac");
  sub->add_option("TEMPLATE", init_options.name, "which one; by default helper-bac");
  sub->add_option("--output,-o", init_options.output, "the file to write; - is standard output")
      ->type_name("FILE");
  sub->add_flag("--list", init_options.list, "list the templates");
  sub->callback([&] { chosen = [&] { return init(init_options); }; });

  sub =
      command(app, "doctor", "Say what this machine lacks to run labs, and how to get it.", "labctl doctor");
  json_flag(sub);
  sub->callback([&] { chosen = [&] { return doctor(json); }; });

  std::string shell_name;
  sub = command(app, "completion", "Print the completion script for a shell.",
                "eval \"$(labctl completion bash)\"");
  sub->add_option("SHELL", shell_name, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->callback([&] { chosen = [&] { return completion(shell_name, names_of(app)); }; });

  if (argc < 2) {
    fmt::print("{}", app.help());
    return 2;
  }
  if (argv[1][0] != '-')
    if (const int status = refuse_unknown(app, argv[1]); status != 0) return status;
  std::vector<std::string> command_words;
  const int own = own_words(argc, argv, command_words);
  std::vector<std::string> words(argv + 1, argv + own);
  if (!command_words.empty()) words.emplace_back("--");
  words.insert(words.end(), command_words.begin(), command_words.end());
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    const int status = app.exit(e);
    return status == 0 ? 0 : 2;
  }
  try {
    return chosen();
  } catch (const std::exception& e) {
    fmt::print(stderr, "labctl: {}\n", e.what());
    return 1;
  }
}
