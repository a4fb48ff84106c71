// What comes from a raw socket, through a relay, or out of a file of leases. The first byte chooses the
// reader.
#include <algorithm>
#include <cstdlib>

#include "dhcp/dns_update.hpp"
#include "dhcp/frame.hpp"
#include "dhcp/lease_list.hpp"
#include "dhcp/relay.hpp"

using namespace lab;
using namespace lab::dhcp;

namespace {

void relay(std::span<const std::uint8_t> bytes) {
  static const RelayAgent agent({.links = {{.interface = "eth1", .address = *IpAddress::parse("10.2.0.1")}},
                                 .servers = {*IpAddress::parse("10.1.0.10")},
                                 .remote_id = "relay"});
  std::string why;
  for (const char* interface : {"eth0", "eth1"})
    (void)agent.handle(bytes,
                       {.interface = interface, .source = {}, .destination = IpAddress::v4(0xFFFFFFFF)}, why);
  if (!Message::parse(bytes)) return;  // as the agent does: what follows copies the fixed part
  const Bytes information{1, 1, 'x'};
  const Bytes with = with_relay_information(bytes, information);
  // Option 82, perhaps an END that was missing, perhaps padding up to the least size.
  if (with.size() > std::max(kMessageLimits.smallest, bytes.size() + 2 + information.size() + 1))
    std::abort();
  (void)without_relay_information(with);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> bytes(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      if (const auto datagram = decode_packet(bytes)) {
        const auto again = decode_packet(encode_packet(*datagram));
        if (!again || again->payload.size() != datagram->payload.size() || again->to != datagram->to)
          std::abort();
      }
      break;
    case 1:
      if (const auto arp = decode_arp(bytes)) {
        const auto again = decode_arp(encode_arp(*arp));
        if (!again || again->sender != arp->sender) std::abort();
      }
      break;
    case 2: relay(bytes); break;
    case 3:
      if (const auto leases = parse_leases_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
        const auto again = parse_leases_csv(leases_csv(*leases));
        if (!again || again->size() != leases->size()) std::abort();
        (void)leases_json(*leases);
      }
      break;
    default: (void)decode_update_answer(bytes, 7);
  }
  return 0;
}
