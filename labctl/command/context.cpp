#include "labctl/command/context.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "common/yaml.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/plan/json.hpp"

namespace lab::command {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr const char* kRuntimeFolder = "/run/labctl";  // on the lab's own /run

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::uint32_t random_number() {
  std::uint32_t value = 0;
  if (getrandom(&value, sizeof value, 0) != sizeof value)
    throw std::system_error(errno, std::generic_category(), "getrandom");
  return value;
}

Result<json::object> to_object(const Result<runtime::ControlReply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  boost::system::error_code error;
  auto value = json::parse(reply->body, error);
  if (error || !value.is_object()) return fail("the lab's answer is not understood");
  auto& object = value.as_object();
  if (reply->status == 200) return object;
  const auto* what = object.if_contains("error");
  return fail(what != nullptr && what->is_string() ? std::string(what->as_string())
                                                   : fmt::format("the lab answered {}", reply->status));
}

}  // namespace

std::string state_home() {
  if (const auto xdg = environment("XDG_STATE_HOME"); xdg.starts_with("/")) return xdg + "/labctl";
  auto home = environment("HOME");
  if (!home.starts_with("/")) {
    const passwd* user = getpwuid(geteuid());
    home = user == nullptr ? "/tmp" : user->pw_dir;
  }
  return home + "/.local/state/labctl";
}

std::string bin_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string program_name() {
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error);
  std::string folder;
  for (const char c : environment("PATH") + ":") {
    if (c != ':') {
      folder += c;
      continue;
    }
    if (!folder.empty() && fs::exists(folder + "/labctl", error))
      return fs::equivalent(folder + "/labctl", self, error) ? "labctl" : self.string();
    folder.clear();
  }
  const auto near = fs::relative(self, fs::current_path(error), error);
  return !error && !near.string().starts_with("..") ? near.string() : self.string();
}

int complain(const Error& error, int status) {
  fmt::print(stderr, "labctl: {}\n", error.text());
  return status;
}

Result<runtime::ControlClient> find_lab(const std::string& name) {
  if (!name.empty()) return runtime::ControlClient::connect(name);
  const auto labs = runtime::running_labs();
  if (labs.empty()) return fail("no lab is running", {}, "start one with 'labctl up FILE'");
  if (labs.size() == 1) return runtime::ControlClient::connect(labs.front());
  std::error_code error;
  const auto here = fs::current_path(error);
  for (const auto& lab : labs) {
    auto client = runtime::ControlClient::connect(lab);
    if (!client) continue;
    const auto status = ask(*client, "/status");
    if (status && fs::path(std::string(status->at("topology").as_string())).parent_path() == here)
      return client;
  }
  return fail(fmt::format("{} labs are running: {}", labs.size(), fmt::join(labs, ", ")), {},
              "say which one");
}

Result<std::string> find_topology(const std::string& file) {
  std::error_code error;
  if (!file.empty()) return fs::absolute(file, error).lexically_normal().string();
  for (const char* name : {"lab.yaml", "topology.yaml"})
    if (fs::exists(name, error)) return fs::absolute(name, error).string();
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(".", error))
    if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml")
      found.push_back(entry.path().filename().string());
  if (found.size() == 1) return fs::absolute(found.front(), error).string();
  return fail(found.empty() ? "there is no topology in this folder"
                            : fmt::format("there are {} YAML files in this folder", found.size()),
              {}, "name one: labctl up FILE (labctl init writes a first one)");
}

Result<json::object> ask(runtime::ControlClient& lab, const std::string& target) {
  return to_object(lab.get(target));
}
Result<json::object> tell(runtime::ControlClient& lab, const std::string& target, const std::string& body) {
  return to_object(lab.post(target, body));
}

Result<plan::Plan> plan_of(runtime::ControlClient& lab) {
  auto reply = lab.get("/plan");
  if (!reply) return std::unexpected(reply.error());
  return plan::plan_from_json(reply->body);
}

std::optional<topology::Topology> load_or_complain(const std::string& file, std::string_view consequence) {
  std::error_code error;
  // Messages name the file the short way: as seen from here.
  const auto near = fs::proximate(file, fs::current_path(error), error).string();
  auto topology = topology::load_file(error || near.starts_with("../..") ? file : near);
  if (topology) return std::move(*topology);
  fmt::print(stderr, "{}{}; {}\n", topology.error().text, counted(topology.error().mistakes, "error"),
             consequence);
  return std::nullopt;
}

Result<plan::Plan> plan_for(const topology::Topology& topology) {
  plan::PlanInputs inputs;
  inputs.paths.state = state_home() + "/" + topology.lab;
  inputs.paths.runtime = kRuntimeFolder;
  inputs.paths.bin = bin_folder();
  inputs.now =
      static_cast<std::uint32_t>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  inputs.random = random_number;
  const auto remembered = inputs.paths.state + "/memory.json";
  if (access(remembered.c_str(), F_OK) == 0) {
    const auto text = yaml::read_file(remembered);
    if (!text) return std::unexpected(text.error());
    auto memory = plan::memory_from_json(*text);
    if (!memory) return fail(memory.error().what, remembered, "labctl down --purge starts afresh");
    inputs.memory = std::move(*memory);
  }
  return plan::make_plan(topology, inputs);
}

}  // namespace lab::command
