// A datagram from anywhere: parsed, explained, written, parsed again; then judged by a server with a small
// pool, by a relay's eyes, and by a client in mid-exchange. Nothing may crash, and what is written must be
// understood.
#include <cstdlib>

#include "dhcp/ra/advertisement.hpp"
#include "dhcp/v6/client_machine.hpp"
#include "dhcp/v6/explain.hpp"
#include "dhcp/v6/server.hpp"

using namespace lab;
using namespace lab::dhcp::v6;

namespace {

Settings one_small_scope() {
  Scope scope;
  scope.name = "lan";
  scope.interface = "eth0";
  scope.network = *Network::parse("fd00:56::/64");
  scope.ranges = {*AddressRange::parse("fd00:56::1:0-fd00:56::1:3")};
  scope.prefixes = {{*Network::parse("fd00:100::/54"), 56}};
  Settings settings;
  settings.dns_forward = "helper.bac";
  settings.duid = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
  settings.scopes.push_back(std::move(scope));
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto heard = dhcp::ra::Advertisement::parse({data, size})) {
    (void)dhcp::ra::summary(*heard);
    if (!dhcp::ra::Advertisement::parse(heard->encode())) std::abort();
  }
  (void)dhcp::ra::Solicitation::parse({data, size});
  if (const auto relayed = RelayMessage::parse({data, size}))
    if (!RelayMessage::parse(relayed->encode())) std::abort();
  const auto packet = Packet::parse({data, size});
  if (!packet) return 0;
  (void)explanation(packet->message, {}, {}, true);
  (void)summary(*packet);
  const auto again = Message::parse(packet->message.encode());
  if (!again || again->transaction != packet->message.transaction) std::abort();

  static Server server;
  static bool ready = (server.configure(one_small_scope()), true);
  static dhcp::ServerTime now{};
  (void)ready;
  now += std::chrono::seconds(1);
  (void)server.expire(now);
  const auto outcome = server.handle(*packet,
                                     {.interface = "eth0",
                                      .source = *IpAddress::parse("fe80::1"),
                                      .destination = *IpAddress::parse("ff02::1:2")},
                                     now);
  if (outcome.reply) {
    const auto bytes = encode_reply(*packet, *outcome.reply);
    if (packet->relays.empty() ? !Message::parse(bytes) : !RelayMessage::parse(bytes)) std::abort();
  }

  const auto* duid = packet->message.options.find(option::kClientId);
  ClientMachine client(
      {.duid = duid == nullptr ? dhcp::Bytes{0, 3, 0, 1} : *duid, .iaid = 1, .hostname = "pc1"},
      [&] { return packet->message.transaction; });
  (void)client.start(dhcp::ClientTime{}, std::nullopt);
  (void)client.on_message(packet->message, dhcp::ClientTime{});
  if (client.deadline()) (void)client.on_deadline(*client.deadline());
  return 0;
}
