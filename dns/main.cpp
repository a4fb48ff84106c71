// lab-dnsd: the lab's name server.
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dns/config.hpp"
#include "dns/control.hpp"
#include "dns/listeners.hpp"
#include "dns/notifier.hpp"
#include "dns/secondary.hpp"
#include "dns/service.hpp"
#include "dns/udp.hpp"
#include "dns/zone_store.hpp"

namespace {

using namespace lab;
using namespace lab::dns;
namespace asio = boost::asio;

// Checked and loaded once: what --check-config looks at is what is then served.
struct Loaded {
  Config config;
  std::unique_ptr<ZoneStore> store;
};

std::string load(const std::string& path, Loaded& loaded) {
  auto config = load_config(path);
  if (!config) return config.error();
  std::vector<Error> problems;
  loaded.store = ZoneStore::load(*config, problems);
  loaded.config = std::move(*config);
  if (loaded.config.tls)
    if (auto context = tls_context(loaded.config, Transport::Tls); !context)
      problems.push_back(context.error());
  std::string text;
  for (const Error& problem : problems) text += problem.text() + "\n";
  return text;
}

int run(const std::string& path, Loaded& loaded) {
  Runtime runtime;
  Service service(loaded.config, *loaded.store, runtime.io().get_executor());
  UdpServer udp(service, loaded.config.listen, loaded.config.threads);
  Listeners listeners(runtime.io().get_executor(), service, loaded.config);
  Secondaries secondaries(runtime.io().get_executor(), *loaded.store);
  Notifier notifier(runtime.io().get_executor());
  service.on_notify([&](const Name& apex) { secondaries.notified(apex); });
  loaded.store->on_change([&](const Name& apex, std::uint32_t serial) { notifier.changed(apex, serial); });
  drop_privileges();
  for (const ZonePtr& zone : loaded.store->zones().get()->zones())

    if (zone->available())
      log::info("{} serial {}, {} names", zone->apex().text(), zone->serial(), zone->names());
  notifier.configure(loaded.config);
  secondaries.configure(loaded.config);
  udp.start();
  listeners.start();
  asio::steady_timer daily(runtime.io());
  std::function<void()> watch_signatures = [&] {
    daily.expires_after(std::chrono::hours(24));
    daily.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      loaded.store->refresh_signatures();
      watch_signatures();
    });
  };
  watch_signatures();
  const auto reload = [&](std::optional<Name> only, ZoneStore::Reloaded done) {
    auto config = load_config(path);
    if (!config) {
      log::error("not reloaded, the configuration has mistakes:\n{}", config.error());
      return done({config.error()});
    }
    std::vector<std::string> problems;
    service.configure(*config);
    if (auto renewed = listeners.renew(*config); !renewed) {
      problems.push_back("the certificate is not renewed: " + renewed.error().text());
      log::error("{}", problems.back());
    }
    notifier.configure(*config);
    loaded.store->reload(*config, std::move(only),
                         [&, config = *config, problems, done](std::vector<std::string> more) {
                           asio::post(runtime.io(), [&, config] { secondaries.configure(config); });
                           log::info("reloaded");
                           more.insert(more.begin(), problems.begin(), problems.end());
                           done(std::move(more));
                         });
  };
  runtime.on_reload([&] { reload(std::nullopt, [](const std::vector<std::string>&) {}); });
  Control control(runtime.io(), service, *loaded.store,
                  {.reload = reload,
                   .notify =
                       [&](const Name& zone) {
                         if (const ZonePtr served = loaded.store->version(zone).zone)
                           notifier.changed(zone, served->serial());
                       },
                   .retransfer = [&](const Name& zone) { secondaries.notified(zone); }});
  if (!loaded.config.control.empty())
    if (auto listening = control.listen(loaded.config.control); !listening) {
      log::error("{}", listening.error().text());
      return 1;
    }
  runtime.on_stop([&] {
    control.stop();
    udp.stop();
    listeners.stop([&] { runtime.finish(); });
  });
  const int status = runtime.run();
  loaded.store->stop();
  udp.stop();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  ::mallopt(M_ARENA_MAX, 1);  // threads that answer do not allocate: one heap is enough, and smaller
  Loaded loaded;
  return daemon_main(
      argc, argv,
      {.name = "lab-dnsd",
       .summary = "The lab's authoritative name server: zones over UDP and TCP, changed by dynamic update.",
       .example = "lab-dnsd --config dns.yaml",
       .reference = config_reference,
       .check = [&](const std::string& path) { return load(path, loaded); },
       .run = [&](const std::string& path) { return run(path, loaded); }});
}
