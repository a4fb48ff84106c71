#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/directory.hpp"
#include "labctl/command/enter.hpp"

namespace lab::command {

namespace {

/// The lab's own directory of a domain. Changes are made at the original; its replicas follow.
const plan::Service* own_directory(const plan::Plan& plan, const plan::Domain& domain) {
  return domain.directory_node.empty() ? nullptr : plan.service(domain.directory_node + "/directory");
}

bool has_external_directory(const plan::Plan& plan, const plan::Domain& domain) {
  return !domain.directory_node.empty() && own_directory(plan, domain) == nullptr;
}

/// The service that `of` names for `domain`, or for the only one that has any.
template <class Of>
Result<const plan::Service*> find_service(const plan::Plan& plan, const std::string& domain, Of of) {
  std::vector<const plan::Service*> found;
  std::vector<std::string> names;
  for (const auto& served : plan.domains) {
    const auto* service = of(served);
    if (service == nullptr) continue;
    names.push_back(served.name);
    if (domain.empty() || domain == served.name) found.push_back(service);
  }
  if (found.size() == 1) return found.front();
  if (names.empty()) return fail(plan.lab + " has no directory of its own");
  return fail(found.empty() ? "no directory serves " + domain : plan.lab + " has several directories", {},
              fmt::format("name one: --domain {}", fmt::join(names, " or --domain ")));
}

}  // namespace

Result<const plan::Service*> find_directory(const plan::Plan& plan, const std::string& domain) {
  for (const auto& served : plan.domains)
    if (domain == served.name && has_external_directory(plan, served))
      return fail("the directory of " + domain + " is not the lab's own", {}, "use its own tools");
  return find_service(plan, domain, [&](const auto& served) { return own_directory(plan, served); });
}

Result<const plan::Service*> find_rules(const plan::Plan& plan, const std::string& domain) {
  for (const auto& served : plan.domains)
    if ((domain == served.name || (domain.empty() && plan.domains.size() == 1)) &&
        has_external_directory(plan, served) && served.mail_node.empty())
      return fail("the lab has no mail server for " + served.name, {},
                  "rules for people of an external directory are followed there; add one under 'nodes'");
  return find_service(plan, domain, [&](const auto& served) {
    const auto* own = own_directory(plan, served);
    return own == nullptr && has_external_directory(plan, served) ? plan.service(served.mail_node + "/mail")
                                                                  : own;
  });
}

namespace {

std::vector<std::string> argv_of(const plan::Service& service, const std::vector<std::string>& words) {
  // The program itself knows the words; it needs its server's configuration.
  auto argv = words;
  argv.insert(argv.begin(), service.argv.front());
  argv.insert(argv.end(), service.argv.begin() + 1, service.argv.end());
  return argv;
}

/// Everything that comes out of a pipe until its other end is closed.
std::string drain(int fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR);)
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

}  // namespace

int run_directory(runtime::ControlClient& lab, const plan::Plan& plan, const plan::Service& service,
                  const std::vector<std::string>& words) {
  auto door = Door::open(lab, service.node);
  if (!door) return complain(door.error());
  const auto pid = door->start(argv_of(service, words), node_environment(plan, service.node), {});
  return pid ? Door::wait(*pid) : complain(pid.error());
}

Result<std::string> ask_directory(runtime::ControlClient& lab, const plan::Plan& plan,
                                  const plan::Service& service, const std::vector<std::string>& words) {
  auto door = Door::open(lab, service.node);
  if (!door) return std::unexpected(door.error());
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return fail("cannot make a pipe");
  runtime::Fd out_read(out[0]), out_write(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return fail("cannot make a pipe");
  runtime::Fd err_read(err[0]), err_write(err[1]);
  const auto pid = door->start(argv_of(service, words), node_environment(plan, service.node),
                               {.in = 0, .out = out_write.get(), .err = err_write.get()});
  if (!pid) return std::unexpected(pid.error());
  out_write.reset();
  err_write.reset();
  auto text = drain(out_read.get());
  auto complaint = drain(err_read.get());  // a line or two: it fits into the pipe until then
  if (Door::wait(*pid) == kDone) return text;
  while (complaint.ends_with('\n')) complaint.pop_back();
  constexpr std::string_view kName = "lab-directory: ";
  if (complaint.starts_with(kName)) complaint.erase(0, kName.size());
  return fail(complaint.empty() ? "lab-directory failed" : complaint);
}

int directory(const DirectoryOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  const bool about_rules =
      options.words.size() > 1 && options.words[0] == "user" && options.words[1] == "effective";
  const auto service =
      about_rules ? find_rules(*plan, options.domain) : find_directory(*plan, options.domain);
  if (!service) return complain(service.error(), kUsage);
  // Files are named from where we are.
  auto words = options.words;
  if (words.size() > 1 && words[0] == "import" && std::filesystem::exists(words[1]))
    words[1] = std::filesystem::absolute(words[1]);
  for (auto word = words.begin(); word != words.end() && word + 1 != words.end(); ++word)
    if (*word == "--cards") *(word + 1) = std::filesystem::absolute(*(word + 1));
  return run_directory(*lab, *plan, **service, words);
}

}  // namespace lab::command
