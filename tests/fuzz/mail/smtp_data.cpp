// A message by DATA comes out the same however it is cut; what is accepted has only CR LF; stuffing gives it
// back.
#include <cstdint>
#include <cstdlib>

#include "mail/smtp/data_decoder.hpp"

using namespace lab::mail::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string whole, pieces;
  DataDecoder one(whole, 1 << 20), many(pieces, 1 << 20);
  auto used = one.feed(input);
  std::size_t at = 0;
  while (at < input.size() && !many.done()) at += many.feed(input.substr(at, data[0] % 7 + 1));
  if (whole != pieces || used != at || one.done() != many.done() ||
      one.bare_line_end() != many.bare_line_end())
    std::abort();
  if (!one.done() || one.bare_line_end()) return 0;
  LineEndings ends;
  ends.feed(whole);
  ends.finish();
  if (ends.broken()) std::abort();
  std::string again;
  DataDecoder back(again, 1 << 20);
  auto stuffed = dot_stuffed(whole);
  if (back.feed(stuffed) != stuffed.size() || !back.done() || again != whole) std::abort();
  return 0;
}
