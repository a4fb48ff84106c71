// lab-dnsctl -- looks at a running lab-dnsd and tells it what to do.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "common/control_client.hpp"

namespace {

// Inside a lab's node, its name server's socket; elsewhere it has to be named.
std::string default_socket() {
  const char* path = std::getenv("LAB_DNS_CONTROL");
  return path ? path : "";
}

int run(const std::string& path, const std::string& line) {
  if (path.empty()) {
    std::cerr << "lab-dnsctl: which server? --control names its socket ('control' in dns.yaml)\n";
    return 2;
  }
  const auto reply = lab::ask_control(path, line);
  if (!reply) {
    std::cerr << "lab-dnsctl: " << reply.error().text() << "\n";
    return 1;
  }
  const auto end = reply->find('\n');
  const std::string text = end == std::string::npos ? "" : reply->substr(end + 1);
  if (reply->starts_with("ok\n")) {
    std::cout << text;
    return 0;
  }
  std::cerr << "lab-dnsctl: " << (text.empty() ? "the server gave no answer\n" : text);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("lab-dnsctl looks at a running lab-dnsd and tells it what to do.\n\nExample: lab-dnsctl stats",
               "lab-dnsctl");
  std::string control = default_socket(), zone;
  bool json = false;
  app.add_option("--control,-c", control,
                 "the server's control socket; inside a lab's node, its own by default")
      ->type_name("SOCKET");
  app.require_subcommand(1);
  app.fallthrough();
  enum class Zone { No, May, Must };
  std::string line;
  const auto add = [&](const char* verb, const char* text, Zone takes, bool has_json = false) {
    auto* command = app.add_subcommand(verb, text);
    if (takes != Zone::No) {
      auto* option = command->add_option("zone", zone, takes == Zone::May ? "this zone alone" : "the zone");
      option->type_name("ZONE");
      if (takes == Zone::Must) option->required();
    }
    if (has_json) command->add_flag("--json", json, "as JSON");
    command->callback([&line, &zone, &json, verb] {
      line = std::string(verb) + (zone.empty() ? "" : " " + zone) + (json ? " --json" : "");
    });
  };
  add("status", "what is served, and since when", Zone::No);
  add("stats",
      "questions by type and transport, answers by code, how long they took, and why transfers failed",
      Zone::No, true);
  add("zonestatus", "each zone: serial, size, last transfers, and why one failed", Zone::May, true);
  add("reload", "reads the configuration and the zone files again; a zone with a mistake stays as it was",
      Zone::May);
  add("dump", "the zone as it is served, as a zone file", Zone::Must);
  add("freeze", "refuses updates of the zone, while its file is edited", Zone::Must);
  add("thaw", "reads the file again and takes updates", Zone::Must);
  add("notify", "tells the zone's secondaries that it has changed", Zone::Must);
  add("retransfer", "asks the zone's primaries whether it has changed", Zone::Must);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return run(control, line);
}
