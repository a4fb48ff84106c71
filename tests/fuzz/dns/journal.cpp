// Any bytes as journal entries: decoded or not; what is decoded encodes to the same bytes.
#include <cstdlib>

#include "dns/journal.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  for (std::size_t at = 0;;) {
    const std::size_t begin = at;
    const auto entry = decode_entry(bytes, at);
    if (!entry) return 0;
    if (encode_entry(*entry) != as_text(bytes.subspan(begin, at - begin))) std::abort();
  }
}
