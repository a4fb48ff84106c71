// The zones above the domains of a lab, and what ties every zone to the one above it.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/zones.hpp"

namespace lab::plan {

using topology::kRootDomain;
using topology::Record;
using topology::Topology;

namespace {

constexpr auto kTtl = ZoneTimers::kTtl;

void add(Zone& zone, std::string owner, std::string type, std::string data) {
  Record record{std::move(owner), kTtl, std::move(type), std::move(data), 0};
  if (std::ranges::find(zone.records, record) == zone.records.end())
    zone.records.push_back(std::move(record));
}

/// A zone that labctl makes up: one name server, called `server`, at `addresses`.
Zone made_zone(const LabRoot& root, std::string name, const std::string& server,
               const std::optional<IpAddress>& own, const std::vector<IpAddress>& addresses) {
  Zone zone;
  zone.soa_names = server + " " + below("hostmaster", name);
  zone.soa_timers = fmt::format("{} {} {} {}", ZoneTimers::kRefresh, ZoneTimers::kRetry, ZoneTimers::kExpire,
                                ZoneTimers::kNegative);
  zone.domain = name;
  zone.name = std::move(name);
  zone.servers = {root.holder};
  zone.address = own;
  add(zone, absolute(zone.name), "NS", server);
  for (const auto& address : own ? std::vector{*own} : addresses)
    add(zone, server, address.is_v4() ? "A" : "AAAA", address.text());
  return zone;
}

/// The address's name, where the lab has the zone it is in.
void add_pointer(std::vector<Zone>& zones, const IpAddress& address, const std::string& name) {
  const auto owner = pointer_owner(zones, address);
  Zone* nearest = nullptr;
  for (auto& zone : zones)
    if (owner.ends_with("." + absolute(zone.name)) && (!nearest || is_within(zone.name, nearest->name)))
      nearest = &zone;
  if (nearest) add(*nearest, owner, "PTR", name);
}

}  // namespace

void add_upper_zones(const Topology& topology, std::vector<Zone>& zones) {
  const auto root = lab_root(topology);
  if (!root.holder) return;
  const auto addresses = fixed_addresses(topology, *root.holder);
  const auto signed_below = [&](const std::string& name) {
    return std::ranges::any_of(zones, [&](const Zone& z) { return z.dnssec && is_within(z.name, name); });
  };
  for (const auto& tld : root.tlds) {
    const auto server = below("a.nic", tld);
    auto zone = made_zone(root, tld, server, root.tld_address, addresses);
    zone.dnssec = signed_below(tld);
    zones.push_back(std::move(zone));
    if (root.tld_address) add_pointer(zones, *root.tld_address, server);
  }
  const auto server = name_server_name(kRootDomain);
  const auto written = std::ranges::find(zones, kRootDomain, &Zone::name);
  if (written == zones.end()) {
    auto zone = made_zone(root, std::string(kRootDomain), server, root.address, addresses);
    zone.dnssec = signed_below(zone.name);
    zones.push_back(std::move(zone));
  } else if (root.address) {
    // Written, but no node has it: it moves to the root's own address.
    written->address = root.address;
    written->servers = {root.holder};
    std::erase_if(written->records,
                  [&](const Record& r) { return r.owner == server && (r.type == "A" || r.type == "AAAA"); });
    add(*written, server, "A", root.address->text());
  }
  if (root.address) add_pointer(zones, *root.address, server);
}

Zone* parent_of(std::vector<Zone>& zones, const Zone& zone) {
  Zone* nearest = nullptr;
  for (auto& other : zones)
    if (&other != &zone && other.name != zone.name && is_within(zone.name, other.name) &&
        (!nearest || is_within(other.name, nearest->name)))
      nearest = &other;
  return nearest;
}

// RFC 1034 4.2.1: the parent names the child's servers, and gives the addresses of those whose names lie
// below one of its delegations, without which nobody could find them.
void delegate(std::vector<Zone>& zones) {
  struct Cut {
    Zone* parent;
    const Zone* child;
  };
  std::vector<Cut> cuts;
  for (const auto& zone : zones)
    if (auto* parent = parent_of(zones, zone)) cuts.push_back({parent, &zone});
  for (const auto& [parent, child] : cuts) {
    const auto apex = absolute(child->name);
    const auto has_own_words = [&](const Record& r) { return r.owner == apex && r.type == "NS"; };
    if (std::ranges::any_of(parent->records, has_own_words)) continue;
    std::vector<Record> servers;
    std::ranges::copy_if(child->records, std::back_inserter(servers), has_own_words);
    for (const auto& ns : servers) {
      add(*parent, apex, "NS", ns.data);
      auto name = ns.data;
      if (name.size() > 1) name.pop_back();
      const auto below_a_cut = [&](const Cut& cut) {
        return cut.parent == parent && is_within(name, cut.child->name);
      };
      if (std::ranges::none_of(cuts, below_a_cut)) continue;
      std::vector<Record> glue;
      for (const auto& zone : zones)
        std::ranges::copy_if(zone.records, std::back_inserter(glue), [&](const Record& r) {
          return r.owner == ns.data && (r.type == "A" || r.type == "AAAA");
        });
      for (const auto& address : glue) add(*parent, ns.data, address.type, address.data);
    }
  }
}

}  // namespace lab::plan
