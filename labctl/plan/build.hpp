/// build -- the steps make_plan takes, one per file. Each reads the topology and what earlier steps put into
/// the plan, and adds its own part.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "labctl/plan/plan.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::plan {

struct Build {
  const topology::Topology& topology;
  const PlanInputs& inputs;
  Plan& plan;

  std::string state(std::string_view node, std::string_view what) const {
    return inputs.paths.state + "/" + std::string(node) + "/" + std::string(what);
  }
  std::string runtime(std::string_view node, std::string_view what) const {
    return inputs.paths.runtime + "/" + std::string(node) + "/" + std::string(what);
  }
  std::string program(std::string_view name) const { return inputs.paths.bin + "/" + std::string(name); }
};

void add_networks(Build& build);
void add_nodes(Build& build);        ///< interfaces, routes, /etc; after add_networks
void add_credentials(Build& build);  ///< passwords, remembered or made
void add_domains(Build& build);
void add_kerberos(Build& build);   ///< realms; before add_directory, which tells them of passwords
void add_directory(Build& build);
void add_dns(Build& build);
void add_dhcp(Build& build);
void add_relays(Build& build);
void add_advertisers(Build& build);  ///< IPv6 routers say that they are there
void add_mail(Build& build);     ///< after add_directory: it knows the socket
void add_clients(Build& build);  ///< after the services they wait for
void add_checks(Build& build);
void add_hints(Build& build);
void add_notices(Build& build);

/// 64-bit FNV-1a: the same text gives the same number on every machine and in every version.
std::uint64_t digest(std::string_view text);

/// "srv/dns"
std::string service_id(const topology::NodeEntry& node, std::string_view kind);
/// "srv.helper.bac"
std::string fqdn_of(const topology::Topology& topology, const topology::NodeEntry& node);
/// The name mail of a domain is fetched from and sent to: "mail.helper.bac".
std::string mail_host(const topology::Topology& topology, const std::string& domain);
/// "dc=helper,dc=bac" (RFC 2247)
std::string directory_base(std::string_view domain);
/// The account the mail server looks people up with: "cn=mail,ou=services,dc=helper,dc=bac".
std::string service_dn(std::string_view domain);
/// The domain's Kerberos realm, by custom its name in capitals (RFC 4120 6.1).
std::string realm_of(std::string_view domain);
/// The directory server of a domain that has a realm, or none.
const topology::NodeEntry* kerberos_server(const topology::Topology& topology, const std::string& domain);
/// krb5.conf(5) of a node; empty where its domain has no realm.
std::string krb5_conf(const topology::Topology& topology, const topology::NodeEntry& node);
/// Where slapd tells lab-kdc of changed passwords.
std::string kerberos_socket(const Build& build, const topology::NodeEntry& node);
/// The keys of a daemon's services.
std::string keytab_path(const Build& build, const topology::NodeEntry& node, std::string_view kind);
/// A node's fixed addresses, in the order of its networks; IPv4 before IPv6.
std::vector<IpAddress> fixed_addresses(const topology::Topology& topology, const topology::NodeEntry& node);
/// "192.168.56.10:53" for each of them.
std::vector<std::string> endpoints(const std::vector<IpAddress>& addresses, std::uint16_t port);
/// The interface of a node on a network: "eth0".
std::string interface_on(const topology::NodeEntry& node, std::string_view network);
/// Hardware address of a node on a network, as planned.
MacAddress planned_mac(const Plan& plan, std::string_view node, std::string_view network);
/// The password of an account, remembered or made anew.
std::string password_of(Build& build, const std::string& account);
/// Where the certificate of a service is; asks for it.
const CertificateRequest& request_certificate(Build& build, const topology::NodeEntry& node,
                                              std::string_view kind, std::vector<std::string> names);

}  // namespace lab::plan
