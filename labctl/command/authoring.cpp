// Commands that help to write topologies: validate, schema, init, completion.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/yaml.hpp"
#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace fs = std::filesystem;
namespace json = boost::json;

int validate(const std::vector<std::string>& files, bool as_json) {
  auto names = files;
  if (names.empty()) {
    const auto found = find_topology("");
    if (!found) return complain(found.error(), kUsage);
    names.push_back(*found);
  }
  int status = kDone;
  json::array results;
  for (const auto& name : names) {
    const auto topology = topology::load_file(name);
    if (!topology) status = kUsage;
    if (as_json) {
      json::object result{{"file", name}, {"ok", topology.has_value()}};
      if (topology)
        result["lab"] = topology->lab;
      else
        result["errors"] = topology.error().text;
      results.emplace_back(std::move(result));
    } else if (topology) {
      fmt::print("{}: no mistakes (lab {}: {}, {}, {})\n", name, topology->lab,
                 counted(topology->networks.size(), "network"), counted(topology->domains.size(), "domain"),
                 counted(topology->nodes.size(), "node"));
    } else {
      fmt::print(stderr, "{}{}\n", topology.error().text, counted(topology.error().mistakes, "error"));
    }
  }
  if (as_json) fmt::print("{}\n", json::serialize(results));
  return status;
}

int schema() {
  fmt::print("{}\n", topology::schema());
  return kDone;
}

namespace {

/// The labs that come with the program: beside the sources, or installed.
std::string templates_folder() {
  for (const auto& folder :
       {bin_folder() + "/../../../topologies", bin_folder() + "/../share/labctl/topologies"}) {
    std::error_code error;
    if (fs::is_directory(folder, error)) return fs::canonical(folder, error).string();
  }
  return {};
}

/// The first comment line of a topology: what it teaches.
std::string first_sentence(const std::string& text) {
  const auto end = text.find('\n');
  if (!text.starts_with("#")) return {};
  const auto start = text.find_first_not_of("# ");
  return text.substr(start, end - start);
}

}  // namespace

int init(const InitOptions& options) {
  const auto folder = templates_folder();
  if (folder.empty())
    return complain(
        {"the templates are not where they belong", bin_folder(), "run labctl from its build folder"});
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  if (options.list) {
    Columns columns;
    for (const auto& name : names) {
      const auto text = yaml::read_file(folder + "/" + name + ".yaml");
      columns.add({name, text ? first_sentence(*text) : ""});
    }
    fmt::print("{}", columns.text());
    return kDone;
  }
  const auto name = options.name.empty() ? std::string("helper-bac") : options.name;
  if (std::ranges::find(names, name) == names.end()) {
    const auto near = yaml::did_you_mean(name, names);
    return complain({fmt::format("there is no template '{}'", name), "",
                     near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                                  : fmt::format("did you mean '{}'?", near)},
                    kUsage);
  }
  const auto text = yaml::read_file(folder + "/" + name + ".yaml");
  if (!text) return complain(text.error());
  if (options.output == "-") {
    fmt::print("{}", *text);
    return kDone;
  }
  const auto target = options.output.empty() ? name + ".yaml" : options.output;
  if (access(target.c_str(), F_OK) == 0)
    return complain({"exists already; it was left as it is", target, "name another file with --output"},
                    kUsage);
  if (auto written = runtime::write_file(target, *text, 0644); !written) return complain(written.error());
  fmt::print("{} written. Next: {} up {}\n", target, program_name(), target);
  return kDone;
}

namespace {

constexpr std::string_view kBashCompletion =
    R"sh(# labctl completion for bash: eval "$(labctl completion bash)"
_labctl() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}}
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "{}" -- "$word")); return; fi
  case $command in
    up|validate) COMPREPLY=($(compgen -f -X '!*.y*ml' -- "$word") $(compgen -d -- "$word")) ;;
    shell|exec) COMPREPLY=($(compgen -W "$(labctl status --names 2>/dev/null)" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "--help --json" -- "$word")) ;;
  esac
}}
complete -F _labctl labctl
)sh";

}  // namespace

int completion(const std::string& shell, const std::vector<std::string>& commands) {
  const auto words = fmt::format("{}", fmt::join(commands, " "));
  if (shell == "bash") {
    fmt::print("{}", fmt::format(fmt::runtime(kBashCompletion), words));
  } else if (shell == "zsh") {
    fmt::print("#compdef labctl\n_arguments '1:command:({})' '*:file:_files'\n", words);
  } else {
    fmt::print(
        "complete -c labctl -f -n __fish_use_subcommand -a '{}'\ncomplete -c labctl -n 'not "
        "__fish_use_subcommand' -F\n",
        words);
  }
  return kDone;
}

}  // namespace lab::command
