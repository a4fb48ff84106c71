// A datagram from anywhere: parsed, explained, written, parsed again; then judged by a server with a small
// pool and by a client in mid-exchange. Nothing may crash, and what is written must be understood.
#include <cstdlib>

#include "dhcp/client_machine.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/server.hpp"

using namespace lab;
using namespace lab::dhcp;

namespace {

Settings one_small_scope() {
  Scope scope;
  scope.name = "lan";
  scope.interface = "eth0";
  scope.network = *Network::parse("192.168.56.0/24");
  scope.server_id = *IpAddress::parse("192.168.56.10");
  scope.ranges = {*AddressRange::parse("192.168.56.100-192.168.56.103")};
  Settings settings;
  settings.dns_forward = "helper.bac";
  settings.scopes.push_back(std::move(scope));
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = Message::parse({data, size});
  if (!message) return 0;
  (void)explanation(*message, {}, {}, true);
  (void)summary(*message);
  const auto encoded = encode(*message, {.max_size = 1472});
  const auto again = Message::parse(encoded.payload);
  if (!again || again->xid != message->xid || again->chaddr != message->chaddr) std::abort();

  static Server server;
  static bool ready = (server.configure(one_small_scope()), true);
  static ServerTime now{};
  (void)ready;
  now += std::chrono::seconds(1);
  (void)server.expire(now);
  const auto outcome = server.handle(
      *message, {.interface = "eth0", .source = {}, .destination = IpAddress::v4(0xFFFFFFFF)}, now);
  if (outcome.reply && !Message::parse(encode(outcome.reply->message, outcome.reply->encoding).payload))
    std::abort();

  ClientMachine client({.hardware = MacAddress({2, 0, 0, 0, 0, 1}), .client_id = {}, .hostname = "pc1"},
                       [&] { return message->xid; });
  (void)client.start(ClientTime{}, std::nullopt);
  (void)client.on_message(*message, ClientTime{});
  return 0;
}
