// Bytes from whoever reaches the failover port: a greeting, a change and a signed answer of a name server, each read
// without harm; a change that is understood is written as it was.
#include <cstdlib>

#include "dhcp/partner_message.hpp"
#include "dhcp/rogue_guard.hpp"
#include "dhcp/tsig.hpp"

using namespace lab::dhcp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  (void)decode_hello(bytes);
  if (const auto change = decode_change(bytes)) {
    const auto again = decode_change(encode(*change));
    if (!again || again->leases.size() != change->leases.size()) std::abort();
  }
  if (size >= PartnerLimits::kHeader) {
    FrameSeal seal("a secret of the fuzzer", {}, {});
    (void)rest_of_frame(bytes);
    (void)seal.open(bytes.first(PartnerLimits::kHeader), bytes.subspan(PartnerLimits::kHeader));
  }
  static const auto key = TsigKey::make("dhcp", "hmac-sha256", "MTIzNDU2Nzg5MGFiY2RlZg==");
  Tsig tsig(*key);
  if (tsig.check(bytes, 0)) std::abort();  // nobody can sign without the key
  (void)other_server(bytes, "", {});
  return 0;
}
