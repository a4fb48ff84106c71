// lab-dhcrelay -- carries DHCP between the clients of one network and a server on another (RFC 1542). Its
// rules are in relay.cpp.
#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dhcp/relay_service.hpp"
#include "dhcp/v6/relay_service.hpp"

namespace {

using lab::dhcp::RelayConfig;

/// DHCPv4, DHCPv6 or both, as the servers' addresses say.
struct Halves {
  std::unique_ptr<lab::dhcp::RelayService> v4;
  std::unique_ptr<lab::dhcp::v6::RelayService> v6;

  lab::Result<void> start(lab::Runtime& runtime, const RelayConfig& config) {
    if (!servers_of(config, true).empty()) {
      auto started = lab::dhcp::RelayService::start(runtime.io(), config);
      if (!started) return std::unexpected(started.error());
      v4 = std::move(*started);
    }
    if (auto servers = servers_of(config, false); !servers.empty()) {
      auto started = lab::dhcp::v6::RelayService::start(runtime.io(), config.interfaces, std::move(servers),
                                                        config.remote_id);
      if (!started) return std::unexpected(started.error());
      v6 = std::move(*started);
    }
    return {};
  }
  lab::Result<void> reload(const RelayConfig& config) {
    if ((v4 == nullptr) != servers_of(config, true).empty() ||
        (v6 == nullptr) != servers_of(config, false).empty())
      return lab::fail("DHCPv4 or DHCPv6 begins or ends with these settings", {},
                       "start the relay anew for that: its sockets need privileges it has given up");
    if (v4)
      if (auto taken = v4->reload(config); !taken) return taken;
    return v6 ? v6->reload(config.interfaces, servers_of(config, false), config.remote_id)
              : lab::Result<void>();
  }
  void stop() {
    if (v4) v4->stop();
    if (v6) v6->stop();
  }
};

int run(const std::string& path) {
  auto config = lab::dhcp::load_relay_config(path);
  if (!config) {
    lab::log::error("{}", config.error());
    return 2;
  }
  lab::Runtime runtime;
  Halves halves;
  if (auto started = halves.start(runtime, *config); !started) {
    lab::log::error("{}", started.error().text());
    return 1;
  }
  lab::drop_privileges();  // the sockets are open
  runtime.on_reload([&] {
    auto fresh = lab::dhcp::load_relay_config(path);
    if (!fresh) {
      lab::log::error("the old settings stay: {}", fresh.error());
    } else if (auto taken = halves.reload(*fresh); !taken) {
      lab::log::error("the old settings stay: {}", taken.error().text());
    }
  });
  runtime.on_stop([&] {
    halves.stop();
    runtime.finish();
  });
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  return lab::daemon_main(argc, argv,
                          {.name = "lab-dhcrelay",
                           .summary = "lab-dhcrelay carries DHCP messages between clients and a server on "
                                      "another network (RFC 1542, RFC 3046, RFC 8415).",
                           .example = "lab-dhcrelay --config dhcp-relay.yaml",
                           .reference = lab::dhcp::relay_config_reference,
                           .check =
                               [](const std::string& path) {
                                 auto config = lab::dhcp::load_relay_config(path);
                                 return config ? std::string() : config.error();
                               },
                           .run = run});
}
