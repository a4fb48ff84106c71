#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/enter.hpp"

namespace lab::command {

namespace {

/// The directory meant: the one of `domain`, or the only one.
Result<const plan::Service*> find_directory(const plan::Plan& plan, const std::string& domain) {
  std::vector<const plan::Service*> found;
  std::vector<std::string> names;
  for (const auto& service : plan.services) {
    // Changes are made at the original; its replicas follow.
    if (service.kind != "directory" || std::ranges::none_of(plan.domains, [&](const auto& served) {
          return served.directory_node == service.node;
        }))
      continue;
    const auto* node = plan.node(service.node);
    const auto name = node == nullptr ? std::string() : node->domain;
    names.push_back(name);
    if (domain.empty() || domain == name) found.push_back(&service);
  }
  if (found.size() == 1) return found.front();
  if (names.empty()) return fail(plan.lab + " has no directory of its own");
  return fail(found.empty() ? "no directory serves " + domain : plan.lab + " has several directories", {},
              fmt::format("name one: --domain {}", fmt::join(names, " or --domain ")));
}

}  // namespace

int directory(const DirectoryOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  const auto service = find_directory(*plan, options.domain);
  if (!service) return complain(service.error(), kUsage);
  auto door = Door::open(*lab, (*service)->node);
  if (!door) return complain(door.error());
  // lab-directory itself knows the words; it needs its server's configuration, and finds files from where we
  // are.
  auto argv = options.words;
  argv.insert(argv.begin(), (*service)->argv.front());
  argv.insert(argv.end(), (*service)->argv.begin() + 1, (*service)->argv.end());
  if (argv.size() > 2 && argv[1] == "import" && std::filesystem::exists(argv[2]))
    argv[2] = std::filesystem::absolute(argv[2]);
  for (auto word = argv.begin(); word != argv.end() && word + 1 != argv.end(); ++word)
    if (*word == "--cards") *(word + 1) = std::filesystem::absolute(*(word + 1));
  const auto pid = door->start(argv, node_environment(*plan, (*service)->node), {});
  return pid ? Door::wait(*pid) : complain(pid.error());
}

}  // namespace lab::command
