#include <fmt/format.h>

#include "labctl/topology/load.hpp"
#include "labctl/topology/tables.hpp"

namespace lab::topology {

std::string schema() {
  const auto body = table_of(static_cast<const Topology*>(nullptr)).schema();
  return R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"labctl topology",)"
         R"("description":"One file describes one lab: networks, domains, nodes, and what it promises.",)" +
         body.substr(1);
}

std::string reference() {
  std::string page;
  const auto add = [&](const std::string& text) { page += (page.empty() ? "" : "\n") + text; };
  add(table_of(static_cast<const Topology*>(nullptr)).reference());
  add(network_table().reference());
  add(table_of(static_cast<const Impairment*>(nullptr)).reference());
  add(table_of(static_cast<const Domain*>(nullptr)).reference());
  add(table_of(static_cast<const User*>(nullptr)).reference());
  add(table_of(static_cast<const Group*>(nullptr)).reference());
  add(table_of(static_cast<const Policy*>(nullptr)).reference());
  add(table_of(static_cast<const DnsRecords*>(nullptr)).reference());
  add(table_of(static_cast<const MailDomain*>(nullptr)).reference());
  add(table_of(static_cast<const Node*>(nullptr)).reference());
  add(attachment_table().reference());
  add(services_table().reference());
  add(table_of(static_cast<const DirectoryService*>(nullptr)).reference());
  add(table_of(static_cast<const DnsService*>(nullptr)).reference());
  add(table_of(static_cast<const DhcpService*>(nullptr)).reference());
  add(table_of(static_cast<const Scope*>(nullptr)).reference());
  add(reservation_table().reference());
  add(table_of(static_cast<const DhcpRelay*>(nullptr)).reference());
  add(table_of(static_cast<const MailService*>(nullptr)).reference());
  add(table_of(static_cast<const MailPorts*>(nullptr)).reference());
  add(table_of(static_cast<const Promise*>(nullptr)).reference());
  add(table_of(static_cast<const MailPromise*>(nullptr)).reference());
  return page;
}

}  // namespace lab::topology
