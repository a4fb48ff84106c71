// The first byte chooses an option; the rest is its value: read as text for people, as names, as routes, and
// written again.
#include <strings.h>

#include <algorithm>
#include <cstdlib>

#include "dhcp/domain_list.hpp"
#include "dhcp/frame.hpp"
#include "dhcp/option_types.hpp"

using namespace lab::dhcp;

namespace {

/// A name that is compressed takes the spelling of the one it points to (RFC 4343 4.1: case carries no
/// meaning).
bool same(const std::vector<std::string>& names, const std::optional<std::vector<std::string>>& again) {
  const auto alike = [](const std::string& a, const std::string& b) {
    return strcasecmp(a.c_str(), b.c_str()) == 0;
  };
  return again && std::ranges::equal(names, *again, alike);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> value(data + 1, size - 1);
  if (option_text(data[0], value).empty()) std::abort();
  (void)decode_packet(value);
  const auto routes = decode_routes(value);
  if (decode_routes(encode_routes(routes)).size() != routes.size()) std::abort();
  if (const auto names = decode_domain_list(value))
    if (const auto bytes = encode_domain_list(*names); bytes && !same(*names, decode_domain_list(*bytes)))
      std::abort();
  return 0;
}
