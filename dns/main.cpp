// lab-dnsd: the lab's name server.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string_view>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dns/catalog.hpp"
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

// Checked and loaded once: what is looked at is what is then served.
struct Loaded {
  bool check_only = false;
  Config config;
  std::unique_ptr<ZoneStore> store;
};

std::string load(const std::string& path, Loaded& loaded) {
  auto config = load_config(path);
  if (!config) return config.error();
  std::vector<Error> problems;
  if (loaded.check_only)
    ZoneStore::check(*config, problems);
  else
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
  UdpServer udp(service, loaded.config.addresses(), loaded.config.threads);
  Listeners listeners(runtime.io().get_executor(), service, loaded.config);
  Secondaries secondaries(runtime.io().get_executor(), *loaded.store, service.transfers());
  Notifier notifier(runtime.io().get_executor());
  service.on_notify([&](const Name& apex) { secondaries.notified(apex); });
  drop_privileges();
  loaded.store->log_zones();
  // What the file says, and what it comes to with the zones that catalogs list.
  Config written = loaded.config, config = loaded.config;
  const auto take = [&](std::optional<Name> only, ZoneStore::Reloaded done) {
    config =
        with_members(written, config, [&](const Name& apex) { return loaded.store->version(apex).zone; });
    service.configure(config);
    notifier.configure(config);
    loaded.store->reload(config, std::move(only),
                         [&, now = config, done = std::move(done)](std::vector<std::string> problems) {
                           asio::post(runtime.io(), [&, now] { secondaries.configure(now); });
                           done(std::move(problems));
                         });
  };
  const auto follow_catalogs = [&] {
    take(std::nullopt,
         [](const std::vector<std::string>&) { log::info("the catalogs' zones are followed"); });
  };
  const auto is_catalog = [&](const Name& apex) {
    return std::any_of(written.zones.begin(), written.zones.end(), [&](const auto& zone) {
      return zone.second.catalog == CatalogRole::Consume && Name::parse(zone.first).value() == apex;
    });
  };
  loaded.store->on_change([&](const Name& apex, std::uint32_t serial) {
    notifier.changed(apex, serial);
    asio::post(runtime.io(), [&, apex] {
      if (is_catalog(apex)) follow_catalogs();
    });
  });
  // A secondary is of use once it has its copies; a primary that does not answer must not keep it for long.
  asio::steady_timer patience(runtime.io(), std::chrono::seconds(3));
  if (std::any_of(loaded.config.zones.begin(), loaded.config.zones.end(),
                  [](const auto& zone) { return zone.second.secondary(); })) {
    runtime.delay_ready();
    secondaries.on_first_round(
        [&] { loaded.store->settled([&] { asio::post(runtime.io(), [&] { runtime.ready(); }); }); });
    patience.async_wait([&](const boost::system::error_code& error) {
      if (!error) runtime.ready();
    });
  }
  notifier.configure(loaded.config);
  secondaries.configure(loaded.config);
  if (std::any_of(written.zones.begin(), written.zones.end(),
                  [](const auto& zone) { return zone.second.catalog == CatalogRole::Consume; }))
    follow_catalogs();
  udp.start();
  listeners.start();
  // Looked at often: a computer that slept for a week has not counted the days.
  asio::steady_timer minute(runtime.io());
  std::function<void()> watch_signatures = [&] {
    minute.expires_after(std::chrono::minutes(1));
    minute.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      loaded.store->refresh_signatures();
      watch_signatures();
    });
  };
  watch_signatures();
  const auto reload = [&](std::optional<Name> only, ZoneStore::Reloaded done) {
    auto read = load_config(path);
    if (!read) {
      log::error("not reloaded, the configuration has mistakes:\n{}", read.error());
      return done({read.error()});
    }
    std::vector<std::string> problems;
    for (const std::string& key : keep_fixed(loaded.config, *read)) {
      problems.push_back(
          fmt::format("'{}' has changed: that takes a restart; what it was stays till then", key));
      log::warning("{}", problems.back());
    }
    if (auto renewed = listeners.renew(*read); !renewed) {
      problems.push_back("the certificate is not renewed: " + renewed.error().text());
      log::error("{}", problems.back());
    }
    written = std::move(*read);
    loaded.store->refresh_signatures();
    take(std::move(only), [problems, done](std::vector<std::string> more) {
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
  loaded.check_only = std::find(argv + 1, argv + argc, std::string_view("--check-config")) != argv + argc;
  return daemon_main(
      argc, argv,
      {.name = "lab-dnsd",
       .summary = "The lab's authoritative name server: zones over UDP and TCP, changed by dynamic update.",
       .example = "lab-dnsd --config dns.yaml",
       .reference = config_reference,
       .check = [&](const std::string& path) { return load(path, loaded); },
       .run = [&](const std::string& path) { return run(path, loaded); }});
}
