// lab-dhcpd -- lends addresses (RFC 2131, RFC 8415). What it decides is in server.cpp and v6/server.cpp, what
// it keeps in lease_store.cpp and its twin.
#include <malloc.h>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dhcp/service.hpp"
#include "dhcp/v6/service.hpp"

namespace {

/// The halves a configuration asks for: DHCPv4, DHCPv6, or both.
struct Halves {
  std::unique_ptr<lab::dhcp::Service> v4;
  std::unique_ptr<lab::dhcp::v6::Service> v6;

  lab::Result<void> start(lab::Runtime& runtime, const lab::dhcp::Config& config) {
    if (!config.scopes.empty()) {
      auto started = lab::dhcp::Service::start(runtime.io(), config);
      if (!started) return std::unexpected(started.error());
      v4 = std::move(*started);
    }
    if (!config.scopes6.empty()) {
      auto started = lab::dhcp::v6::Service::start(runtime.io(), config);
      if (!started) return std::unexpected(started.error());
      v6 = std::move(*started);
    }
    return {};
  }
  lab::Result<void> reload(const lab::dhcp::Config& config) {
    if ((v4 == nullptr) != config.scopes.empty() || (v6 == nullptr) != config.scopes6.empty())
      return lab::fail("DHCPv4 or DHCPv6 begins or ends with these settings", {},
                       "start the server anew for that: its sockets need privileges it has given up");
    if (v4)
      if (auto taken = v4->reload(config); !taken) return taken;
    return v6 ? v6->reload(config) : lab::Result<void>();
  }
  void stop(std::function<void()> done) {
    auto stop_v6 = [this, done] { v6 ? v6->stop(done) : done(); };
    v4 ? v4->stop(stop_v6) : stop_v6();
  }
};

int run(const std::string& path) {
  auto config = lab::dhcp::load_config(path);
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
  malloc_trim(0);          // what reading the configuration took
  runtime.on_reload([&] {
    auto fresh = lab::dhcp::load_config(path);
    if (!fresh) {
      lab::log::error("the old settings stay: {}", fresh.error());
    } else if (auto taken = halves.reload(*fresh); !taken) {
      lab::log::error("the old settings stay: {}", taken.error().text());
    }
  });
  runtime.on_stop([&] { halves.stop([&] { runtime.finish(); }); });
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  return lab::daemon_main(argc, argv,
                          {.name = "lab-dhcpd",
                           .summary = "lab-dhcpd lends IPv4 and IPv6 addresses by DHCP (RFC 2131, RFC 8415); "
                                      "every lease is on disk before it is acknowledged.",
                           .example = "lab-dhcpd --config dhcp.yaml",
                           .reference = lab::dhcp::config_reference,
                           .check =
                               [](const std::string& path) {
                                 auto config = lab::dhcp::load_config(path);
                                 return config ? std::string() : config.error();
                               },
                           .run = run});
}
