#include "dhcp/v6/lease_list.hpp"

#include "common/config.hpp"

namespace lab::dhcp::v6 {

using config::detail::json_string;

std::string lease_json(const Lease& l) {
  return fmt::format(
      R"({{"address":"{}","mac":{},"duid":"{}","iaid":{},"hostname":{},"state":"{}","started":{},"expires":{}}})",
      l.text(), l.mac ? json_string(l.mac->text()) : "null",
      duid_text(std::span(reinterpret_cast<const std::uint8_t*>(l.duid.data()), l.duid.size())), l.iaid,
      json_string(l.hostname), dhcp::name(l.state), l.started.time_since_epoch().count(),
      l.expires.time_since_epoch().count());
}

std::string leases_json(const std::vector<Lease>& leases) {
  std::string list;
  for (const auto& lease : leases) list += (list.empty() ? "" : ",\n") + lease_json(lease);
  return "{\"leases\":[" + list + "]}\n";
}

std::string pools_json(const std::vector<PoolStatus>& pools) {
  std::string list;
  for (const auto& p : pools)
    list += fmt::format(
        R"({}{{"scope":{},"network":"{}","addresses":{},"leased":{},"resting":{},"prefixes":{},"delegated":{}}})",
        list.empty() ? "" : ",", json_string(p.scope->name), p.scope->network.text(), p.addresses, p.leased,
        p.resting, p.prefixes, p.delegated);
  return "[" + list + "]";
}

}  // namespace lab::dhcp::v6
