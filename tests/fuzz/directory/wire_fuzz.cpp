// Any bytes from a server: read or refused, never a crash, a hang or an answer to a question not asked.
#include <cstdlib>

#include "directory/wire.hpp"

// libldap 2.5 loses a request whose answer was nonsense of a certain kind; a server can do that to us once a
// connection.
extern "C" const char*
__lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier): LeakSanitizer's name for it
extern "C" const char* __lsan_default_suppressions() { return "leak:liblber\n"; }

namespace {

void read_all(std::string_view bytes, bool each) {
  using namespace lab::directory;
  Wire wire({.message = 65536});
  if (each) wire.deliver_each();
  (void)wire.bind("cn=a", "secret");
  Search search;
  search.base = "dc=a";
  search.filter = "(uid=a)";
  if (each) search.follow_from = "rid=000,csn=a";
  search.page = each ? 0 : 10;
  (void)wire.search(search);
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    const auto part = bytes.substr(at, 7);
    wire.feed({part.data(), part.size()});
    while (auto reply = wire.next())
      if (reply->id < 0 || reply->id > 2) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool each : {false, true}) read_all({reinterpret_cast<const char*>(data), size}, each);
  return 0;
}
