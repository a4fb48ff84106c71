// mail.yaml, for lab-maild: one post office per domain.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/paths.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/yaml_text.hpp"

namespace lab::plan {

using topology::NodeEntry;

namespace {

/// ldapi://%2Frun%2F…: a URL's host part has no slashes (RFC 4516, RFC 3986 2.1).
std::string ldapi_url(const std::string& path) {
  std::string url = "ldapi://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

/// The servers of a domain's own directory, in the order the mail server on `mail` asks them: the one on its
/// own node over the Unix socket, then the original, then the replicas.
std::vector<std::string> directory_urls(const Build& build, const NodeEntry& mail, const NodeEntry& original,
                                        const std::string& domain) {
  auto servers = topology::directory_replicas(build.topology, domain);
  servers.insert(servers.begin(), &original);
  std::vector<std::string> urls;
  for (const auto* server : servers) {
    const auto socket = ldapi_path(build, *server);
    if (server == &mail && ldapi_reaches(socket))
      urls.insert(urls.begin(), ldapi_url(socket));
    else
      urls.push_back(fmt::format("ldaps://{}:636", fqdn_of(build.topology, *server)));
  }
  return urls;
}

/// The rules of the topology, for a directory that cannot hold them. Those for passwords are its own affair.
void write_rules(YamlText& yaml, const topology::Domain& domain) {
  const auto of = [](topology::Policy policy) {
    policy.passwords.reset();
    return policy_yaml(policy);
  };
  if (const auto rules = of(domain.policy); !rules.empty()) yaml.raw("policy", rules);
  std::vector<std::pair<std::string, std::string>> groups, users;
  for (int order = 0; const auto& group : domain.groups) {
    ++order;
    if (const auto rules = of(group->policy); !rules.empty())
      groups.emplace_back(group.name, fmt::format("{{order: {}, policy: {}}}", order, rules));
  }
  for (const auto& user : domain.users) {
    auto policy = user->policy;
    if (user->quota) policy.quota = user->quota;
    if (const auto rules = of(policy); !rules.empty()) users.emplace_back(user.name, rules);
  }
  for (const auto& [section, list] : {std::pair("groups", &groups), std::pair("users", &users)}) {
    if (list->empty()) continue;
    yaml.open(section);
    for (const auto& [name, rules] : *list) yaml.raw(name, rules);
    yaml.close();
  }
}

/// How the mail server reaches the directory of its domain.
void write_directory(YamlText& yaml, Build& build, const NodeEntry& mail, const NodeEntry& directory,
                     const std::string& domain, const std::string& folder, Service& service) {
  const auto& options = directory->services.directory->value;
  const bool own = options.provider == topology::Provider::Slapd;
  const auto password_path = folder + "/directory.password", ca_path = folder + "/directory.ca.pem";
  yaml.open("directory");
  yaml.list("urls", own ? directory_urls(build, mail, directory, domain) : std::vector{**options.url});
  yaml.value("base", options.base.empty() ? directory_base(domain) : options.base);
  if (options.flavour == topology::Flavour::Ad) yaml.value("flavour", "ad");
  if (options.referrals == topology::Referrals::Follow) yaml.value("referrals", "follow");
  yaml.value("bind_dn", own || options.bind_dn.empty() ? service_dn(domain) : options.bind_dn);
  yaml.value("password_file", password_path);
  yaml.value("ca", options.ca_text.empty() ? build.plan.ca_certificate : ca_path);
  if (!own)
    if (const auto* written = build.topology.domains.find(domain)) write_rules(yaml, **written);
  yaml.close();
  const auto password = own ? password_of(build, "cn=mail@" + domain) : options.bind_password;
  service.files.push_back({password_path, password + "\n", 0600, File::Change::Restart});
  if (!options.ca_text.empty())
    service.files.push_back({ca_path, options.ca_text, 0644, File::Change::Restart});
  if (!own) return;
  service.after.push_back(service_id(directory, "directory"));
  if (mail->services.directory && &mail != &directory) service.after.push_back(service_id(mail, "directory"));
}

void write_listen(YamlText& yaml, const std::vector<IpAddress>& addresses, const topology::MailPorts& ports,
                  Service& service) {
  yaml.open("listen");
  const auto listen = [&](const char* protocol, std::uint16_t port) {
    if (port == 0) return;
    yaml.list(protocol, endpoints(addresses, port));
    service.listens.push_back(fmt::format("{} {}", protocol, port));
  };
  listen("smtp", ports.smtp);
  listen("submission", ports.submission);
  listen("smtps", ports.smtps);
  listen("pop3", ports.pop3);
  listen("pop3s", ports.pop3s);
  listen("imap", ports.imap);
  listen("imaps", ports.imaps);
  yaml.close();
}

void write_aliases(YamlText& yaml, const topology::Named<topology::Domain>& domain) {
  if (domain->aliases.empty()) return;
  yaml.open("aliases");
  for (const auto& alias : domain->aliases) {
    std::vector<std::string> targets;
    for (const auto& target : *alias)
      targets.push_back(target->contains('@') ? *target : *target + "@" + domain.name);
    yaml.list(alias.name, targets);
  }
  yaml.close();
}

}  // namespace

void add_mail(Build& build) {
  const auto& topology = build.topology;
  for (const auto& node : topology.nodes) {
    const auto domain = topology::domain_of(topology, node);
    const auto* written = topology.domains.find(domain);
    const auto* directory = topology::directory_server(topology, domain);
    if (!node->services.mail || !written || !directory) continue;
    const auto& options = node->services.mail->value;
    const auto host = mail_host(topology, domain);
    std::vector<std::string> names = {host};
    if (const auto own = fqdn_of(topology, node); own != host) names.push_back(own);
    for (const auto* name : {"autoconfig.", "autodiscover.", "webmail."}) names.push_back(name + domain);
    const auto& certificate = request_certificate(build, node, "mail", names);

    Service service;
    service.id = service_id(node, "mail");
    service.node = node.name;
    service.kind = "mail";
    const auto folder = build.runtime(node.name, "mail");
    const auto config = folder + "/mail.yaml";
    service.argv = {build.program("lab-maild"), "--config", config};

    YamlText yaml;
    yaml.comment(
        fmt::format("The mail server of {}, for lab-maild. Written by labctl from the topology.", domain));
    yaml.value("hostname", host).value("data", build.state(node.name, "mail"));
    write_listen(yaml, fixed_addresses(topology, node), options.ports, service);
    yaml.open("tls").value("certificate", certificate.certificate_path).value("key", certificate.key_path);
    yaml.value("ca", build.plan.ca_certificate)
        .flag("required", options.tls == topology::TlsPolicy::Required)
        .close();
    std::vector<std::string> resolvers;
    for (const auto& address : topology::resolvers(topology, domain)) resolvers.push_back(address.text());
    if (!resolvers.empty()) yaml.list("dns", resolvers);
    yaml.open("domains").open(domain);
    write_directory(yaml, build, node, *directory, domain, folder, service);
    if (const auto* kerberos = kerberos_server(topology, domain)) {
      yaml.open("kerberos").value("realm", realm_of(domain)).value("keytab", keytab_path(build, node, "mail")).close();
      service.after.push_back(service_id(*kerberos, "kerberos"));
    }
    write_aliases(yaml, *written);
    yaml.flag("welcome", (*written)->mail.welcome);
    yaml.number("max_message", static_cast<std::int64_t>((*written)->mail.max_message.count));
    yaml.close().close();

    service.files.insert(service.files.begin(),
                         {config, std::move(yaml).text(), 0644, File::Change::Restart});
    for (const auto* server : topology::dns_servers(topology, domain))
      service.after.push_back(service_id(*server, "dns"));
    service.state_folders = {build.state(node.name, "mail")};
    service.runtime_folders = {folder};
    service.certificates = {certificate.id};
    build.plan.services.push_back(std::move(service));
  }
}

}  // namespace lab::plan
