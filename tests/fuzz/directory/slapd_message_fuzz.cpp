// Whatever slapd says, changes come only with a result of 0, and only for plain login names.
#include <cstdlib>

#include "directory/config.hpp"
#include "directory/kdc/password_watch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kdc::PasswordWatch watch("dc=helper,dc=bac", [](auto&, auto&) { return std::nullopt; });
  (void)kdc::parse_password_request(text);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find("\n\n", at), text.size());
    const auto message = text.substr(at, end - at);
    const auto answer = watch.on_message(message);
    if (!answer.changes.empty() && !message.starts_with("RESULT")) std::abort();
    for (auto& change : answer.changes)
      if (change.uid.empty()) std::abort();
    at = end + 2;
  }
  return 0;
}
