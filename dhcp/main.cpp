// lab-dhcpd -- lends addresses (RFC 2131). What it decides is in server.cpp, what it keeps in
// lease_store.cpp.
#include <malloc.h>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dhcp/service.hpp"

namespace {

int run(const std::string& path) {
  auto config = lab::dhcp::load_config(path);
  if (!config) {
    lab::log::error("{}", config.error());
    return 2;
  }
  lab::Runtime runtime;
  auto service = lab::dhcp::Service::start(runtime.io(), *config);
  if (!service) {
    lab::log::error("{}", service.error().text());
    return 1;
  }
  lab::drop_privileges();  // the sockets are open
  malloc_trim(0);          // what reading the configuration took
  runtime.on_reload([&] {
    auto fresh = lab::dhcp::load_config(path);
    if (!fresh) {
      lab::log::error("the old settings stay: {}", fresh.error());
    } else if (auto taken = (*service)->reload(*fresh); !taken) {
      lab::log::error("the old settings stay: {}", taken.error().text());
    }
  });
  runtime.on_stop([&] { (*service)->stop([&] { runtime.finish(); }); });
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  return lab::daemon_main(argc, argv,
                          {.name = "lab-dhcpd",
                           .summary = "lab-dhcpd lends IPv4 addresses by DHCP (RFC 2131); every lease is on "
                                      "disk before it is acknowledged.",
                           .example = "lab-dhcpd --config dhcp.yaml",
                           .reference = lab::dhcp::config_reference,
                           .check =
                               [](const std::string& path) {
                                 auto config = lab::dhcp::load_config(path);
                                 return config ? std::string() : config.error();
                               },
                           .run = run});
}
