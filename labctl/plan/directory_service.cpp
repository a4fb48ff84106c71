// directory.yaml: the domain's tree, its people and groups, for lab-directory.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/paths.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

namespace {

/// A replica's first start copies the whole tree, from a server that may be starting itself.
constexpr std::chrono::milliseconds kFirstCopy{30'000};

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

namespace {

std::string copier_dn(const std::string& domain) {
  return "cn=replica,ou=services," + directory_base(domain);
}

/// A program's account in the directory's configuration, its password in a file of its own.
void write_account(YamlText& yaml, Build& build, Service& service, const char* key, const std::string& dn,
                   const std::string& path, const std::string& account) {
  yaml.open(key).value("dn", dn).value("password_file", path).close();
  service.files.push_back({path, password_of(build, account) + "\n", 0600, File::Change::Restart});
}

void add_directory_of(Build& build, const topology::NodeEntry& node,
                      const topology::Named<topology::Domain>& domain) {
  const auto& options = node->services.directory->value;
  const auto& certificate = request_certificate(build, node, "directory", {fqdn_of(build.topology, node)});
  const auto addresses = fixed_addresses(build.topology, node);
  Service service;
  service.id = service_id(node, "directory");
  service.node = node.name;
  service.kind = "directory";

  YamlText yaml;
  yaml.comment(fmt::format("The directory of {}, for lab-directory. Written by labctl from the topology.",
                           domain.name));
  yaml.value("domain", domain.name).value("suffix", directory_base(domain.name));
  yaml.value("data", build.state(node.name, "directory/" + domain.name));
  yaml.open("listen").list("ldap", endpoints(addresses, 389)).list("ldaps", endpoints(addresses, 636));
  yaml.value("ldapi", ldapi_path(build, node)).close();
  yaml.open("tls").value("certificate", certificate.certificate_path).value("key", certificate.key_path);
  yaml.value("ca", build.plan.ca_certificate).close();
  if (options.replica_of) {
    const auto* original = build.topology.nodes.find(**options.replica_of);
    // By address, which its certificate has too: a copy needs no name server, whose names may be in it.
    yaml.value("replica_of", "ldaps://" + endpoints({*topology::main_address(*original)}, 636).front());
    service.after = {service_id(*original, "directory")};
    service.ready_within = kFirstCopy;
  } else {
    write_account(yaml, build, service, "service", service_dn(domain.name),
                  service_password_path(build, node), "cn=mail@" + domain.name);
  }
  if (options.replica_of || !topology::directory_replicas(build.topology, domain.name).empty())
    write_account(yaml, build, service, "replication", copier_dn(domain.name),
                  build.runtime(node.name, "directory/replica.password"), "cn=replica@" + domain.name);
  if (options.kerberos) {
    yaml.open("kerberos")
        .value("realm", realm_of(domain.name))
        .value("host", fqdn_of(build.topology, node))
        .value("keytab", keytab_path(build, node, "directory"))
        .value("socket", kerberos_socket(build, node))
        .close();
    service.after.push_back(service_id(node, "kerberos"));
  }
  if (!options.replica_of) {
    write_people(yaml, build, domain);
    if (const auto rules = policy_yaml(domain->policy); !rules.empty()) yaml.raw("policy", rules);
    const auto computers = build.runtime(node.name, "directory/computers.yaml");
    yaml.value("computers_file", computers);
    YamlText machines;
    machines.comment(fmt::format("The machines of {}. Written by labctl from the topology.", domain.name));
    write_computers(machines, build, domain.name);
    // One more client is no reason to send everybody away: it is entered at the next start.
    service.files.push_back({computers, std::move(machines).text(), 0644, File::Change::Keep});
  }

  const auto config = build.runtime(node.name, "directory/directory.yaml");
  service.argv = {build.program("lab-directory"), "--config", config};
  if (options.certificates) {
    auto& commands = std::ranges::find(build.plan.nodes, node.name, &Node::name)->run;
    commands.push_back(certify_command(build, service));
  }
  // Passwords are in it: for its own eyes.
  service.files.insert(service.files.begin(), {config, std::move(yaml).text(), 0600, File::Change::Restart});
  service.state_folders = {build.state(node.name, "directory")};
  service.runtime_folders = {build.runtime(node.name, "directory")};
  service.certificates = {certificate.id};
  service.listens = {"ldap 389", "ldaps 636"};
  build.plan.services.push_back(std::move(service));
}

}  // namespace

void add_directory(Build& build) {
  for (const auto& node : build.topology.nodes) {
    if (!node->services.directory || node->services.directory->value.provider != topology::Provider::Slapd)
      continue;
    const auto* written = build.topology.domains.find(topology::domain_of(build.topology, node));
    if (written) add_directory_of(build, node, *written);
  }
}

}  // namespace lab::plan
