// Any bytes as a stream of messages, in pieces whose sizes the bytes themselves say: always the same
// messages, and those framed again are the stream.
#include <algorithm>
#include <cstdlib>

#include "dns/framing.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FrameReader frames;
  std::vector<std::uint8_t> again;
  for (std::size_t at = 0; at < size;) {
    const auto room = frames.room();
    if (room.empty()) std::abort();
    const std::size_t n = std::min<std::size_t>({room.size(), size - at, data[at] + std::size_t{1}});
    std::copy_n(data + at, n, room.begin());
    frames.filled(n);
    at += n;
    while (const auto message = frames.next()) append_frame(again, *message);
  }
  if (again.size() + frames.pending() != size || !std::equal(again.begin(), again.end(), data)) std::abort();
  return 0;
}
