// A POP3 command line; and the same bytes as a message, dot-stuffed in two ways of cutting it.
#include <cstdint>
#include <string>

#include "mail/pop3/command.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::mail::pop3;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto command = parse_command(text);
  if (!command && command.error().empty()) __builtin_trap();
  std::string whole, cut;
  DotStuffer one(3), other(3);
  one.add(text, whole);
  one.end(whole);
  for (std::size_t i = 0; i < size && other.add(text.substr(i, 1), cut); ++i) {
  }
  other.end(cut);
  if (whole != cut) __builtin_trap();
  return 0;
}
