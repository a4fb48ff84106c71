// dns.yaml and its zone files, for lab-dnsd.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/secrets.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/plan/zones.hpp"

namespace lab::plan {

namespace {

/// The serial of a zone: the one remembered while nothing in the zone changes, else a later one. Seconds
/// since 1970 leave room for the updates DHCP makes in between, each of which counts one up; RFC 1982 asks
/// only that it grows.
std::uint32_t serial_of(Build& build, const Zone& zone) {
  const auto digest_now = digest(zone_text(zone, 0));
  auto& remembered = build.plan.memory.serials[zone.name];
  if (remembered.number == 0 || remembered.digest != digest_now)
    remembered = {std::max({build.inputs.now, remembered.number + 1, zone.least_serial, std::uint32_t{1}}),
                  digest_now};
  return remembered.number;
}

/// Whom a name server takes updates from: DHCP servers that register their clients here, by the key they sign with.
std::vector<std::string> updaters(const Build& build, const topology::NodeEntry& server) {
  if (server->services.dns->value.update != topology::DnsUpdate::Dhcp) return {};
  std::vector<std::string> out;
  for (const auto& node : build.topology.nodes) {
    if (!node->services.dhcp) continue;
    const auto servers = topology::dns_servers(build.topology, topology::domain_of(build.topology, node));
    if (servers.empty() || servers.front() != &server) continue;
    const auto key = update_key(topology::domain_of(build.topology, node));
    if (std::ranges::find(out, key) == out.end()) out.push_back(key);
  }
  return out;
}

}  // namespace

void add_dns(Build& build) {
  const bool any = std::ranges::any_of(build.topology.nodes,
                                       [](const auto& node) { return node->services.dns.has_value(); });
  if (!any) return;
  const auto zones = derive_zones(build.topology);
  std::vector<std::string> texts;
  for (const auto& zone : zones) texts.push_back(zone_text(zone, serial_of(build, zone)));

  for (const auto& node : build.topology.nodes) {
    if (!node->services.dns) continue;
    auto addresses = fixed_addresses(build.topology, node);
    auto listen = endpoints(addresses, 53);
    listen.emplace_back("127.0.0.1:53");

    Service service;
    service.id = service_id(node, "dns");
    service.node = node.name;
    service.kind = "dns";
    const auto folder = build.runtime(node.name, "dns");
    const auto config = folder + "/dns.yaml";

    YamlText yaml;
    yaml.comment(
        fmt::format("The name server {}, for lab-dnsd. Written by labctl from the topology.", node.name));
    yaml.list("listen", listen).number("threads", 1);
    yaml.open("zones");
    // Every name server of a lab holds all of its zones, so that domains find each other.
    for (const auto& zone : zones)
      yaml.raw(zone.name, fmt::format("{{file: {}}}", yaml_scalar("zones/" + zone.name + ".zone")));
    yaml.close();
    if (const auto keys = updaters(build, node); !keys.empty()) {
      yaml.open("keys");
      for (const auto& key : keys)
        yaml.raw(key, fmt::format("{{algorithm: hmac-sha256, secret: {}}}", yaml_scalar(shared_secret(build, "tsig " + key))));
      yaml.close();
      // The node itself too, for a person with nsupdate in a shell there.
      yaml.open("update").list("keys", keys).list("networks", {"127.0.0.0/8"}).close();
    }
    yaml.value("journal", build.state(node.name, "dns"));

    service.argv = {build.program("lab-dnsd"), "--config", config};
    service.files.push_back({config, std::move(yaml).text(), 0600, File::Change::Restart});
    for (std::size_t i = 0; i < zones.size(); ++i)
      service.files.push_back(
          {fmt::format("{}/zones/{}.zone", folder, zones[i].name), texts[i], 0644, File::Change::Reload});
    service.state_folders = {build.state(node.name, "dns")};
    service.runtime_folders = {folder, folder + "/zones"};
    service.listens = {"dns 53"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
