#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/log.hpp"
#include "common/runtime.hpp"

namespace lab {

int daemon_main(int argc, char** argv, const Daemon& daemon) {
  CLI::App app(daemon.summary + "\n\nExample: " + daemon.example, daemon.name);
  std::string config;
  std::string level = "info";
  bool check = false;
  bool reference = false;
  app.add_option("--config,-c", config, "the configuration file (YAML)")->type_name("FILE");
  app.add_flag("--check-config", check, "read the configuration, report every mistake in it, and end");
  app.add_flag("--help-config", reference, "print every key of the configuration file and end");
  app.add_option("--log-level", level, "the least that is written")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.set_version_flag("--version,-V", daemon.name + " " + LAB_VERSION);
  app.footer(
      "Signals: SIGHUP reads the configuration again, SIGTERM ends it.\nExit status: 0 done, 1 failed, 2 "
      "wrong usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int status = app.exit(e);
    return status == 0 ? 0 : 2;
  }
  if (reference) {
    fmt::print("{}", daemon.reference());
    return 0;
  }
  if (config.empty()) {
    fmt::print(stderr, "{0}: --config FILE is missing; for example: {1}\n", daemon.name, daemon.example);
    return 2;
  }
  log::set_level(level == "debug"     ? log::Level::Debug
                 : level == "warning" ? log::Level::Warning
                 : level == "error"   ? log::Level::Error
                                      : log::Level::Info);
  try {
    if (const auto mistakes = daemon.check(config); !mistakes.empty()) {
      fmt::print(stderr, "{}", mistakes);
      return 2;
    }
    if (check) {
      fmt::print("{}: no mistakes\n", config);
      return 0;
    }
    return daemon.run(config);
  } catch (const std::exception& e) {
    log::error("{}: {}", daemon.name, e.what());
    return 1;
  }
}

}  // namespace lab
