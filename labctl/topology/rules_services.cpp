#include <fmt/format.h>

#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"

namespace lab::topology {

namespace {

/// Calls `f(place, name)` for each service of a node.
template <class F>
void each_service(const Services& s, F f) {
  if (s.directory) f(*s.directory, "directory");
  if (s.dns) f(*s.dns, "dns");
  if (s.dhcp) f(*s.dhcp, "dhcp");
  if (s.relay) f(*s.relay, "dhcp-relay");
  if (s.mail) f(*s.mail, "mail");
}

void check_address(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (main_address(node) || !node.clean || node->networks.empty()) return;
  const auto& network = node->networks.begin()->name;
  each_service(node->services, [&](const auto& service, const char* name) {
    report(diagnostics, service, fmt::format("{} runs {} but has no fixed address", node->group, name),
           fmt::format("give it one: networks: {{{}: an address}}", network));
  });
}

void check_domain(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (node->domain || only_domain(topology)) return;
  each_service(node->services, [&](const auto& service, std::string_view name) {
    if (name != "directory" && name != "mail") return;
    if (topology.domains.empty())
      report(diagnostics, service, fmt::format("{} has no domain to run {} for", node->group, name),
             "add one: domains: {helper.bac: {users: {ali: {}}}}");
    else
      report(diagnostics, service, fmt::format("for which domain does {} run {}?", node->group, name),
             fmt::format("add a line to {}: domain: {}", node->group, topology.domains.begin()->name));
  });
}

/// At most one node of a domain does `has`; what would two mean?
template <class Has, class Place>
void check_single(const Topology& topology, const Named<Domain>& domain, const char* what, Has has,
                  Place place, const char* remedy, yaml::Diagnostics& diagnostics) {
  const NodeEntry* first = nullptr;
  for (const auto& node : topology.nodes) {
    if (!has(node->services) || !main_address(node) || domain_of(topology, node) != domain.name) continue;
    if (first)
      report(diagnostics, place(node->services),
             fmt::format("two {} for {}: {} (line {}) and {} (line {})", what, domain.name, first->name,
                         place(first->value.services).at.line, node.name, place(node->services).at.line),
             remedy);
    else
      first = &node;
  }
}

void check_root(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->domain || **node->domain != kRootDomain) return;
  each_service(node->services, [&](const auto& service, std::string_view name) {
    if (name == "dns" || name == "dhcp-relay") return;
    report(diagnostics, service,
           fmt::format("{} serves the root of the DNS, which has no {}", node->group, name),
           "a root server runs dns; give the other services a domain of their own");
  });
}

void check_mail(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  const auto domain = domain_of(topology, node);
  if (!node->services.mail || domain.empty() || directory_server(topology, domain)) return;
  report(diagnostics, *node->services.mail,
         fmt::format("mail on {} asks the directory of {} who may log in, and no node runs it", node.name,
                     domain),
         fmt::format("add it: services: [directory, {}]", fmt::join(node->services.names(), ", ")));
}

void check_dns_ports(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->services.dns || !node->services.mail) return;
  const auto& dns = node->services.dns->value;
  const auto port = node->services.mail->value.ports.https;
  if (*dns.https && port == dns.https_port)
    report(
        diagnostics, dns.https,
        fmt::format("DNS over HTTPS and the mail server's https are both at port {} of {}", port, node.name),
        "move one of them: https_port: 8443");
}

/// What only makes sense for a server that is not ours.
bool options_of_external_on(const Located<DirectoryService>& directory) {
  const DirectoryService& d = *directory;
  return d.provider == Provider::Slapd && directory.clean &&
         (!d.bind_dn.empty() || !d.bind_password.empty() || !d.base.empty() || d.ca ||
          d.flavour != Flavour::Openldap || d.referrals != Referrals::Refuse);
}

/// A replica copies the directory of another node of the same domain.
void check_replica(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->services.directory || !(*node->services.directory)->replica_of) return;
  const auto& of = *(*node->services.directory)->replica_of;
  if (!of.clean) return;
  if ((*node->services.directory)->provider == Provider::Ldap)
    return report(diagnostics, of, "an external directory cannot be a replica of the lab's own",
                  "leave provider and url out");
  const auto* original = topology.nodes.find(*of);
  if (!original) return report_unknown(diagnostics, of.at, "node", *of, topology.nodes.names());
  if (!original->clean) return;
  const auto domain = domain_of(topology, node);
  const auto* server = directory_server(topology, domain);
  if (original == &node)
    report(diagnostics, of, fmt::format("{} cannot be a replica of itself", node.name),
           "name the node that runs the directory");
  else if (!(*original)->services.directory || (*(*original)->services.directory)->provider == Provider::Ldap)
    report(diagnostics, of, fmt::format("{} has no directory of its own to copy", *of),
           fmt::format("add it there: services: [{}]", fmt::join(
                                                           [&] {
                                                             auto names = (*original)->services.names();
                                                             names.insert(names.begin(), "directory");
                                                             return names;
                                                           }(),
                                                           ", ")));
  else if ((*(*original)->services.directory)->replica_of)
    report(diagnostics, of, fmt::format("{} is a replica itself", *of), "name the node it is a replica of");
  else if (server != original)
    report(diagnostics, of,
           fmt::format("{} has the directory of {}, but {} is in {}", *of, domain_of(topology, *original),
                       node.name, domain),
           fmt::format("add a line to {}: domain: {}", node->group, domain_of(topology, *original)));
}

void check_directory(const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->services.directory) return;
  const auto& directory = *node->services.directory;
  const auto& url = directory->url;
  if (directory->provider == Provider::Ldap && !url && directory.clean)
    report(diagnostics, directory, "an external directory needs its url", "add url: ldaps://dc1.example.org");
  if (directory->provider == Provider::Slapd && url)
    report(diagnostics, *url, "slapd is the lab's own directory and has no url",
           "for an external one add provider: ldap");
  if (options_of_external_on(directory))
    report(diagnostics, directory,
           "bind_dn, bind_password, base, ca, flavour and referrals are of an external directory",
           "for one add provider: ldap and its url; leave them out for the lab's own");
  if (url && url->clean && !(*url)->starts_with("ldap://") && !(*url)->starts_with("ldaps://"))
    report(diagnostics, *url, fmt::format("'{}' is not the URL of a directory", **url),
           "it begins with ldaps:// or ldap://");
  if (directory->provider == Provider::Ldap && (directory->kerberos || directory->certificates))
    report(diagnostics, directory, "kerberos and certificates need the lab's own directory",
           "an external directory has a realm and an authority of its own");
  if (directory->replica_of && (directory->kerberos || directory->certificates))
    report(diagnostics, directory, "kerberos and certificates belong to the original, not to a replica",
           "move them to the node it copies");
}

/// The names a domain's servers answer to belong to them.
void check_reserved_names(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  const auto domain = domain_of(topology, node);
  if (domain.empty()) return;
  const auto* mail = mail_server(topology, domain);
  const auto servers = dns_servers(topology, domain);
  const auto taken = [&](const NodeEntry& server, const char* what) {
    report(diagnostics, node,
           fmt::format("{}.{} is the name of the domain's {} on {}", node.name, domain, what, server.name),
           "choose another name for the node");
  };
  for (const auto* name : {"mail", "autoconfig", "autodiscover", "webmail"})
    if (node.name == name && mail && mail != &node) taken(*mail, "mail server");
  if (node.name == "ns" && !servers.empty() && servers.front() != &node)
    taken(*servers.front(), "name server");
}

void check_transfer(const Topology& topology, const NodeEntry& node, yaml::Diagnostics& diagnostics) {
  if (!node->services.dns) return;
  const auto& dns = node->services.dns->value;
  if (*dns.transfer_tls && !dns.tls)
    report(diagnostics, dns.transfer_tls,
           fmt::format("zones cannot leave {} over TLS, which it does not speak", node.name),
           "leave 'tls: false' out");
  if (*dns.transfer_tls && dns.role == DnsRole::Secondary)
    report(diagnostics, dns.transfer_tls,
           fmt::format("{} is a secondary: it fetches zones as its primary gives them", node.name),
           "write 'transfer_tls' at the primary");
  for (const auto& other : node->services.dns->value.allow_transfer)
    if (other.clean && !topology.nodes.find(*other) && !IpAddress::parse(*other) && !Network::parse(*other))
      report_unknown(diagnostics, other.at, "node", *other, topology.nodes.names());
}

}  // namespace

void check_services(const Topology& topology, yaml::Diagnostics& diagnostics) {
  const bool whole =
      std::ranges::all_of(topology.nodes, &NodeEntry::clean);  // else what seems absent may be misspelt
  for (const auto& node : topology.nodes) {
    if (node->index > 1) continue;
    if (node->count && !node->services.none())
      each_service(node->services, [&](const auto& service, const char* name) {
        report(diagnostics, service,
               fmt::format("{} nodes cannot all run {}: a server has its own address", **node->count, name),
               "write a node without count for it");
      });
    else
      check_address(node, diagnostics);
    check_domain(topology, node, diagnostics);
    check_root(node, diagnostics);
    if (whole) check_mail(topology, node, diagnostics);
    check_directory(node, diagnostics);
    check_dns_ports(node, diagnostics);
    if (whole) check_replica(topology, node, diagnostics);
    check_reserved_names(topology, node, diagnostics);
    check_transfer(topology, node, diagnostics);
  }
  for (const auto& domain : topology.domains) {
    check_single(
        topology, domain, "mail servers", [](const Services& s) { return s.mail.has_value(); },
        [](const Services& s) -> const auto& { return *s.mail; }, "one per domain", diagnostics);
    check_single(
        topology, domain, "directories",
        [](const Services& s) { return s.directory && !s.directory->value.replica_of; },
        [](const Services& s) -> const auto& { return *s.directory; },
        "one per domain; the others have replica_of: it", diagnostics);
    check_single(
        topology, domain, "primary name servers",
        [](const Services& s) { return s.dns && s.dns->value.role == DnsRole::Primary; },
        [](const Services& s) -> const auto& { return *s.dns; }, "the others have `role: secondary`",
        diagnostics);
  }
}

}  // namespace lab::topology
