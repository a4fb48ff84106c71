// Any directory.yaml: a list of mistakes, or settings whose tree is LDIF that reads back and whose slapd.conf
// is lines.
#include <cstdlib>

#include "directory/slapd_conf.hpp"
#include "directory/tree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  auto settings =
      lab::config::load_text<Settings>("f", std::string(reinterpret_cast<const char*>(data), size));
  if (!settings) {
    if (settings.error().empty()) std::abort();
    return 0;
  }
  const auto tree = build_tree(*settings, {});
  auto again = parse_ldif(to_ldif(tree));
  if (!again || *again != tree) std::abort();
  if (slapd_conf(*settings, {}, tree.size()).contains('\0')) std::abort();
  return 0;
}
