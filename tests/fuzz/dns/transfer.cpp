// Any message as the answer to a transfer, the first byte saying which: refused, more wanted, or a zone that
// can be sent again.
#include <cstdlib>

#include "dns/transfer.hpp"
#include "dns/tsig.hpp"
#include "dns/zone_file.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Name apex = Name::parse("helper.bac").value();
  static const ZonePtr ours =
      load_zone_text(apex, "z", "$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n").zone;
  static const TsigKeys keys = {TsigKey::make("key", "hmac-sha256", "c2VjcmV0").value()};
  if (size == 0) return 0;
  const std::span<const std::uint8_t> message(data + 1, size - 1);
  Tsig(keys[0]).check_response(message, 1000, true);
  Request request;
  if (parse_request(message, request) == Verdict::Good && request.tsig_at != 0)
    Tsig().check_request(message, request.tsig_at, keys, 1000);

  IncomingTransfer transfer(apex, (*data & 1U) != 0 ? ours : nullptr);
  if (transfer.take(message) != IncomingTransfer::State::Done) return 0;
  const auto zone = transfer.result();
  if (!zone || !*zone) return 0;
  static const std::vector<std::uint8_t> kQuestion{
      0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6, 'h', 'e', 'l', 'p', 'e', 'r', 3, 'b', 'a', 'c', 0, 0, 252, 0, 1};
  parse_request(kQuestion, request);
  OutgoingTransfer out(request, *zone, {});
  IncomingTransfer again(apex, nullptr);
  std::vector<std::uint8_t> buffer(kMaxMessage);
  auto state = IncomingTransfer::State::More;
  while (const std::size_t n = out.next(buffer, 0)) state = again.take(std::span(buffer).first(n));
  if (state != IncomingTransfer::State::Done) std::abort();
  const auto back = again.result();
  if (!back || fingerprint(**back) != fingerprint(**zone)) std::abort();
  return 0;
}
