// directory.yaml: the domain's tree, its people and groups, for lab-directory.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/paths.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

namespace {

void write_people(YamlText& yaml, const Build& build, const topology::Named<topology::Domain>& domain) {
  yaml.open("users");
  for (const auto& person : build.plan.credentials) {
    if (person.domain != domain.name) continue;
    const auto& user = domain->users.find(person.user)->value;
    std::string line = fmt::format("{{name: {}, password: {}, mail: {}", yaml_scalar(person.name),
                                   yaml_scalar(person.password), yaml_list(person.mail));
    if (!person.groups.empty()) line += fmt::format(", groups: {}", yaml_list(person.groups));
    if (user.quota) line += fmt::format(", quota: {}", user.quota->count);
    if (const auto rules = policy_yaml(user.policy); !rules.empty()) line += ", policy: " + rules;
    yaml.raw(person.user, line + "}");
  }
  yaml.close();
  yaml.open("groups");
  int order = 0;
  for (const auto& group : domain->groups) {
    auto line = fmt::format("{{order: {}", ++order);
    if (!group->description.empty()) line += ", description: " + yaml_scalar(group->description);
    std::vector<std::string> parents;
    for (const auto& parent : group->groups) parents.push_back(*parent);
    if (!parents.empty()) line += ", groups: " + yaml_list(parents);
    if (const auto rules = policy_yaml(group->policy); !rules.empty()) line += ", policy: " + rules;
    yaml.raw(group.name, line + "}");
  }
  yaml.close();
  yaml.open("aliases");
  for (const auto& alias : domain->aliases) {
    std::vector<std::string> targets;
    for (const auto& target : *alias) targets.push_back(*target);
    yaml.list(alias.name, targets);
  }
  yaml.close();
}

/// The domain's machines that nobody's services run on: what a class logs in at.
void write_computers(YamlText& yaml, const Build& build, const std::string& domain) {
  yaml.open("computers");
  for (const auto& node : build.topology.nodes) {
    if (!node->is_client() || topology::domain_of(build.topology, node) != domain) continue;
    std::vector<std::string> macs, addresses, groups;
    for (const auto& interface : build.plan.node(node.name)->interfaces) macs.push_back(interface.mac.text());
    for (const auto& address : fixed_addresses(build.topology, node)) addresses.push_back(address.text());
    for (const auto& group : node->groups) groups.push_back(*group);
    auto line = fmt::format("{{description: {}, macs: {}", yaml_scalar(fqdn_of(build.topology, node)),
                            yaml_list(macs));
    if (!addresses.empty()) line += ", addresses: " + yaml_list(addresses);
    if (!groups.empty()) line += ", groups: " + yaml_list(groups);
    yaml.raw(node.name, line + "}");
  }
  yaml.close();
}

/// Makes everybody's certificate once the lab is up, without being in the way of anybody: keys take a while.
std::string certify_command(const Build& build, const Service& directory) {
  const auto folder = build.inputs.paths.state + "/ca";
  return fmt::format("nice -n 19 '{}' certify --config '{}' --ca '{}' --ca-key '{}' --folder '{}/users'",
                     directory.argv[0], directory.argv[2], build.plan.ca_certificate, build.plan.ca_key, folder);
}

}  // namespace

std::string ldapi_path(const Build& build, const topology::NodeEntry& node) {
  return build.runtime(node.name, "ldapi");
}

bool ldapi_reaches(const std::string& path) {
  constexpr std::size_t kSocketPath = 107;  // unix(7): sun_path with its final zero
  return path.size() <= kSocketPath;
}

std::string service_password_path(const Build& build, const topology::NodeEntry& node) {
  return build.runtime(node.name, "directory/mail.password");
}

void add_directory(Build& build) {
  for (const auto& node : build.topology.nodes) {
    if (!node->services.directory || node->services.directory->value.provider != topology::Provider::Slapd)
      continue;
    const auto domain = topology::domain_of(build.topology, node);
    const auto* written = build.topology.domains.find(domain);
    if (!written) continue;
    const auto& options = node->services.directory->value;
    const auto& certificate = request_certificate(build, node, "directory", {fqdn_of(build.topology, node)});
    const auto addresses = fixed_addresses(build.topology, node);

    YamlText yaml;
    yaml.comment(
        fmt::format("The directory of {}, for lab-directory. Written by labctl from the topology.", domain));
    yaml.value("domain", domain).value("suffix", directory_base(domain));
    yaml.value("data", build.state(node.name, "directory/" + domain));
    yaml.open("listen").list("ldap", endpoints(addresses, 389)).list("ldaps", endpoints(addresses, 636));
    yaml.value("ldapi", ldapi_path(build, node)).close();
    yaml.open("tls").value("certificate", certificate.certificate_path).value("key", certificate.key_path);
    yaml.value("ca", build.plan.ca_certificate).close();
    yaml.open("service")
        .value("dn", service_dn(domain))
        .value("password_file", service_password_path(build, node))
        .close();
    if (options.kerberos)
      yaml.open("kerberos")
          .value("realm", realm_of(domain))
          .value("host", fqdn_of(build.topology, node))
          .value("keytab", keytab_path(build, node, "directory"))
          .value("socket", kerberos_socket(build, node))
          .close();
    write_people(yaml, build, *written);
    const auto computers = build.runtime(node.name, "directory/computers.yaml");
    yaml.value("computers_file", computers);
    if (const auto rules = policy_yaml((*written)->policy); !rules.empty()) yaml.raw("policy", rules);

    Service service;
    service.id = service_id(node, "directory");
    service.node = node.name;
    service.kind = "directory";
    const auto config = build.runtime(node.name, "directory/directory.yaml");
    service.argv = {build.program("lab-directory"), "--config", config};
    YamlText machines;
    machines.comment(fmt::format("The machines of {}. Written by labctl from the topology.", domain));
    write_computers(machines, build, domain);
    // Passwords are in it: for its own eyes.
    service.files = {{config, std::move(yaml).text(), 0600, File::Change::Restart},
                     // One more client is no reason to send everybody away: it is entered at the next start.
                     {computers, std::move(machines).text(), 0644, File::Change::Keep},
                     {service_password_path(build, node), password_of(build, "cn=mail@" + domain) + "\n",
                      0600, File::Change::Restart}};
    service.state_folders = {build.state(node.name, "directory")};
    service.runtime_folders = {build.runtime(node.name, "directory")};
    service.certificates = {certificate.id};
    if (options.kerberos) service.after = {service_id(node, "kerberos")};
    if (options.certificates) {
      auto& commands = std::ranges::find(build.plan.nodes, node.name, &Node::name)->run;
      commands.push_back(certify_command(build, service));
    }
    service.listens = {"ldap 389", "ldaps 636"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
