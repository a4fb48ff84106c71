#include "labctl/topology/load.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "labctl/topology/names.hpp"
#include "labctl/topology/rules.hpp"
#include "labctl/topology/tables.hpp"

namespace lab::topology {

namespace {

/// `pc` with count: 30 becomes pc-1 … pc-30, in its place among the others.
Dictionary<Node> expand(const Dictionary<Node>& written) {
  Dictionary<Node> nodes;
  for (const auto& node : written) {
    const bool many = node->count && node->count->clean;
    const auto count = many ? **node->count : 1;
    // What is over the limit was counted and is reported; there is no use in making it.
    for (std::int64_t i = 1; i <= count && nodes.size() <= static_cast<std::size_t>(Limits::kNodes); ++i) {
      auto copy = node;
      copy.value.group = node.name;
      if (many) {
        copy.name = fmt::format("{}-{}", node.name, i);
        copy.value.index = static_cast<int>(i);
      }
      nodes.add(std::move(copy));
    }
  }
  return nodes;
}

void check_whole(const Topology& topology, const yaml::Value& root, yaml::Diagnostics& diagnostics) {
  if (root.is_null()) {
    diagnostics.error({1, 1}, "the file is empty", "`labctl init` writes a topology to start from");
    return;
  }
  if (!diagnostics.ok()) return;  // the keys may be there under another name
  if (topology.networks.empty())
    diagnostics.error({1, 1}, "the lab has no network", "add one: networks: {lan: 192.168.56.0/24}");
  if (topology.nodes.empty())
    diagnostics.error({1, 1}, "the lab has no node", "add one: nodes: {pc1: {networks: lan}}");
}

void name_lab(Topology& topology, yaml::Diagnostics& diagnostics) {
  if (!topology.lab_name) {
    topology.lab = lab_name_like(std::filesystem::path(topology.file).stem().string());
    return;
  }
  topology.lab = **topology.lab_name;
  if (!topology.lab_name->clean) return;
  const auto like = lab_name_like(topology.lab);
  if (like != topology.lab)
    report(diagnostics, *topology.lab_name,
           fmt::format("'{}' cannot be the name of a lab: lower-case letters, digits and '-', at most {}",
                       topology.lab, Limits::kLabName),
           fmt::format("'{}' would do", like));
}

/// Reads the file that `named` names, if it does, into `content`.
template <class Content>
void read_beside(const std::optional<Located<std::string>>& named, const char* what, Content& content,
                 const std::function<Result<Content>(const std::string& path)>& read,
                 yaml::Diagnostics& diagnostics) {
  if (!named || !named->clean) return;
  const std::filesystem::path path(**named);
  // The topology may come from a stranger: it names only what lies beside it.
  if (path.empty() || path.is_absolute() || std::ranges::find(path, "..") != path.end())
    return report(diagnostics, *named, fmt::format("'{}' is outside the topology's folder", path.string()),
                  fmt::format("put {} beside the topology", what));
  auto found = read(path.string());
  if (found)
    content = std::move(*found);
  else
    report(diagnostics, *named,
           found.error().where.empty() ? fmt::format("cannot read {}: {}", path.string(), found.error().what)
                                       : fmt::format("{}: {}", found.error().where, found.error().what),
           found.error().remedy);
}

void read_files(Topology& topology, const ZonefileReader& read, yaml::Diagnostics& diagnostics) {
  for (auto& domain : topology.domains)
    read_beside<Zonefile>(domain->dns.zonefile, "the zone file, such as zones/helper.bac.zone,",
                domain.value.dns.zonefile_text,
                [&](const std::string& name) { return read_zonefile(name, domain.name, read); }, diagnostics);
  for (auto& node : topology.nodes) {
    auto& directory = node.value.services.directory;
    if (!directory || node->index > 1) continue;
    auto& options = directory->value;
    read_beside<std::string>(options.ca, "the CA's certificate", options.ca_text, read, diagnostics);
    if (!options.ca_text.empty() && !options.ca_text.contains("-----BEGIN CERTIFICATE-----"))
      report(diagnostics, *options.ca, fmt::format("'{}' holds no certificate in PEM form", **options.ca),
             "openssl x509 -inform der -in ca.cer -out ca.pem makes it so");
  }
}

}  // namespace

std::expected<Topology, Rejection> load_text(const std::string& file, const std::string& text,
                                             const ZonefileReader& read_zonefile) {
  yaml::Diagnostics diagnostics(file, text);
  Topology topology;
  topology.file = file;
  if (const auto root = yaml::parse(diagnostics, text)) {
    table_of(&topology).read(*root, topology);
    check_whole(topology, *root, diagnostics);
    topology.nodes = expand(topology.nodes);
    name_lab(topology, diagnostics);
    read_files(topology, read_zonefile, diagnostics);
    for (const auto rule : {check_networks, check_nodes, check_addresses, check_domains, check_dns,
                            check_services, check_dhcp, check_promises})
      rule(topology, diagnostics);
  }
  if (!diagnostics.ok()) return std::unexpected(Rejection{diagnostics.render(), diagnostics.list().size()});
  return topology;
}

std::expected<Topology, Rejection> load_file(const std::string& path) {
  auto text = yaml::read_file(path);
  if (!text) return std::unexpected(Rejection{text.error().text() + "\n", 1});
  const auto folder = std::filesystem::path(path).parent_path();
  return load_text(path, *text, [&](const std::string& name) -> Result<std::string> {
    std::error_code error;
    const auto inside = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, error);
    const auto target = std::filesystem::weakly_canonical(inside / name, error);
    const auto beyond = std::ranges::mismatch(inside, target);
    if (error || beyond.in1 != inside.end()) return fail("it leads outside the topology's folder");
    if (!std::filesystem::is_regular_file(target, error)) return fail("there is no such file");
    auto zone = yaml::read_file(target.string());
    if (!zone) return std::unexpected(Error{zone.error().what, {}, zone.error().remedy});
    return zone;
  });
}

}  // namespace lab::topology
