// Whatever slapd says: a password is told of plain login names only, and none with a result.
#include <cstdlib>

#include "directory/config.hpp"
#include "directory/kdc/password_watch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kdc::PasswordWatch watch("dc=helper,dc=bac");
  (void)kdc::parse_password_request(text);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find("\n\n", at), text.size());
    const auto message = text.substr(at, end - at);
    const auto answer = watch.on_message(message);
    if (!answer.password.empty() && (answer.uid.empty() || answer.text.empty())) std::abort();
    if (!answer.uid.empty() && (answer.uid.contains(',') || answer.uid.contains('/'))) std::abort();
    at = end + 2;
  }
  return 0;
}
