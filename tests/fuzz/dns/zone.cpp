// Any text as a zone file: read or refused; what was read, printed and read again is the same zone.
#include <cstdlib>

#include "dns/journal.hpp"
#include "dns/record_text.hpp"
#include "dns/zone_file.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Name apex = Name::parse("helper.bac").value();
  const auto load = load_zone_text(apex, "f", as_text({data, size}));
  if (!load.zone) {
    if (load.problems.empty()) std::abort();
    return 0;
  }
  std::string text;
  for (const Node* node : load.zone->in_order())
    for (std::size_t i = 0; i < node->rrset_count(); ++i)
      for (const auto rdata : node->rrset(i)) {
        const RRsetView set = node->rrset(i);
        text +=
            record_text(Name::trusted(node->name().data(), node->name().size()), set.type, set.ttl, rdata) +
            "\n";
      }
  const auto again = load_zone_text(apex, "f", text);
  if (!again.zone || fingerprint(*again.zone) != fingerprint(*load.zone)) {
    std::fprintf(stderr, "%s\n%s\n", text.c_str(),
                 again.problems.empty() ? "another zone" : again.problems[0].text().c_str());
    std::abort();
  }
  return 0;
}
