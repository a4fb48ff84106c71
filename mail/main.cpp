// lab-maild -- the mail server of a lab: SMTP, submission, IMAP and POP3 for the post offices of its
// configuration.
#include <fmt/core.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "common/tls.hpp"
#include "mail/config.hpp"
#include "mail/effective_command.hpp"
#include "mail/post_office.hpp"
#include "mail/service.hpp"

namespace {

using namespace lab;

std::string check(const std::string& path) {
  auto config = mail::load_config(path);
  if (!config) return config.error();
  if (auto checked = mail::PostOffices::check_directories(config->domains); !checked)
    return checked.error().text() + "\n";
  if (config->tls.available())
    if (auto tls = lab::tls::server_context({config->tls.certificate, config->tls.key}); !tls)
      return tls.error().text() + "\n";
  return {};
}

int run(const std::string& path) {
  auto config = mail::load_config(path);
  if (!config) {
    fmt::print(stderr, "{}", config.error());
    return 2;
  }
  Runtime runtime;
  mail::Service service(runtime.io(), std::move(*config));
  if (auto started = service.start(); !started) {
    log::error("{}", started.error().text());
    return 1;
  }
  drop_privileges();
  ::malloc_trim(0);  // what reading the configuration and the certificates took is not needed again
  runtime.on_stop([&] { service.stop([&] { runtime.finish(); }); });
  runtime.on_reload([&] { service.reload(); });
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (mail::is_effective_command(argc, argv)) return mail::effective_main(argc, argv);
  return daemon_main(
      argc, argv,
      {.name = "lab-maild",
       .summary =
           "The mail server of a lab: SMTP, submission, IMAP and POP3, with mailboxes and queue on disk.\n\n"
           "For the teacher: lab-maild user effective NAME --config mail.yaml   the rules that hold for "
           "somebody",
       .example = "lab-maild --config mail.yaml",
       .reference = mail::config_reference,
       .check = check,
       .run = run});
}
