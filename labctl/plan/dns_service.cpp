// dns.yaml and its zone files, for lab-dnsd.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "labctl/plan/build.hpp"
#include "labctl/plan/dns_transports.hpp"
#include "labctl/plan/secrets.hpp"
#include "labctl/plan/yaml_text.hpp"
#include "labctl/plan/zone_key.hpp"
#include "labctl/plan/zones.hpp"
#include "labctl/topology/shared_networks.hpp"

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

/// A secret of the name servers: made once and remembered, as passwords are.
const std::string& key_of(Build& build, const std::string& name) {
  auto& known = build.plan.memory.keys;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  return known.emplace(name, ZoneKey::make(build.inputs.random)).first->second;
}

constexpr auto kTransferKey = "transfer";  // signs what the lab's name servers tell each other (RFC 8945)

std::string file_name(const Zone& zone) {
  auto name = zone.name == topology::kRootDomain ? "root" : zone.name;
  std::ranges::replace(name, '/', '-');  // of a zone as RFC 2317 calls it
  return name;
}

std::string at_port(const IpAddress& address) { return Endpoint{address, 53}.text(); }

std::vector<std::string> endpoint_texts(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> out;
  for (const auto& endpoint : endpoints) out.push_back(endpoint.text());
  return out;
}

/// A node's name, an address or a network, as `allow_transfer` has them, in addresses.
std::vector<std::string> networks_of(const Build& build, const std::string& who) {
  const auto* node = build.topology.nodes.find(who);
  if (!node) return {who};
  std::vector<std::string> out;
  for (const auto& address : fixed_addresses(build.topology, *node))
    out.push_back(fmt::format("{}/{}", address.text(), address.bits()));
  return out;
}

/// The DS records of signed zones, in the zones above them (RFC 4034 5).
void publish_keys(Build& build, std::vector<Zone>& zones) {
  for (const auto& zone : zones) {
    if (!zone.dnssec) continue;
    const ZoneKey key(zone.name, key_of(build, "zone " + zone.name));
    if (auto* parent = parent_of(zones, zone))
      parent->records.push_back({absolute(zone.name), ZoneTimers::kTtl, "DS", key.ds(), 0});
  }
}

/// What a validator starts from, in the two ways programs read it.
std::vector<File> trust_anchors(Build& build, const std::vector<Zone>& zones) {
  const auto root = std::ranges::find(zones, topology::kRootDomain, &Zone::name);
  if (root == zones.end() || !root->dnssec) return {};
  const auto dnskey = ZoneKey(root->name, key_of(build, "zone " + root->name)).dnskey();
  const auto parted = [&](std::string_view quote) {
    const auto space = dnskey.rfind(' ');
    return fmt::format("{} {}{}{}", dnskey.substr(0, space), quote, dnskey.substr(space + 1), quote);
  };
  return {{build.inputs.paths.runtime + "/root.key", fmt::format(". 3600 IN DNSKEY {}\n", parted("")), 0644,
           File::Change::Restart},
          {build.inputs.paths.runtime + "/bind.keys",
           fmt::format("trust-anchors {{\n  . static-key {};\n}};\n", parted("\"")), 0644,
           File::Change::Restart}};
}

/// One server's configuration as it grows.
class ServerPlan {
 public:
  ServerPlan(Build& build, const topology::NodeEntry& node, const std::vector<Zone>& zones,
             const std::vector<std::string>& texts, const std::vector<File>& anchors)
      : build_(build),
        node_(node),
        options_(node->services.dns->value),
        zones_(zones),
        texts_(texts),
        anchors_(anchors),
        folder_(build.runtime(node.name, "dns")) {}

  Service service() {
    Service service;
    service.id = service_id(node_, "dns");
    service.node = node_.name;
    service.kind = "dns";
    const auto config = folder_ + "/dns.yaml";
    auto listen = endpoints(fixed_addresses(build_.topology, node_), 53);
    listen.emplace_back("127.0.0.1:53");
    YamlText yaml;
    yaml.comment(
        fmt::format("The name server {}, for lab-dnsd. Written by labctl from the topology.", node_.name));
    yaml.list("listen", listen).number("threads", 1);
    std::vector<File> files;
    yaml.open("zones");
    for (std::size_t i = 0; i < zones_.size(); ++i) write_zone(yaml, zones_[i], texts_[i], files, service);
    yaml.close();
    write_views(yaml);
    const auto update_keys = updaters(build_, node_);
    if (signs_transfers_ || !update_keys.empty()) {
      const auto key = [&](const std::string& name, const std::string& secret) {
        yaml.raw(name, fmt::format("{{algorithm: hmac-sha256, secret: {}}}", yaml_scalar(secret)));
      };
      yaml.open("keys");
      if (signs_transfers_) key(kTransferKey, key_of(build_, kTransferKey));
      for (const auto& name : update_keys) key(name, shared_secret(build_, "tsig " + name));
      yaml.close();
    }
    if (!update_keys.empty()) {
      // The node itself too, for a person with nsupdate in a shell there.
      yaml.open("update").list("keys", update_keys).list("networks", {"127.0.0.0/8"});
      yaml.comment("what a lease wrote ends with the lease; what the teacher wrote stays");
      yaml.flag("protect_zone_files", true).close();
    }
    write_recursion(yaml);
    yaml.value("journal", build_.state(node_.name, "dns"));
    service.listens = {"dns 53"};
    write_dns_transports(yaml, build_, node_, service);

    service.argv = {build_.program("lab-dnsd"), "--config", config};
    service.files.push_back(
        {config, std::move(yaml).text(), signs_transfers_ || !update_keys.empty() ? 0600U : 0644U, File::Change::Restart});
    std::ranges::move(files, std::back_inserter(service.files));
    std::ranges::copy(anchors_, std::back_inserter(service.files));
    service.state_folders = {build_.state(node_.name, "dns")};
    service.runtime_folders = {folder_, folder_ + "/zones"};
    return service;
  }

 private:
  void write_zone(YamlText& yaml, const Zone& zone, const std::string& text, std::vector<File>& files,
                  Service& service) {
    const auto place = std::ranges::find(zone.servers, &node_);
    if (place == zone.servers.end()) return;
    if (zone.address) views_[zone.address->text()].push_back(zone.name);
    std::vector<std::string> fields;
    if (place == zone.servers.begin()) {
      const auto file = "zones/" + file_name(zone) + ".zone";
      fields.push_back("file: " + yaml_scalar(file));
      files.push_back({folder_ + "/" + file, text, 0644, File::Change::Reload});
      if (zone.dnssec) {
        const auto key = "zones/" + file_name(zone) + ".key";
        fields.push_back("dnssec: true, dnssec_key: " + yaml_scalar(key));
        if (zone.nsec3) fields.emplace_back("nsec3: true");
        files.push_back({folder_ + "/" + key,
                         ZoneKey(zone.name, key_of(build_, "zone " + zone.name)).private_file(), 0600,
                         File::Change::Restart});
      }
      if (zone.zonemd) fields.emplace_back("zonemd: true");
      write_secondaries(zone, fields);
    } else {
      const auto& holder = *zone.servers.front();
      const auto primary = topology::main_address(holder);
      const bool tls = *holder->services.dns->value.transfer_tls;
      fields.push_back(fmt::format(
          "primaries: [{}], key: {}",
          yaml_scalar(Endpoint{*primary, static_cast<std::uint16_t>(tls ? 853 : 53)}.text()), kTransferKey));
      if (tls)
        fields.push_back(fmt::format("primaries_tls: {{name: {}, ca: {}}}",
                                     yaml_scalar(dns_certificate_names(build_, holder).front()),
                                     yaml_scalar(build_.plan.ca_certificate)));
      if (zone.zonemd) fields.emplace_back("zonemd: true");
      signs_transfers_ = true;
      const auto after = service_id(*zone.servers.front(), "dns");
      if (std::ranges::find(service.after, after) == service.after.end()) service.after.push_back(after);
    }
    yaml.raw(zone.name, fmt::format("{{{}}}", fmt::join(fields, ", ")));
  }

  void write_secondaries(const Zone& zone, std::vector<std::string>& fields) {
    std::vector<std::string> allowed, told;
    for (const auto& who : options_.allow_transfer)
      std::ranges::move(networks_of(build_, *who), std::back_inserter(allowed));
    for (auto other = zone.servers.begin() + 1; other != zone.servers.end(); ++other)
      told.push_back(at_port(*topology::main_address(**other)));
    std::vector<std::string> transfer;
    if (!told.empty()) transfer.push_back(fmt::format("keys: [{}]", kTransferKey));
    if (!allowed.empty()) transfer.push_back("networks: " + yaml_list(allowed));
    if (*options_.transfer_tls && !transfer.empty()) transfer.emplace_back("tls: true");
    if (!transfer.empty()) fields.push_back(fmt::format("transfer: {{{}}}", fmt::join(transfer, ", ")));
    if (told.empty()) return;
    fields.push_back(fmt::format("notify: {}, key: {}", yaml_list(told), kTransferKey));
    signs_transfers_ = true;
  }

  void write_views(YamlText& yaml) {
    if (views_.empty()) return;
    yaml.comment("seen at addresses of their own, as if on machines of their own");
    yaml.open("views");
    for (const auto& [address, names] : views_)
      yaml.raw(names.front() == topology::kRootDomain ? "root" : "tld",
               fmt::format("{{listen: [{}], zones: {}}}", yaml_scalar(at_port(*IpAddress::parse(address))),
                           yaml_list(names)));
    yaml.close();
  }

  /// Recursion begins at the lab's root; with forwarders, which know the world but not the lab, at each zone
  /// the root would lead to.
  void write_recursion(YamlText& yaml) {
    const auto root = std::ranges::find(zones_, topology::kRootDomain, &Zone::name);
    if (!topology::recurses(build_.topology, node_) || root == zones_.end()) return;
    std::vector<std::string> networks{"127.0.0.0/8"};
    for (const auto& network : build_.topology.networks) {
      networks.push_back(network->subnet->text());
      for (const auto* scope : topology::further_subnets(build_.topology, network.name))
        networks.push_back((*scope)->subnet->value.text());
      if (network->subnet6) networks.push_back((*network->subnet6)->text());
    }
    yaml.comment("names of other domains, for the lab's own machines and nobody else");
    yaml.open("recursion").list("networks", networks);
    if (options_.forwarders.empty()) {
      yaml.list("root", servers_of(*root));
      if (!anchors_.empty()) yaml.value("trust_anchors", anchors_.front().path);
    } else {
      yaml.list("forwarders", endpoint_texts(options_.forwarders)).open("stubs");
      for (const auto& zone : zones_)
        if (&zone != &*root) yaml.raw(zone.name, yaml_list(servers_of(zone)));
      yaml.close();
    }
    if (!options_.blocklist.empty()) yaml.list("blocklist", options_.blocklist);
    yaml.close();
  }

  std::vector<std::string> servers_of(const Zone& zone) const {
    if (zone.address) return {at_port(*zone.address)};
    std::vector<std::string> out;
    for (const auto* server : zone.servers)
      if (const auto address = topology::main_address(*server)) out.push_back(at_port(*address));
    return out;
  }

  Build& build_;
  const topology::NodeEntry& node_;
  const topology::DnsService& options_;
  const std::vector<Zone>& zones_;
  const std::vector<std::string>& texts_;
  const std::vector<File>& anchors_;
  const std::string folder_;
  std::map<std::string, std::vector<std::string>> views_;  // by address
  bool signs_transfers_ = false;
};

}  // namespace

void add_dns(Build& build) {
  auto zones = derive_zones(build.topology);
  publish_keys(build, zones);
  std::vector<std::string> texts;
  for (const auto& zone : zones) texts.push_back(zone_text(zone, serial_of(build, zone)));
  const auto anchors = trust_anchors(build, zones);
  std::vector<Service> secondaries;
  for (const auto& node : build.topology.nodes) {
    if (!node->services.dns) continue;
    auto service = ServerPlan(build, node, zones, texts, anchors).service();
    // A secondary has something to copy once its primary runs.
    auto& place = service.after.empty() ? build.plan.services : secondaries;
    place.push_back(std::move(service));
  }
  std::ranges::move(secondaries, std::back_inserter(build.plan.services));
}

}  // namespace lab::plan
