// lab-rad -- tells IPv6 hosts that there is a router, and where their addresses come from (RFC 4861). What it
// says is in advertisement.cpp, when in schedule.cpp.
#include "common/log.hpp"
#include "common/runtime.hpp"
#include "dhcp/ra/service.hpp"

namespace {

int run(const std::string& path) {
  auto config = lab::dhcp::ra::load_config(path);
  if (!config) {
    lab::log::error("{}", config.error());
    return 2;
  }
  lab::Runtime runtime;
  auto service = lab::dhcp::ra::Service::start(runtime.io(), *config);
  if (!service) {
    lab::log::error("{}", service.error().text());
    return 1;
  }
  lab::drop_privileges();  // the socket is open
  runtime.on_reload([&] {
    auto fresh = lab::dhcp::ra::load_config(path);
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
  return lab::daemon_main(
      argc, argv,
      {.name = "lab-rad",
       .summary = "lab-rad advertises an IPv6 router to the hosts of its networks (RFC 4861, "
                  "RFC 8106).",
       .example = "lab-rad --config ra.yaml",
       .reference = lab::dhcp::ra::config_reference,
       .check =
           [](const std::string& path) {
             auto config = lab::dhcp::ra::load_config(path);
             return config ? std::string() : config.error();
           },
       .run = run});
}
