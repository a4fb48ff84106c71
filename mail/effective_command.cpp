#include "mail/effective_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <string_view>

#include "common/log.hpp"
#include "directory/effective.hpp"
#include "mail/config.hpp"
#include "mail/post_office.hpp"

namespace lab::mail {
namespace {

namespace asio = boost::asio;

Result<directory::User> ask(asio::io_context& io, PostOffices& offices, const std::string& name) {
  std::optional<directory::Recipient> answer;
  asio::co_spawn(io, offices.person(name), [&](std::exception_ptr error, directory::Recipient found) {
    if (!error) answer = std::move(found);
    io.stop();  // the directory's connections would stay open for the next question
  });
  io.restart();
  io.run();
  if (!answer) return fail("no memory");
  switch (answer->outcome) {
    case directory::Recipient::Outcome::User: return std::move(answer->user);
    case directory::Recipient::Outcome::Alias:
      return fail("'" + name + "' is a group or an alias", {}, "ask for somebody who is in it");
    case directory::Recipient::Outcome::Unknown:
      return fail("the directory knows nobody by the name '" + name + "'" +
                  (answer->why.empty() ? "" : ": " + answer->why));
    case directory::Recipient::Outcome::Unavailable: break;
  }
  return fail("the directory does not answer: " + answer->why, {},
              "ask again once it does; until then nobody of it can log in either");
}

Result<void> show(const Config& config, const std::vector<std::string>& names, bool as_json) {
  if (auto fine = PostOffices::check_directories(config.domains); !fine) return fine;
  asio::io_context io(1);
  Result<void> done;
  {
    PostOffices offices(io.get_executor(), config.hostname, config.domains);
    for (auto& name : names) {
      auto user = ask(io, offices, name);
      if (!user) {
        done = std::unexpected(user.error());
        break;
      }
      fmt::print("{}", as_json ? directory::effective_json(*user, nullptr)
                               : directory::effective_text(*user, nullptr));
    }
  }
  io.restart();
  io.run();  // says good-bye to the directory
  return done;
}

}  // namespace

bool is_effective_command(int argc, const char* const* argv) {
  return argc > 1 && std::string_view(argv[1]) == "user";
}

int effective_main(int argc, char** argv) {
  CLI::App app(
      "The rules the mail server follows for people, and whose they are.\n\n"
      "Example: lab-maild user effective ali --config mail.yaml",
      "lab-maild");
  app.require_subcommand(1);
  std::string path;
  std::vector<std::string> names;
  bool as_json = false;
  auto* user = app.add_subcommand("user", "people")->require_subcommand(1);
  auto* effective = user->add_subcommand("effective", "the rules that hold for people, and whose they are");
  effective->add_option("--config,-c", path, "the mail server's configuration file")
      ->required()
      ->type_name("FILE");
  effective->add_option("NAME", names, "login names or addresses")->required();
  effective->add_flag("--json", as_json, "print JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  log::set_level(log::Level::Error);  // what does not answer is told once, at the end
  const auto config = load_config(path);
  if (!config) {
    fmt::print(stderr, "{}", config.error());
    return 2;
  }
  const auto done = show(*config, names, as_json);
  if (!done) fmt::print(stderr, "lab-maild: {}\n", done.error().text());
  return done ? 0 : 1;
}

}  // namespace lab::mail
