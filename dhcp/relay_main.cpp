// lab-dhcrelay -- carries DHCP between the clients of one network and a server on another (RFC 1542). Its
// rules are in relay.cpp.
#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dhcp/relay_service.hpp"

namespace {

int run(const std::string& path) {
  auto config = lab::dhcp::load_relay_config(path);
  if (!config) {
    lab::log::error("{}", config.error());
    return 2;
  }
  lab::Runtime runtime;
  auto service = lab::dhcp::RelayService::start(runtime.io(), *config);
  if (!service) {
    lab::log::error("{}", service.error().text());
    return 1;
  }
  lab::drop_privileges();  // the sockets are open
  runtime.on_reload([&] {
    auto fresh = lab::dhcp::load_relay_config(path);
    if (!fresh) {
      lab::log::error("the old settings stay: {}", fresh.error());
    } else if (auto taken = (*service)->reload(*fresh); !taken) {
      lab::log::error("the old settings stay: {}", taken.error().text());
    }
  });
  runtime.on_stop([&] {
    (*service)->stop();
    runtime.finish();
  });
  return runtime.run();
}

}  // namespace

int main(int argc, char** argv) {
  return lab::daemon_main(argc, argv,
                          {.name = "lab-dhcrelay",
                           .summary = "lab-dhcrelay carries DHCP messages between clients and a server on "
                                      "another network (RFC 1542, RFC 3046).",
                           .example = "lab-dhcrelay --config dhcp-relay.yaml",
                           .reference = lab::dhcp::relay_config_reference,
                           .check =
                               [](const std::string& path) {
                                 auto config = lab::dhcp::load_relay_config(path);
                                 return config ? std::string() : config.error();
                               },
                           .run = run});
}
