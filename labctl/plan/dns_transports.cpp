#include "labctl/plan/dns_transports.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/root.hpp"

namespace lab::plan {
namespace {

/// A flood is cut at what a topology says; errors and names that do not exist are worth less than answers.
void write_limits(YamlText& yaml, unsigned rate) {
  if (rate == 0) return;
  yaml.open("rate_limit").number("responses", rate).number("nxdomains", (rate + 1) / 2);
  yaml.number("errors", (rate + 3) / 4).list("exempt", {"127.0.0.0/8"}).close();
}

}  // namespace

std::vector<std::string> dns_certificate_names(const Build& build, const topology::NodeEntry& node) {
  const auto domain = topology::domain_of(build.topology, node);
  if (domain.empty()) return {node.name};
  std::vector<std::string> names{fqdn_of(build.topology, node)};
  const auto servers = topology::dns_servers(build.topology, domain);
  const auto place = static_cast<std::size_t>(std::ranges::find(servers, &node) - servers.begin());
  if (place == 0 || domain == topology::kRootDomain) {
    auto name = name_server_name(domain, place);
    name.pop_back();
    if (name != names.front()) names.insert(names.begin(), std::move(name));
  }
  return names;
}

std::string dns_control_path(const std::string& runtime, std::string_view node) {
  return fmt::format("{}/{}/dns/control", runtime, node);
}

void write_dns_transports(YamlText& yaml, Build& build, const topology::NodeEntry& node, Service& service) {
  const auto& options = node->services.dns->value;
  const auto addresses = fixed_addresses(build.topology, node);
  yaml.value("nsid", node.name);
  yaml.value("control", dns_control_path(build.inputs.paths.runtime, node.name));
  write_limits(yaml, options.rate_limit);
  if (!options.tls && !*options.https) return;
  const auto& certificate = request_certificate(build, node, "dns", dns_certificate_names(build, node));
  service.certificates.push_back(certificate.id);
  if (options.tls) yaml.list("listen_tls", endpoints(addresses, 853));
  if (*options.https) yaml.list("listen_https", endpoints(addresses, options.https_port));
  yaml.open("tls")
      .value("certificate", certificate.certificate_path)
      .value("key", certificate.key_path)
      .close();
  if (options.tls) service.listens.emplace_back("dns-over-tls 853");
  if (*options.https) service.listens.push_back(fmt::format("dns-over-https {}", options.https_port));
}

}  // namespace lab::plan
