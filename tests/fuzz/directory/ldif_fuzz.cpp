// LDIF that can be read is written and read back the same.
#include <cstdlib>

#include "directory/ldif.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  auto entries = parse_ldif({reinterpret_cast<const char*>(data), size});
  if (!entries) return 0;
  auto again = parse_ldif(to_ldif(*entries));
  if (!again || *again != *entries) std::abort();
  return 0;
}
