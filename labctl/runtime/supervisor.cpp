#include "labctl/runtime/supervisor.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <optional>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "labctl/plan/difference.hpp"
#include "labctl/plan/json.hpp"
#include "labctl/runtime/certificates.hpp"
#include "labctl/runtime/control.hpp"
#include "labctl/runtime/events_hub.hpp"
#include "labctl/runtime/fabric.hpp"
#include "labctl/runtime/process.hpp"
#include "labctl/runtime/status.hpp"
#include "labctl/runtime/units.hpp"

namespace lab::runtime {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

// A service has this long to end by itself; the whole lab is down within a second.
constexpr auto kPatience = 700ms;
constexpr std::size_t kLastLines = 8;

/// What each node gets in /etc besides its own files: the lab CA as the one authority, where Debian and
/// Fedora look for it.
std::vector<plan::File> trust_files(const std::string& ca_certificate) {
  return {{"/etc/ssl/certs/ca-certificates.crt", ca_certificate, 0644, {}},
          {"/etc/pki/tls/certs/ca-bundle.crt", ca_certificate, 0644, {}}};
}

// Messages are built by plain functions: g++ 12 cannot compile braced lists inside a coroutine.
json::array last_words(const Unit& unit) {
  json::array lines;
  for (const auto& line : last_lines(unit.log_file, kLastLines)) lines.emplace_back(line);
  return lines;
}

json::object failed_message(const Unit& unit) {
  return {{"event", "failed"},
          {"unit", unit.id},
          {"what", unit.ending},
          {"last", last_words(unit)},
          {"log", unit.log_file}};
}

json::object up_message() { return {{"event", "up"}}; }

json::object progress_message(std::size_t ready, std::size_t wanted, const std::string& waits_for) {
  return {{"event", "progress"}, {"ready", ready}, {"of", wanted}, {"waits_for", waits_for}};
}

ControlReply error_reply(unsigned status, std::string_view what) {
  return {status, json::serialize(json::object{{"error", what}})};
}

ControlReply acted_reply(const Unit& unit) {
  json::object out{{"id", unit.id}, {"state", name_of(unit.state)}, {"ending", unit.ending}};
  if (unit.state == UnitState::Failed) {
    out["last"] = last_words(unit);
    out["log"] = unit.log_file;
  }
  return {200, json::serialize(out)};
}

ControlReply applied_reply(const plan::Difference& change, const Unit* failed) {
  json::object out{{"stopped", json::value_from(change.stop)},
                   {"started", json::value_from(change.start)},
                   {"reloaded", json::value_from(change.reload)},
                   {"nodes_gone", json::value_from(change.nodes_gone)},
                   {"nodes_new", json::value_from(change.nodes_new)}};
  if (failed != nullptr) {
    out["failed"] = failed->id;
    out["what"] = failed->ending;
    out["last"] = last_words(*failed);
    out["log"] = failed->log_file;
  }
  return {200, json::serialize(out)};
}

ControlReply spaces_reply(const Spaces& spaces) {
  return {200, json::serialize(json::object{
                   {"net", spaces.net.get()}, {"mnt", spaces.mnt.get()}, {"uts", spaces.uts.get()}})};
}

class Supervisor {
 public:
  explicit Supervisor(SupervisorStart start)
      : plan_(std::move(start.plan)),
        topology_file_(std::move(start.topology_file)),
        bound_(std::move(start.control)),
        signals_(io_, SIGTERM, SIGINT),
        progress_(io_, start.progress.release()),
        outside_(std::move(start.outside)) {}

  int run() {
    if (auto built = build(); !built) {
      if (fabric_) fabric_->give_back();
      tell({{"event", "failed"},
            {"what", built.error().what},
            {"remedy", built.error().remedy},
            {"last", json::array{}}});
      return 1;
    }
    watch_parent();
    wait_for_signal();
    spawn(io_.get_executor(), "lab", bring_up());
    io_.run();
    fabric_->give_back();
    return status_;
  }

 private:
  Result<void> build() {
    auto root = ensure_ca(plan_);
    if (!root) return std::unexpected(root.error());
    root_ = std::move(*root);
    const auto folder = plan_.paths.runtime;
    std::error_code ignored;
    std::filesystem::create_directories(folder + "/notify", ignored);
    auto hub = EventsHub::create(io_, folder + "/events");
    if (!hub) return std::unexpected(hub.error());
    events_ = std::move(*hub);
    auto fabric = Fabric::create(folder + "/nodes", trust_files(root_.certificate), std::move(outside_));
    if (!fabric) return std::unexpected(fabric.error());
    fabric_.emplace(std::move(*fabric));
    if (auto added = fabric_->add(plan_.networks, plan_.nodes); !added) return added;
    units_.emplace(io_, Units::World{[this](const std::string& node) { return fabric_->spaces(node); },
                                     [this](const Unit& unit) { return prepare(unit); }, folder + "/notify",
                                     environment()});
    for (const auto& service : plan_.services) units_->add(to_unit(service, logs()));
    for (const auto& client : plan_.clients) units_->add(to_unit(client, logs()));
    server_.emplace(
        io_, std::move(bound_), [this](ControlRequest request) { return answer(std::move(request)); },
        [this](std::function<bool(const std::string&)> write) { events_->subscribe(std::move(write)); });
    return {};
  }

  std::string logs() const { return plan_.paths.state + "/logs"; }

  std::map<std::string, std::string> environment() const {
    return {{"PATH", plan_.paths.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            {"LANG", "C.UTF-8"},
            {"HOME", "/"},
            {"LAB", plan_.lab},
            {"LAB_EVENTS", plan_.paths.runtime + "/events"}};
  }

  Result<void> prepare(const Unit& unit) {
    std::error_code error;
    for (const auto& folder : unit.state_folders) {
      std::filesystem::create_directories(folder, error);
      if (error) return fail("cannot make the folder: " + error.message(), folder);
      chmod(folder.c_str(), 0700);
    }
    for (const auto& folder : unit.runtime_folders) std::filesystem::create_directories(folder, error);
    if (unit.client)
      std::filesystem::create_directories(std::filesystem::path(unit.lease_file).parent_path(), error);
    for (const auto& id : unit.certificates) {
      const auto request = std::ranges::find(plan_.certificates, id, &plan::CertificateRequest::id);
      if (request == plan_.certificates.end()) return fail("no certificate is planned under the name " + id);
      if (auto issued = issue_certificate(root_, *request); !issued) return issued;
    }
    for (const auto& file : unit.files)
      if (auto written = write_file(file.path, filled_in(file.content), file.mode); !written) return written;
    return {};
  }

  /// What the plan could not know.
  std::string filled_in(std::string content) const {
    for (std::size_t at = 0; (at = content.find(plan::kCaPublicKey, at)) != std::string::npos;)
      content.replace(at, plan::kCaPublicKey.size(), ca::public_key_sha256(root_.certificate));
    return content;
  }

  void tell(const json::object& message) {
    if (!progress_.is_open()) return;
    const auto text = json::serialize(message);
    (void)send(progress_.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  /// Before the lab is up it belongs to the `labctl up` that asked for it: when that ends, so does the lab.
  void watch_parent() {
    progress_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (error || up_) return;
                           log::warning("labctl up was interrupted: ending the lab");
                           finish(1);
                         });
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      spawn(io_.get_executor(), "down", go_down(0));
      wait_for_signal();
    });
  }

  asio::awaitable<void> bring_up() {
    units_->schedule();
    if (auto failed = co_await settle(); !failed.empty()) {
      tell(failed_message(*units_->find(failed)));
      co_await go_down(1);
      co_return;
    }
    up_ = true;
    since_ = std::chrono::system_clock::now();
    units_->restart_crashed = true;
    tell(up_message());
    progress_.close();
    for (const auto& node : plan_.nodes) boot_commands(node);
    malloc_trim(0);  // what validating, planning and issuing certificates took is not needed again
  }

  /// Waits until every wanted unit is ready, and says how far it is; returns the id of one that failed, else
  /// "".
  asio::awaitable<std::string> settle() {
    std::size_t told = 0;
    for (;;) {
      std::size_t ready = 0;
      std::size_t wanted = 0;
      std::string waited;
      for (const auto& unit : units_->list()) {
        if (unit->state == UnitState::Failed) co_return unit->id;
        wanted += unit->wanted ? 1 : 0;
        if (unit->state == UnitState::Ready)
          ++ready;
        else if (waited.empty() && unit->wanted)
          waited = unit->id;
      }
      if (ready != told) tell(progress_message(ready, wanted, waited));
      told = ready;
      if (ready >= wanted) co_return "";
      co_await units_->change();
    }
  }

  /// The topology's own `run:` lines: shell text of the teacher, run once, its output in the node's log.
  void boot_commands(const plan::Node& node) {
    const auto* spaces = fabric_->spaces(node.name);
    for (const auto& command : node.run) {
      Program program{
          {"/bin/sh", "-c", command}, environment(), fmt::format("{}/{}-run.log", logs(), node.name)};
      if (auto started = spaces == nullptr ? Result<pid_t>(fail("no such node")) : start(program, *spaces);
          !started)
        log::error("{}: cannot run '{}': {}", node.name, command, started.error().text());
    }
  }

  /// Stops in reverse order of dependency: nothing loses what it stands on before it has ended.
  asio::awaitable<void> stop_in_order(std::vector<std::string> ids) {
    std::set<std::string> left(ids.begin(), ids.end());
    while (!left.empty()) {
      std::vector<std::string> now;
      for (const auto& id : left) {
        const bool needed = std::ranges::any_of(left, [&](const std::string& other) {
          const auto* unit = units_->find(other);
          return unit != nullptr && std::ranges::find(unit->after, id) != unit->after.end();
        });
        if (!needed) now.push_back(id);
      }
      if (now.empty()) now.assign(left.begin(), left.end());  // cannot be: the plan has no circles
      for (const auto& id : now) {
        if (auto* unit = units_->find(id)) units_->stop(*unit, kPatience);
        left.erase(id);
      }
      co_await units_->ended(now);
    }
  }

  asio::awaitable<void> go_down(int status) {
    if (going_down_) co_return;
    going_down_ = true;
    units_->closing();
    std::vector<std::string> all;
    for (const auto& unit : units_->list()) all.push_back(unit->id);
    co_await stop_in_order(all);
    finish(status);
  }

  void finish(int status) {
    status_ = status;
    io_.stop();
  }

  ControlReply status_reply(bool with_memory) {
    return {200, status_json({plan_, *units_, topology_file_, since_, up_, with_memory})};
  }
  ControlReply plan_reply() const { return {200, plan::to_json(plan_)}; }

  asio::awaitable<ControlReply> answer(ControlRequest request) {
    if (request.method == "GET" && request.path == "/status")
      co_return status_reply(request.query == "memory");
    if (request.method == "GET" && request.path == "/plan") co_return plan_reply();
    if (request.method == "GET" && request.path.starts_with("/spaces/")) {
      const auto* spaces = fabric_->spaces(request.path.substr(8));
      if (spaces == nullptr) co_return error_reply(404, "there is no node " + request.path.substr(8));
      co_return spaces_reply(*spaces);
    }
    if (request.method != "POST") co_return error_reply(404, "unknown request");
    if (request.path == "/down") {
      spawn(io_.get_executor(), "down", go_down(0));
      co_return ControlReply{200, "{}"};
    }
    if (busy_ || going_down_ || !up_)
      co_return error_reply(409, "the lab is starting, changing or going down: try again");
    if (request.path == "/apply") {
      busy_ = true;
      auto reply = co_await apply(std::move(request.body));
      busy_ = false;
      co_return reply;
    }
    if (request.path.starts_with("/units/")) {
      const auto slash = request.path.rfind('/');
      const auto id = request.path.substr(7, slash - 7);
      const auto action = request.path.substr(slash + 1);
      if (units_->find(id) == nullptr) co_return error_reply(404, "there is no service " + id);
      busy_ = true;
      auto reply = co_await act(id, action);
      busy_ = false;
      co_return reply;
    }
    co_return error_reply(404, "unknown request");
  }

  asio::awaitable<ControlReply> act(std::string id, std::string action) {
    if (action != "start" && action != "stop" && action != "restart")
      co_return error_reply(404, "unknown action");
    if (action != "start") {
      units_->stop(*units_->find(id), kPatience);
      co_await units_->ended(std::vector<std::string>(1, id));
    }
    if (action != "stop") {
      units_->start(*units_->find(id));
      auto pending = [&] {
        const auto* unit = units_->find(id);
        return unit != nullptr && (unit->state == UnitState::Starting || unit->state == UnitState::Waiting);
      };
      while (pending()) co_await units_->change();
    }
    co_return acted_reply(*units_->find(id));
  }

  asio::awaitable<ControlReply> apply(std::string body) {
    auto wanted = plan::plan_from_json(body);
    if (!wanted) co_return error_reply(400, wanted.error().text());
    const auto change = plan::difference(plan_, *wanted);
    co_await stop_in_order(change.stop);
    for (const auto& id : change.stop) units_->forget(id);
    if (auto rebuilt = rebuild(change, *wanted); !rebuilt) co_return error_reply(400, rebuilt.error().text());
    plan_ = std::move(*wanted);
    // Whatever goes on as it is reads today's files when it starts the next time.
    for (const auto& service : plan_.services)
      if (auto* unit = units_->find(service.id)) unit->files = service.files;
    for (const auto& id : change.start) {
      if (const auto* service = plan_.service(id)) {
        units_->add(to_unit(*service, logs()));
      } else {
        const auto client = std::ranges::find(plan_.clients, id, &plan::Client::id);
        if (client != plan_.clients.end()) units_->add(to_unit(*client, logs()));
      }
    }
    for (const auto& id : change.reload) {
      auto* unit = units_->find(id);
      const auto* service = plan_.service(id);
      if (unit == nullptr || service == nullptr) continue;
      unit->files = service->files;
      if (auto ready = prepare(*unit); !ready) co_return error_reply(400, ready.error().text());
      units_->reload(*unit);
    }
    // A topology that is put up runs as a whole: what was stopped starts again, as others may wait for it.
    for (const auto& unit : units_->list())
      if (unit->state == UnitState::Stopped) units_->start(*unit);
    units_->schedule();
    const auto failed = co_await settle();
    for (const auto& name : change.nodes_new) boot_commands(*plan_.node(name));
    co_return applied_reply(change, failed.empty() ? nullptr : units_->find(failed));
  }

  Result<void> rebuild(const plan::Difference& change, const plan::Plan& wanted) {
    for (const auto& name : change.nodes_gone)
      if (auto removed = fabric_->remove_node(name); !removed) return removed;
    for (const auto& name : change.networks_gone)
      if (auto removed = fabric_->remove_network(name); !removed) return removed;
    std::vector<plan::Bridge> networks;
    std::vector<plan::Node> nodes;
    for (const auto& name : change.networks_new) networks.push_back(*wanted.network(name));
    for (const auto& name : change.nodes_new) nodes.push_back(*wanted.node(name));
    if (auto added = fabric_->add(networks, nodes); !added) return added;
    for (const auto& name : change.networks_changed)
      if (auto updated = fabric_->update(*wanted.network(name)); !updated) return updated;
    for (const auto& name : change.nodes_changed)
      if (auto updated = fabric_->update(*wanted.node(name)); !updated) return updated;
    return {};
  }

  asio::io_context io_{1};
  plan::Plan plan_;
  std::string topology_file_;
  Fd bound_;
  asio::signal_set signals_;
  asio::posix::stream_descriptor progress_;
  Fd outside_;
  ca::Identity root_;
  std::unique_ptr<EventsHub> events_;
  std::optional<Fabric> fabric_;
  std::optional<Units> units_;
  std::optional<ControlServer> server_;
  std::chrono::system_clock::time_point since_;
  bool up_ = false;
  bool busy_ = false;
  bool going_down_ = false;
  int status_ = 0;
};

}  // namespace

int supervise(SupervisorStart start) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return Supervisor(std::move(start)).run();
}

}  // namespace lab::runtime
