// lab-dnsd: the lab's name server.
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dns/config.hpp"
#include "dns/notifier.hpp"
#include "dns/secondary.hpp"
#include "dns/service.hpp"
#include "dns/tcp.hpp"
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
  std::string text;
  for (const Error& problem : problems) text += problem.text() + "\n";
  return text;
}

int run(const std::string& path, Loaded& loaded) {
  Runtime runtime;
  Service service(loaded.config, *loaded.store, runtime.io().get_executor());
  UdpServer udp(service, loaded.config.listen, loaded.config.threads);
  TcpServer tcp(runtime.io().get_executor(), service, loaded.config.listen, loaded.config.tcp);
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
  tcp.start();
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
  runtime.on_reload([&] {
    auto config = load_config(path);
    if (!config) return log::error("not reloaded, the configuration has mistakes:\n{}", config.error());
    service.configure(*config);
    notifier.configure(*config);
    loaded.store->reload(*config, [&, config = *config] {
      asio::post(runtime.io(), [&, config] { secondaries.configure(config); });
      log::info("reloaded");
    });
  });
  runtime.on_stop([&] {
    udp.stop();
    tcp.stop([&] { runtime.finish(); });
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
