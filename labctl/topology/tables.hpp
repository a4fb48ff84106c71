/// tables -- the keys of a topology file, one table per kind of map (config.hpp). Parser, messages, reference
/// page and JSON schema all come from these rows.
#pragma once
#include "common/config.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::topology {

const config::Table<Topology>& table_of(const Topology*);
const config::Table<Impairment>& table_of(const Impairment*);
const config::Table<Policy>& table_of(const Policy*);
const config::Table<PasswordRules>& table_of(const PasswordRules*);
const config::Table<Group>& table_of(const Group*);
const config::Table<User>& table_of(const User*);
const config::Table<DnsRecords>& table_of(const DnsRecords*);
const config::Table<Spam>& table_of(const Spam*);
const config::Table<MailDomain>& table_of(const MailDomain*);
const config::Table<Domain>& table_of(const Domain*);
const config::Table<Node>& table_of(const Node*);
const config::Table<Scope>& table_of(const Scope*);
const config::Table<ClientClass>& table_of(const ClientClass*);
const config::Table<PrefixPool>& table_of(const PrefixPool*);
const config::Table<DirectoryService>& table_of(const DirectoryService*);
const config::Table<DnsService>& table_of(const DnsService*);
const config::Table<DhcpService>& table_of(const DhcpService*);
const config::Table<DhcpRelay>& table_of(const DhcpRelay*);
const config::Table<MailPorts>& table_of(const MailPorts*);
const config::Table<MailService>& table_of(const MailService*);
const config::Table<MailPromise>& table_of(const MailPromise*);
const config::Table<Promise>& table_of(const Promise*);

// Long forms of what also has a short one.
const config::Table<NetworkSpec>& network_table();
const config::Table<Attachment>& attachment_table();
const config::Table<Reservation>& reservation_table();
const config::Table<Services>& services_table();

}  // namespace lab::topology

namespace lab::config {

template <>
struct EnumNames<topology::DhcpClient> {
  static constexpr std::pair<const char*, topology::DhcpClient> names[] = {
      {"builtin", topology::DhcpClient::Builtin},
      {"udhcpc", topology::DhcpClient::Udhcpc},
      {"dhclient", topology::DhcpClient::Dhclient},
      {"dhcpcd", topology::DhcpClient::Dhcpcd},
      {"networkd", topology::DhcpClient::Networkd}};
};
template <>
struct EnumNames<topology::Ipv6> {
  static constexpr std::pair<const char*, topology::Ipv6> names[] = {{"stateful", topology::Ipv6::Stateful},
                                                                     {"stateless", topology::Ipv6::Stateless},
                                                                     {"slaac", topology::Ipv6::Slaac}};
};
template <>
struct EnumNames<topology::Provider> {
  static constexpr std::pair<const char*, topology::Provider> names[] = {{"slapd", topology::Provider::Slapd},
                                                                         {"ldap", topology::Provider::Ldap}};
};
template <>
struct EnumNames<topology::Flavour> {
  static constexpr std::pair<const char*, topology::Flavour> names[] = {
      {"openldap", topology::Flavour::Openldap}, {"ad", topology::Flavour::Ad}};
};
template <>
struct EnumNames<topology::Referrals> {
  static constexpr std::pair<const char*, topology::Referrals> names[] = {
      {"refuse", topology::Referrals::Refuse}, {"follow", topology::Referrals::Follow}};
};
template <>
struct EnumNames<topology::DnsRole> {
  static constexpr std::pair<const char*, topology::DnsRole> names[] = {
      {"primary", topology::DnsRole::Primary}, {"secondary", topology::DnsRole::Secondary}};
};
template <>
struct EnumNames<topology::DnsUpdate> {
  static constexpr std::pair<const char*, topology::DnsUpdate> names[] = {
      {"dhcp", topology::DnsUpdate::Dhcp}, {"none", topology::DnsUpdate::None}};
};
template <>
struct EnumNames<topology::Guard> {
  static constexpr std::pair<const char*, topology::Guard> names[] = {
      {"off", topology::Guard::Off}, {"alert", topology::Guard::Alert}, {"refuse", topology::Guard::Refuse}};
};
template <>
struct EnumNames<topology::Match> {
  static constexpr std::pair<const char*, topology::Match> names[] = {{"client-id", topology::Match::ClientId},
                                                                      {"mac", topology::Match::Mac}};
};
template <>
struct EnumNames<topology::TlsPolicy> {
  static constexpr std::pair<const char*, topology::TlsPolicy> names[] = {
      {"required", topology::TlsPolicy::Required}, {"optional", topology::TlsPolicy::Optional}};
};
template <>
struct EnumNames<topology::MailProtocol> {
  static constexpr std::pair<const char*, topology::MailProtocol> names[] = {
      {"imap", topology::MailProtocol::Imap},
      {"pop3", topology::MailProtocol::Pop3},
      {"smtp", topology::MailProtocol::Smtp}};
};
template <>
struct EnumNames<topology::Dmarc> {
  static constexpr std::pair<const char*, topology::Dmarc> names[] = {
      {"none", topology::Dmarc::None},
      {"quarantine", topology::Dmarc::Quarantine},
      {"reject", topology::Dmarc::Reject}};
};

// Readers of values that only topologies have; forms.cpp.
#define LAB_TOPOLOGY_READER(Type)                                \
  template <>                                                    \
  struct Reader<Type> {                                          \
    static std::string type();                                   \
    static std::string print(const Type&);                       \
    static std::string schema(Limits);                           \
    static void read(const yaml::Value& v, Type& out, Limits l); \
  };
LAB_TOPOLOGY_READER(topology::Percent)
LAB_TOPOLOGY_READER(topology::Rate)
LAB_TOPOLOGY_READER(topology::NetworkSpec)
LAB_TOPOLOGY_READER(topology::HostAddress)
LAB_TOPOLOGY_READER(topology::Attachment)
LAB_TOPOLOGY_READER(topology::Attachments)
LAB_TOPOLOGY_READER(topology::OptionValues)
LAB_TOPOLOGY_READER(topology::Reservation)
LAB_TOPOLOGY_READER(topology::Services)
#undef LAB_TOPOLOGY_READER

}  // namespace lab::config
