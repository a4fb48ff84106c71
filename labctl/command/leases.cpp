// `labctl leases`: what the lab's DHCP servers have lent; taking a lease away; moving leases as CSV.
#include <fmt/format.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "labctl/command/leases.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/enter.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/plan/dhcp_control.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

struct Answer {
  const plan::Service* server = nullptr;
  std::string text;
  int status = 0;
};

struct Asking {
  bool quiet = false;  ///< lab-leases' complaints are not for the person
  bool ipv6 = false;   ///< the server's DHCPv6 side
};

/// Runs lab-leases beside a server, whose control socket only the lab sees; what it prints.
Result<Answer> ask_server(runtime::ControlClient& lab, const plan::Plan& plan, const plan::Service& server,
                          std::vector<std::string> words, Asking how = {}) {
  auto door = Door::open(lab, server.node);
  if (!door) return std::unexpected(door.error());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail("cannot make a pipe");
  const runtime::Fd in(ends[0]);
  runtime::Fd out(ends[1]);
  words.insert(words.begin(), {plan.paths.bin + "/lab-leases", "--control",
                               how.ipv6 ? plan::dhcp6_control(plan.paths, server.node)
                                        : plan::dhcp_control(plan.paths, server.node)});
  const runtime::Fd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const auto pid = door->start(words, node_environment(plan, server.node),
                               {.in = 0, .out = out.get(), .err = how.quiet ? nowhere.get() : 2});
  out = runtime::Fd();
  if (!pid) return std::unexpected(pid.error());
  Answer answer{.server = &server, .text = {}, .status = 0};
  char buffer[16384];
  for (ssize_t size = 0; (size = read(in.get(), buffer, sizeof buffer)) > 0;)
    answer.text.append(buffer, static_cast<std::size_t>(size));
  answer.status = Door::wait(*pid);
  return answer;
}

std::vector<const plan::Service*> dhcp_servers(const plan::Plan& plan) {
  std::vector<const plan::Service*> out;
  for (const auto& service : plan.services)
    if (service.kind == "dhcp") out.push_back(&service);
  return out;
}

/// A lease as a server tells it, with who told it.
struct Row {
  json::object lease;
  std::string server;
};

std::string text_of(const json::object& o, const char* key) {
  const auto* value = o.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::int64_t number_of(const json::object& o, const char* key) {
  const auto* value = o.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

/// The leases in what a server answered; nullopt when that is no answer.
std::optional<json::array> leases_in(const Answer& answer) {
  boost::system::error_code bad;
  const auto told = json::parse(answer.text, bad);
  if (answer.status != 0 || bad || !told.is_object()) return std::nullopt;
  return told.as_object().at("leases").as_array();
}

/// A lease's address; of a delegated prefix, where it begins.
std::optional<IpAddress> address_of(const json::object& lease) {
  const auto text = text_of(lease, "address");
  return IpAddress::parse(text.substr(0, text.find('/')));
}

/// Every lease of every server; of two servers that keep the same one, what the one that answers says.
Result<std::map<IpAddress, Row>> gather(runtime::ControlClient& lab, const plan::Plan& plan) {
  std::map<IpAddress, Row> rows;
  const auto take = [&](const plan::Service& server, const json::array& leases) {
    for (const auto& value : leases) {
      const auto& lease = value.as_object();
      const auto address = address_of(lease);
      if (!address) continue;
      auto [at, fresh] = rows.try_emplace(*address, Row{lease, server.node});
      if (!fresh && number_of(lease, "touched") > number_of(at->second.lease, "touched"))
        at->second = {lease, server.node};
    }
  };
  const bool dual_stack = std::ranges::any_of(plan.networks, [](const auto& n) { return n.subnet6.has_value(); });
  std::string trouble;
  std::size_t answered = 0;
  for (const auto* server : dhcp_servers(plan)) {
    auto answer = ask_server(lab, plan, *server, {"--json"}, {.quiet = true});
    if (!answer) return std::unexpected(answer.error());
    const auto leases = leases_in(*answer);
    if (!leases) {
      trouble = server->id + " does not answer";
      continue;
    }
    ++answered;
    take(*server, *leases);
    if (!dual_stack) continue;
    // A server that lends nothing there has nobody to ask.
    if (auto answer6 = ask_server(lab, plan, *server, {"--json"}, {.quiet = true, .ipv6 = true}))
      if (const auto leases6 = leases_in(*answer6)) take(*server, *leases6);
  }
  if (answered == 0) return fail(trouble, {}, "labctl status shows why");
  if (!trouble.empty()) fmt::print(stderr, "note: {}; the others' leases are shown\n", trouble);
  return rows;
}

/// Which node of the lab has this hardware address.
std::string node_of(const plan::Plan& plan, const std::string& mac) {
  if (mac.empty()) return {};
  for (const auto& node : plan.nodes)
    for (const auto& interface : node.interfaces)
      if (interface.mac.text() == mac) return node.name;
  return {};
}

std::string ends_text(const json::object& lease) {
  const auto state = text_of(lease, "state");
  const auto left =
      number_of(lease, "expires") -
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (left <= 0 || (state != "active" && state != "declined" && state != "offered")) return "-";
  if (number_of(lease, "expires") - number_of(lease, "started") >= 0xFFFFFFFF) return "never";
  return "in " + duration_text(static_cast<double>(left));
}

std::string state_text(const std::string& state) {
  return styled(state == "active" ? Style::Good : state == "declined" ? Style::Bad : Style::Dim, state);
}

int list(runtime::ControlClient& lab, const plan::Plan& plan, bool as_json) {
  const auto rows = gather(lab, plan);
  if (!rows) return complain(rows.error());
  if (as_json) {
    json::array all;
    for (const auto& [address, row] : *rows) {
      auto lease = row.lease;
      lease["server"] = row.server;
      lease["node"] = node_of(plan, text_of(lease, "mac"));
      all.emplace_back(std::move(lease));
    }
    fmt::print("{}\n", json::serialize(all));
    return kDone;
  }
  if (rows->empty()) {
    fmt::print("no lease has been given yet\n");
    return kDone;
  }
  Columns columns;
  columns.add({"ADDRESS", "CLIENT", "MAC", "STATE", "ENDS", "SERVER"});
  for (const auto& [address, row] : *rows) {
    const auto mac = text_of(row.lease, "mac");
    auto client = node_of(plan, mac);
    if (client.empty()) client = text_of(row.lease, "hostname");
    columns.add({text_of(row.lease, "address"), client.empty() ? "-" : client, mac.empty() ? "-" : mac, state_text(text_of(row.lease, "state")),
                 ends_text(row.lease), row.server});
  }
  fmt::print("{}", columns.text());
  return kDone;
}

/// Prints what the server answered, or complains.
int told(const Result<Answer>& answer, std::string_view done) {
  if (!answer) return complain(answer.error());
  boost::system::error_code bad;
  const auto value = json::parse(answer->text, bad);
  if (bad || !value.is_object())
    return complain(fail(answer->server->id + " does not answer", {}, "labctl status shows why").error());
  if (const auto error = text_of(value.as_object(), "error"); !error.empty()) return complain({error, {}, {}});
  const auto& object = value.as_object();
  if (const auto* failover = object.if_contains("failover"); failover != nullptr && failover->is_object()) {
    fmt::print("{}: {}\n", answer->server->id, text_of(failover->as_object(), "explanation"));
    return kDone;
  }
  if (object.contains("imported")) {
    fmt::print("{}: {} imported, {} refused\n", answer->server->id, number_of(object, "imported"),
               number_of(object, "refused"));
    return kDone;
  }
  fmt::print("{}: {}\n", answer->server->id, done);
  return kDone;
}

int revoke(runtime::ControlClient& lab, const plan::Plan& plan, const std::string& who) {
  const auto rows = gather(lab, plan);
  if (!rows) return complain(rows.error());
  std::vector<std::pair<IpAddress, std::string>> found;
  for (const auto& [address, row] : *rows) {
    const bool runs = text_of(row.lease, "state") == "active" || text_of(row.lease, "state") == "declined";
    const bool meant = address.text() == who || text_of(row.lease, "mac") == who ||
                       node_of(plan, text_of(row.lease, "mac")) == who || text_of(row.lease, "hostname") == who;
    if (runs && meant) found.emplace_back(address, row.server);
  }
  if (found.empty()) return complain({fmt::format("{} has no lease", who), {}, "labctl leases lists them"});
  int status = kDone;
  for (const auto& [address, server] : found) {
    const auto* service = plan.service(server + "/dhcp");
    status = std::max(status, told(ask_server(lab, plan, *service, {"--revoke", address.text()}, {.ipv6 = !address.is_v4()}),
                                   address.text() + " is free again, and its name is taken out of DNS"));
  }
  return status;
}

/// The server that is meant: by node, else the only one, or the first of a pair that stands in for each other.
Result<const plan::Service*> pick(const plan::Plan& plan, const std::string& node) {
  const auto servers = dhcp_servers(plan);
  std::vector<std::string> names;
  for (const auto* server : servers) names.push_back(server->node);
  if (node.empty() && !servers.empty()) {
    if (servers.size() == 1) return servers.front();
    return fail(plan.lab + " has several DHCP servers", {}, fmt::format("name one: --server {}", fmt::join(names, " or --server ")));
  }
  const auto found = std::ranges::find(servers, node, &plan::Service::node);
  if (found == servers.end())
    return fail(fmt::format("{} runs no dhcp", node), {}, fmt::format("these do: {}", fmt::join(names, ", ")));
  return *found;
}

int export_csv(runtime::ControlClient& lab, const plan::Plan& plan, const plan::Service& server, const std::string& file) {
  const auto answer = ask_server(lab, plan, server, {"--csv"});
  if (!answer) return complain(answer.error());
  if (answer->status != 0) return kFailed;
  if (file.empty() || file == "-") {
    fmt::print("{}", answer->text);
    return kDone;
  }
  if (auto written = runtime::write_file(file, answer->text, 0644); !written) return complain(written.error());
  fmt::print("{}: written\n", file);
  return kDone;
}

}  // namespace

int leases(const LeasesOptions& options) {
  auto lab = find_lab(options.lab);
  if (!lab) return complain(lab.error());
  const auto plan = plan_of(*lab);
  if (!plan) return complain(plan.error());
  if (dhcp_servers(*plan).empty()) return complain({plan->lab + " has no DHCP server", {}, "give a node the service dhcp"});
  if (options.action.empty()) return list(*lab, *plan, options.json);
  if (options.action == "revoke") {
    if (options.argument.empty()) return complain({"whose lease?", {}, "labctl leases revoke ADDRESS, NODE or MAC"}, kUsage);
    return revoke(*lab, *plan, options.argument);
  }
  const auto server = pick(*plan, options.server);
  if (!server) return complain(server.error(), kUsage);
  if (options.action == "export") return export_csv(*lab, *plan, **server, options.argument);
  if (options.action == "partner-down")
    return told(ask_server(*lab, *plan, **server, {"--partner-down"}), {});
  if (options.argument.empty()) return complain({"which file?", {}, "labctl leases import leases.csv"}, kUsage);
  return told(ask_server(*lab, *plan, **server, {"--import", std::filesystem::absolute(options.argument)}), {});
}

}  // namespace lab::command
