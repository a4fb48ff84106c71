// An address that parses prints as one that parses to the same; base64 that decodes encodes to itself.
#include <cstdint>
#include <cstdlib>

#include "mail/address.hpp"
#include "mail/sasl.hpp"
#include "mail/smtp/path.hpp"

using namespace lab::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto address = Address::parse(text)) {
    auto again = Address::parse(address->text());
    if (!again || *again != *address) std::abort();
    if (address->text().find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
  }
  if (auto bytes = base64_decode(text); bytes && base64_encode(*bytes) != text) std::abort();
  Cursor cursor(text);
  smtp::parse_path(cursor, "FROM:");
  return 0;
}
