// lab-leases -- looks at the leases of a lab-dhcpd, running or not, and moves them between machines as CSV.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <iterator>

#include "common/control_client.hpp"
#include "dhcp/lease_list.hpp"
#include "dhcp/lease_store.hpp"

namespace {

using namespace lab;
using namespace lab::dhcp;

int complain(const std::string& text) {
  std::cerr << "lab-leases: " << text << "\n";
  return 1;
}

/// What the running server answers; nothing, and a complaint, when there is none.
std::optional<std::string> ask(const std::string& path, const std::string& question) {
  auto reply = ask_control(path, question);
  if (!reply) complain(reply.error().text());
  if (reply && reply->empty()) complain(path + ": the server closed the connection without an answer");
  return reply && !reply->empty() ? std::optional(std::move(*reply)) : std::nullopt;
}

/// Asks and prints the JSON. Status 1 when it is an error.
int relay(const std::string& path, const std::string& question) {
  const auto reply = ask(path, question);
  if (!reply) return 1;
  std::cout << *reply;
  return reply->starts_with("{\"error\"") ? 1 : 0;
}

ServerTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

int show_table(const std::string& path) {
  const auto csv = ask(path, "csv");
  if (!csv) return 1;
  const auto leases = parse_leases_csv(*csv);
  if (!leases) return complain(leases.error().text());
  std::cout << leases_table(*leases, wall_clock());
  return 0;
}

int import(LeaseStore& store, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return complain(file + ": cannot read it");
  auto leases = parse_leases_csv(std::string(std::istreambuf_iterator<char>(in), {}));
  if (!leases) return complain(file + ":" + leases.error().text());
  const std::size_t count = leases->size();
  std::promise<std::string> done;
  store.save({.leases = std::move(*leases), .names = {}},
             [&](const Error* error) { done.set_value(error == nullptr ? "" : error->text()); });
  if (auto why = done.get_future().get(); !why.empty()) return complain(why);
  std::cerr << count << " leases imported\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("lab-leases shows the leases of lab-dhcpd.\n\nExample: lab-leases --database leases.db --csv",
               "lab-leases");
  std::string database, control, csv_file, revoke;
  bool json = false, csv = false, status = false, partner_down = false;
  app.add_option("--database,-d", database, "the database, of a running server or a stopped one")
      ->type_name("FILE");
  app.add_option("--control,-c", control, "the control socket of a running server ('control' in dhcp.yaml)")
      ->type_name("SOCKET");
  app.add_flag("--json", json, "as JSON");
  app.add_flag("--csv", csv, "as CSV (address,mac,client_id,hostname,state,started,expires)");
  app.add_flag("--status", status, "how full the scopes are, and message counters (needs --control)");
  app.add_option("--revoke", revoke, "takes a lease and its DNS name away (needs --control)")
      ->type_name("ADDRESS");
  app.add_flag("--partner-down", partner_down,
               "tells a server of a hot standby that its partner is down for good (needs --control)");
  app.add_option("--import", csv_file, "adds leases from CSV, to a running server (--control) or a stopped one (--database)")
      ->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (!control.empty()) {
    if (!csv_file.empty()) return relay(control, "import " + std::filesystem::absolute(csv_file).string());
    if (!revoke.empty()) return relay(control, "revoke " + revoke);
    if (partner_down) return relay(control, "partner-down");
    if (status || json || csv) return relay(control, status ? "status" : json ? "leases" : "csv");
    return show_table(control);
  }
  if (database.empty() || status || partner_down || !revoke.empty()) {
    complain(database.empty() ? "--database or --control is missing" : "this needs --control");
    return 2;
  }
  LeaseStore::Content content;
  auto store = LeaseStore::open(database, content,
                                csv_file.empty() ? LeaseStore::Access::Read : LeaseStore::Access::Own);
  if (!store) return complain(store.error().text());
  if (!csv_file.empty()) return import(**store, csv_file);
  std::ranges::sort(content.leases, {}, &Lease::address);
  const auto now = wall_clock();
  std::cout << (json  ? leases_json(content.leases)
                : csv ? leases_csv(content.leases)
                      : leases_table(content.leases, now));
  return 0;
}
