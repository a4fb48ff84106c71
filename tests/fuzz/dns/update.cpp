// Any update message: refused, or a next version whose serial has moved on and whose diff leads to it.
#include <cstdlib>

#include "dns/journal.hpp"
#include "dns/update.hpp"
#include "dns/zone_file.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ZonePtr zone =
      load_zone_text(Name::parse("helper.bac").value(), "z",
                     "$TTL 60\n@ SOA ns root 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww CNAME ns\na.b TXT x\n")
          .zone;
  Request request;
  if (parse_request({data, size}, request) != Verdict::Good || request.opcode != Opcode::Update) return 0;
  const UpdateOutcome outcome = apply_update(zone, nullptr, request);
  if (!outcome.zone) return 0;
  if (!serial_after(outcome.zone->serial(), zone->serial()) || outcome.rcode != Rcode::NoError) std::abort();
  ZoneEditor editor(zone);
  editor.apply(outcome.diff);
  for (const ZoneRecord& r : outcome.diff.added)
    if (r.type == type::SOA) editor.replace(r.owner, r.type, r.ttl, r.rdata);
  if (fingerprint(*editor.finish().value()) != fingerprint(*outcome.zone)) std::abort();
  return 0;
}
