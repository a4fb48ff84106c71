// kdc.yaml, for lab-kdc, and the krb5.conf of every node in a domain with a realm.
#include <fmt/format.h>

#include "labctl/plan/build.hpp"
#include "labctl/plan/paths.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

using topology::NodeEntry;
using topology::Topology;

std::string realm_of(std::string_view domain) {
  std::string realm(domain);
  for (char& c : realm)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return realm;
}

const NodeEntry* kerberos_server(const Topology& topology, const std::string& domain) {
  const auto* server = topology::directory_server(topology, domain);
  return server && server->value.services.directory->value.kerberos ? server : nullptr;
}

std::string krb5_conf(const Topology& topology, const NodeEntry& node) {
  const auto domain = topology::domain_of(topology, node);
  if (!kerberos_server(topology, domain)) return {};
  // The realm's server is not named here: the DNS tells it (SRV), and a student can see that it does.
  return fmt::format(
      "# Written by labctl from the topology.\n"
      "[libdefaults]\n"
      "  default_realm = {0}\n"
      "  dns_lookup_kdc = true\n"
      "  dns_lookup_realm = false\n"
      "  dns_canonicalize_hostname = false\n"
      "  rdns = false\n"
      "  # /tmp is shared with the machine the lab runs on; this is the node's own, and gone with the lab.\n"
      "  default_ccache_name = FILE:/run/krb5cc-{1}\n"
      "[realms]\n"
      "  {0} = {{\n  }}\n"
      "[domain_realm]\n"
      "  .{2} = {0}\n"
      "  {2} = {0}\n",
      realm_of(domain), node.name, domain);
}

std::string kerberos_socket(const Build& build, const NodeEntry& node) {
  return build.runtime(node.name, "kerberos/passwords");
}

std::string keytab_path(const Build& build, const NodeEntry& node, std::string_view kind) {
  return build.runtime(node.name, fmt::format("kerberos/{}.keytab", kind));
}

void add_kerberos(Build& build) {
  const auto& topology = build.topology;
  for (const auto& node : topology.nodes) {
    if (!node->services.directory || !node->services.directory->value.kerberos) continue;
    const auto domain = topology::domain_of(topology, node);
    if (!topology.domains.find(domain)) continue;

    YamlText yaml;
    yaml.comment(
        fmt::format("The Kerberos realm of {}, for lab-kdc. Written by labctl from the topology.", domain));
    yaml.value("realm", realm_of(domain)).value("suffix", directory_base(domain));
    yaml.value("data", build.state(node.name, "kerberos"));
    yaml.value("socket", kerberos_socket(build, node)).value("directory", ldapi_path(build, node));
    yaml.list("listen", endpoints(fixed_addresses(topology, node), 88));
    yaml.open("users");
    for (const auto& person : build.plan.credentials)
      if (person.domain == domain) yaml.value(person.user, person.password);
    yaml.close();

    Service service;
    service.id = service_id(node, "kerberos");
    service.runtime_folders = {build.runtime(node.name, "kerberos")};
    yaml.open("keytabs");
    yaml.raw("directory", fmt::format("{{file: {}, services: [ldap/{}]}}",
                                      yaml_scalar(keytab_path(build, node, "directory")), fqdn_of(topology, node)));
    if (const auto* mail = topology::mail_server(topology, domain)) {
      const auto host = mail_host(topology, domain);
      yaml.raw("mail", fmt::format("{{file: {0}, services: [imap/{1}, smtp/{1}, pop/{1}]}}",
                                   yaml_scalar(keytab_path(build, *mail, "mail")), host));
      if (mail != &node) service.runtime_folders.push_back(build.runtime(mail->name, "kerberos"));
    }
    yaml.close();

    service.node = node.name;
    service.kind = "kerberos";
    const auto config = build.runtime(node.name, "kerberos/kdc.yaml");
    service.argv = {build.program("lab-kdc"), "--config", config};
    service.files = {{config, std::move(yaml).text(), 0600, File::Change::Restart}};
    service.state_folders = {build.state(node.name, "kerberos")};
    service.listens = {"kerberos 88"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
