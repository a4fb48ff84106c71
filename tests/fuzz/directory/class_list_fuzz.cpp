// A class list is read or refused with a place; whoever is read can be written into DNs and addresses.
#include <cstdlib>

#include "directory/class_list.hpp"
#include "directory/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  const auto pupils = parse_class_list("class.csv", {reinterpret_cast<const char*>(data), size});
  if (!pupils) {
    for (auto& mistake : pupils.error())
      if (mistake.what.empty() || !mistake.where.starts_with("class.csv")) std::abort();
    return 0;
  }
  for (auto& p : *pupils) {
    if (!wrong_name(p.uid.empty() ? login_name(p.name) : p.uid).empty()) std::abort();
    for (auto& group : p.groups)
      if (!wrong_name(group).empty()) std::abort();
  }
  return 0;
}
