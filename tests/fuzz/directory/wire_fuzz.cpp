// Any bytes from a server: read or refused, never a crash, a hang or an answer to a question not asked.
#include <cstdlib>

#include "directory/wire.hpp"

// libldap 2.5 loses a request whose answer was nonsense of a certain kind; a server can do that to us once a
// connection.
extern "C" const char*
__lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier): LeakSanitizer's name for it
extern "C" const char* __lsan_default_suppressions() { return "leak:liblber\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  Wire wire({.message = 65536});
  (void)wire.bind("cn=a", "secret");
  (void)wire.search(
      {.base = "dc=a", .scope = Scope::Subtree, .filter = "(uid=a)", .attributes = {}, .size_limit = 0});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    const auto part = bytes.substr(at, 7);
    wire.feed({part.data(), part.size()});
    while (auto reply = wire.next())
      if (reply->id < 0 || reply->id > 2) std::abort();
  }
  return 0;
}
