// directory.yaml: the domain's tree, its people and groups, for lab-directory.
#include <fmt/format.h>

#include "labctl/plan/build.hpp"
#include "labctl/plan/paths.hpp"
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
    yaml.raw(person.user, line + "}");
  }
  yaml.close();
  yaml.open("groups");
  for (const auto& group : domain->groups)
    yaml.raw(group.name, group->description.empty()
                             ? "{}"
                             : fmt::format("{{description: {}}}", yaml_scalar(group->description)));
  yaml.close();
  yaml.open("aliases");
  for (const auto& alias : domain->aliases) {
    std::vector<std::string> targets;
    for (const auto& target : *alias) targets.push_back(*target);
    yaml.list(alias.name, targets);
  }
  yaml.close();
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
    write_people(yaml, build, *written);

    Service service;
    service.id = service_id(node, "directory");
    service.node = node.name;
    service.kind = "directory";
    const auto config = build.runtime(node.name, "directory/directory.yaml");
    service.argv = {build.program("lab-directory"), "--config", config};
    // Passwords are in it: for its own eyes.
    service.files = {{config, std::move(yaml).text(), 0600, File::Change::Restart},
                     {service_password_path(build, node), password_of(build, "cn=mail@" + domain) + "\n",
                      0600, File::Change::Restart}};
    service.state_folders = {build.state(node.name, "directory")};
    service.runtime_folders = {build.runtime(node.name, "directory")};
    service.certificates = {certificate.id};
    service.listens = {"ldap 389", "ldaps 636"};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
