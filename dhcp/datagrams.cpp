#include "dhcp/datagrams.hpp"

#include <net/if.h>

namespace lab::dhcp {

void widen_receive_buffer(int socket) {
  constexpr int kBytes = 4 << 20;
  // Beyond the system's limit where we may.
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kBytes, sizeof kBytes) != 0)
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kBytes, sizeof kBytes);
}

const std::string& InterfaceNames::of(int index) {
  if (const auto known = names_.find(index); known != names_.end()) return known->second;
  char name[IF_NAMESIZE] = "";
  ::if_indextoname(static_cast<unsigned>(index), name);
  // An interface that was removed and made again has a new number; the old one is forgotten.
  std::erase_if(names_, [&](const auto& entry) { return entry.second == name; });
  return names_[index] = name;
}

int InterfaceNames::index_of(const std::string& name) const {
  for (const auto& [index, known] : names_)
    if (known == name) return index;
  return static_cast<int>(::if_nametoindex(name.c_str()));
}

}  // namespace lab::dhcp
