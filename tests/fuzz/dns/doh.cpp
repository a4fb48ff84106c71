// Any bytes on a DNS-over-HTTPS connection: questions or errors, never more state than the limits allow. The
// first byte says how large the pieces are in which they come; every question is answered.
#include <cstdlib>

#include "dns/doh.hpp"

using namespace lab::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = *data + std::size_t{1};
  std::span<const std::uint8_t> bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const auto message = decode_base64url(text); message && message->size() != text.size() * 3 / 4)
    std::abort();
  freshness(bytes);

  DohSession session("/dns-query");
  std::vector<std::uint8_t> out;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    const bool good = session.receive(piece);
    while (const auto question = session.next())
      if (question->message.size() < 12)
        session.refuse(question->stream);
      else
        session.answer(question->stream, question->message);
    session.send(out);
    if (!good) break;
  }
  if (out.empty()) std::abort();  // at least the settings
  return 0;
}
