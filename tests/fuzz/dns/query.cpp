// Any message to a server of three zones: it answers or says nothing, and what it says can be read back.
#include <cstdlib>

#include "dns/describe.hpp"
#include "dns/responder.hpp"
#include "dns/zone_file.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ZoneSet zones = [] {
    constexpr std::string_view kZone =
        "$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\n@ MX 10 mail\nns A 10.0.0.1\nmail A 10.0.0.2\nwww CNAME "
        "mail\n* TXT \"any\"\n"
        "loop CNAME loop\nsub NS ns.sub\nns.sub A 10.0.0.3\nold DNAME www\na.b.c A 10.0.0.4\nself DNAME "
        "x.self\n";
    return ZoneSet({load_zone_text(Name::parse("helper.bac").value(), "z", kZone).zone,
                    load_zone_text(Name::parse("bac").value(), "z", kZone).zone,
                    load_zone_text(Name::parse("sub.helper.bac").value(), "z", kZone).zone});
  }();
  static std::uint8_t out[kMaxMessage];
  if (size == 0) return 0;
  const auto transport = static_cast<Transport>(*data % kTransports);
  Request request;
  constexpr std::uint8_t kAddress[] = {10, 0, 0, 1};
  const Asker asker{.transport = transport, .address = kAddress, .now = 1559731985};
  const Outcome outcome = respond(zones, {}, asker, {data + 1, size - 1}, out, request);
  if (outcome.action != Action::Reply) return 0;
  if (outcome.size < kHeaderSize || (transport == Transport::Udp && outcome.size > 1232)) std::abort();
  // A space in a name is printed as \032: these words cannot come from the message.
  if (describe_response({out, outcome.size}).find("a malformed ") != std::string::npos) std::abort();
  return 0;
}
