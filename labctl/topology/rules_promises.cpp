#include <fmt/format.h>

#include <sstream>

#include "labctl/topology/records.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"

namespace lab::topology {

namespace {

void check_question(const Located<std::string>& dns, yaml::Diagnostics& diagnostics) {
  std::istringstream in(*dns);
  std::string name, type, more;
  in >> name >> type >> more;
  if (name.empty() || !more.empty())
    report(diagnostics, dns, fmt::format("'{}' is not a DNS question", *dns),
           "write a name and a type: \"helper.bac MX\"");
  else if (!type.empty() && !is_record_type(type))
    report(diagnostics, dns, fmt::format("unknown record type '{}'", type),
           "such as A, AAAA, MX, NS, TXT, SRV, PTR, CNAME, SOA");
}

/// An address of a mail check must lead to a mailbox of the lab, or the check could never hold.
void check_person(const Topology& topology, const Located<std::string>& address, bool reads,
                  yaml::Diagnostics& diagnostics) {
  if (!address.clean || address.at.line == 0) return;  // reported, or missing and reported
  const auto at = address->find('@');
  if (at == std::string::npos) {
    report(diagnostics, address, fmt::format("'{}' is not a mail address", *address),
           "write it as ali@helper.bac");
    return;
  }
  const auto* domain = topology.domains.find(address->substr(at + 1));
  if (!domain) {
    report_unknown(diagnostics, address.at, "domain", address->substr(at + 1), topology.domains.names());
    return;
  }
  const auto local = address->substr(0, at);
  if ((*domain)->users.find(local) || (reads && (*domain)->aliases.find(local))) return;
  const bool extra = std::ranges::any_of((*domain)->users, [&](const Named<User>& user) {
    return std::ranges::any_of(user->mail,
                               [&](const auto& mail) { return *mail == local || *mail == *address; });
  });
  if (!extra)
    report_unknown(diagnostics, address.at, fmt::format("user of {}", domain->name), local,
                   (*domain)->users.names());
}

}  // namespace

void check_promises(const Topology& topology, yaml::Diagnostics& diagnostics) {
  std::map<std::string, int> names;
  for (const auto& check : topology.checks) {
    const int kinds = check->dns.has_value() + check->mail.has_value() + check->run.has_value();
    if (kinds != 1 && check.clean)
      report(
          diagnostics, check, kinds == 0 ? "this check asks nothing" : "this check asks two things at once",
          kinds == 0 ? "add one of dns:, mail: or run:" : "write a check for each of dns:, mail: and run:");
    if (check->from && check->from->clean && !topology.nodes.find(**check->from))
      report_unknown(diagnostics, check->from->at, "node", **check->from, topology.nodes.names());
    if (check->dns && check->dns->clean) check_question(*check->dns, diagnostics);
    if (check->mail) {
      check_person(topology, check->mail->from, false, diagnostics);
      check_person(topology, check->mail->to, true, diagnostics);
    }
    if (!check->name) continue;
    const auto [other, fresh] = names.emplace(**check->name, check->name->at.line);
    if (!fresh)
      report(diagnostics, *check->name,
             fmt::format("two checks are called '{}' (line {})", **check->name, other->second),
             "points and reports go by the name");
  }
  std::vector<std::string> known;
  for (const auto& [name, line] : names) known.push_back(name);
  for (const auto& points : topology.points)
    if (!names.contains(points.name)) report_unknown(diagnostics, points.at, "check", points.name, known);
}

}  // namespace lab::topology
