// The first two bytes choose an option; the rest is its value: read as text for people, as associations, and
// written again.
#include <cstdlib>

#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/option_types.hpp"

using namespace lab::dhcp::v6;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint16_t code = lab::dhcp::read16({data, size});
  const std::span<const std::uint8_t> value(data + 2, size - 2);
  if (option_text(code, value).empty()) std::abort();
  Options options;
  options.add(code, lab::dhcp::Bytes(value.begin(), value.end()));
  (void)status_of(options);
  const auto all = associations(options);
  Options written;
  for (const auto& ia : all) add_association(written, ia);
  if (associations(written).size() != all.size()) std::abort();
  (void)mac_in_duid(value);
  return 0;
}
