#include <fmt/format.h>

#include "labctl/topology/names.hpp"
#include "labctl/topology/records.hpp"
#include "labctl/topology/roles.hpp"
#include "labctl/topology/rules.hpp"

namespace lab::topology {

namespace {

using DomainEntry = Named<Domain>;

bool has_external_directory(const Topology& topology, const std::string& domain) {
  const auto* server = directory_server(topology, domain);
  return server && (*server)->services.directory->value.provider == Provider::Ldap;
}

void check_names(const Topology& topology, const DomainEntry& domain, yaml::Diagnostics& diagnostics) {
  if (const auto bad = check_domain_name(domain.name))
    report(diagnostics, domain, fmt::format("'{}' cannot be a domain: {}", domain.name, bad->reason),
           bad->suggestion.empty() ? "" : fmt::format("'{}' would do", bad->suggestion));
  const auto check = [&](const auto& entry, const char* what, auto check_name) {
    if (const auto bad = check_name(entry.name))
      report(diagnostics, entry,
             fmt::format("'{}' cannot be the name of {}: {}", entry.name, what, bad->reason),
             bad->suggestion.empty() ? "" : fmt::format("'{}' would do", bad->suggestion));
  };
  // Groups of somebody else's directory have the names they have.
  const auto group_name =
      has_external_directory(topology, domain.name) ? check_external_group_name : check_user_name;
  for (const auto& user : domain->users) check(user, "a user", check_user_name);
  for (const auto& group : domain->groups) check(group, "a group", group_name);
  for (const auto& alias : domain->aliases) check(alias, "an alias", check_user_name);
  if (domain->users.size() > static_cast<std::size_t>(Limits::kUsers))
    report(diagnostics, domain,
           fmt::format("{} has {} users; a lab's domain has at most {}", domain.name, domain->users.size(),
                       Limits::kUsers));
}

void check_user(const DomainEntry& domain, const Named<User>& user, yaml::Diagnostics& diagnostics) {
  for (const auto& group : user->groups)
    if (group.clean && !domain->groups.find(*group))
      report_unknown(diagnostics, group.at, "group", *group, domain->groups.names());
  if (user->password && user->password->clean) {
    const auto& password = **user->password;
    constexpr std::size_t kLongest = 128;
    if (password.empty())
      report(diagnostics, *user->password, fmt::format("{}'s password is empty", user.name),
             "an empty password never logs in; leave the key out to have one generated");
    else if (password.size() > kLongest)
      report(diagnostics, *user->password,
             fmt::format("{}'s password is longer than {} characters", user.name, kLongest));
    else if (std::ranges::any_of(password,
                                 [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      report(diagnostics, *user->password,
             fmt::format("{}'s password has a control character nobody can type", user.name));
  }
}

/// Whether following the groups `from` belongs to comes back to `start`.
bool belongs_to(const Domain& domain, const std::string& from, const std::string& start,
                std::set<std::string>& seen) {
  const auto* group = domain.groups.find(from);
  if (!group || !seen.insert(from).second) return false;
  return std::ranges::any_of((*group)->groups, [&](const auto& parent) {
    return *parent == start || belongs_to(domain, *parent, start, seen);
  });
}

void check_group(const DomainEntry& domain, const Named<Group>& group, yaml::Diagnostics& diagnostics) {
  for (const auto& parent : group->groups) {
    if (!parent.clean) continue;
    std::set<std::string> seen;
    if (!domain->groups.find(*parent))
      report_unknown(diagnostics, parent.at, "group", *parent, domain->groups.names());
    else if (*parent == group.name || belongs_to(*domain, *parent, group.name, seen))
      report(diagnostics, parent, fmt::format("the group '{}' would belong to itself", group.name),
             "groups nest, but not in a circle");
  }
}

/// Rules for machines make sense where machines are: in a domain and in groups.
void check_policy(const Policy& policy, yaml::Diagnostics& diagnostics) {
  if (!policy.dns_suffix) return;
  for (const auto& suffix : *policy.dns_suffix)
    if (const auto bad = suffix.clean ? check_domain_name(*suffix) : std::nullopt)
      report(diagnostics, suffix, fmt::format("'{}' cannot be a domain: {}", *suffix, bad->reason),
             bad->suggestion.empty() ? "" : fmt::format("'{}' would do", bad->suggestion));
}

void check_own_policy(const Named<User>& user, yaml::Diagnostics& diagnostics) {
  const auto& policy = user->policy;
  if (policy.dns_suffix || !policy.run.empty() || policy.trust_ca)
    report(diagnostics, user,
           fmt::format("{}'s policy has rules for machines (dns_suffix, run, trust_ca)", user.name),
           "put them into the policy of a group, and the group into a node's 'groups'");
  if (user->quota && policy.quota)
    report(diagnostics, user, fmt::format("{} has a quota and another one in the policy", user.name),
           "leave one of them out");
}

/// The addresses of a domain belong to one person or alias each.
void check_mail_addresses(const DomainEntry& domain, yaml::Diagnostics& diagnostics) {
  std::map<std::string, std::pair<std::string, int>> owner;
  for (const auto& user : domain->users) owner.emplace(user.name, std::pair(user.name, user.at.line));
  for (const auto& user : domain->users) {
    for (const auto& mail : user->mail) {
      if (!mail.clean) continue;
      const auto at = mail->find('@');
      const auto local = mail->substr(0, at);
      if (at != std::string::npos && mail->substr(at + 1) != domain.name) {
        report(diagnostics, mail, fmt::format("{} is not an address of {}", *mail, domain.name),
               fmt::format("write what stands before the @: {}", local));
        continue;
      }
      if (const auto bad = check_user_name(local)) {
        report(diagnostics, mail, fmt::format("'{}' cannot be a mail address: {}", *mail, bad->reason),
               bad->suggestion.empty() ? "" : fmt::format("'{}' would do", bad->suggestion));
        continue;
      }
      const auto [other, fresh] = owner.emplace(local, std::pair(user.name, mail.at.line));
      if (!fresh && (other->second.first != user.name || other->second.second != user.at.line))
        report(diagnostics, mail,
               fmt::format("{}@{} is taken: {} has it (line {})", local, domain.name, other->second.first,
                           other->second.second),
               "an address leads to one mailbox; an alias can lead to several");
    }
  }
  for (const auto& alias : domain->aliases)
    if (const auto other = owner.find(alias.name); other != owner.end())
      report(diagnostics, alias,
             fmt::format("'{}' is already an address of {} (line {})", alias.name, other->second.first,
                         other->second.second),
             "mail would never reach the alias; choose another name");
}

/// Whether following `from` through the aliases comes back to `start`.
bool leads_to(const Domain& domain, const std::string& from, const std::string& start) {
  std::set<std::string> seen;
  std::vector<std::string> open{from};
  while (!open.empty()) {
    const auto name = open.back();
    open.pop_back();
    if (name == start) return true;
    if (!seen.insert(name).second) continue;
    if (const auto* alias = domain.aliases.find(name))
      for (const auto& target : **alias) open.push_back(target->substr(0, target->find('@')));
  }
  return false;
}

void check_alias(const Topology& topology, const DomainEntry& domain,
                 const Named<std::vector<Located<std::string>>>& alias, yaml::Diagnostics& diagnostics) {
  if (alias->empty() && alias.clean)
    report(diagnostics, alias, fmt::format("the alias '{}' leads to nobody", alias.name),
           "name one user or several");
  auto people = domain->users.names();
  for (const auto& other : domain->aliases) people.push_back(other.name);
  for (const auto& target : *alias) {
    if (!target.clean) continue;
    auto name = *target;
    if (const auto at = name.find('@'); at != std::string::npos) {
      const auto other = name.substr(at + 1);
      const auto* known = topology.domains.find(other);
      if (!known) {
        if (const auto bad = check_domain_name(other))
          report(diagnostics, target, fmt::format("'{}' is not a mail address: {}", name, bad->reason));
        continue;  // an address outside the lab is the teacher's own affair
      }
      if (known->name != domain.name) {
        const auto local = name.substr(0, at);
        if (!(*known)->users.find(local) && !(*known)->aliases.find(local))
          report(diagnostics, target, fmt::format("{} has no user '{}'", other, local));
        continue;
      }
      name.resize(at);
    }
    const bool extra = std::ranges::any_of(domain->users, [&](const Named<User>& user) {
      return std::ranges::any_of(
          user->mail, [&](const auto& mail) { return *mail == name || *mail == name + "@" + domain.name; });
    });
    if (!domain->users.find(name) && !domain->aliases.find(name) && !extra)
      report_unknown(diagnostics, target.at, "user", name, people);
    else if (leads_to(*domain, name, alias.name))
      report(diagnostics, target, fmt::format("the alias '{}' leads back to itself", alias.name),
             "an alias ends at a user");
  }
}

}  // namespace

void check_domains(const Topology& topology, yaml::Diagnostics& diagnostics) {
  for (const auto& domain : topology.domains) {
    check_names(topology, domain, diagnostics);
    if (domain.name == kRootDomain && !domain->users.empty())
      report(diagnostics, domain, "nobody lives in the root of the DNS",
             "put the users into a domain below it, such as helper.bac");
    for (const auto& user : domain->users) {
      check_user(domain, user, diagnostics);
      check_own_policy(user, diagnostics);
    }
    check_policy(domain->policy, diagnostics);
    for (const auto& group : domain->groups) {
      check_group(domain, group, diagnostics);
      check_policy(group->policy, diagnostics);
    }
    check_mail_addresses(domain, diagnostics);
    for (const auto& alias : domain->aliases) check_alias(topology, domain, alias, diagnostics);
  }
}

namespace {

/// `www.helper.bac A …` in the domain helper.bac means www.helper.bac.helper.bac: the final dot was
/// forgotten.
bool dot_forgotten(const std::string& name, const std::string& domain) {
  return name.ends_with("." + domain + "." + domain + ".") || name == domain + "." + domain + ".";
}

void check_record(const DomainEntry& domain, const Located<std::string>& text,
                  yaml::Diagnostics& diagnostics) {
  constexpr std::uint32_t kTtl = 300;
  const auto record = parse_record(*text, domain.name, kTtl);
  if (!record) {
    report(diagnostics, text, fmt::format("this is not a DNS record: {}", record.error().reason),
           "write: name [ttl] type data, such as \"www 300 A 192.168.56.20\"");
    return;
  }
  const auto target = record->data.substr(record->data.rfind(' ') + 1);
  std::string forgotten;
  if (dot_forgotten(record->owner, domain.name)) forgotten = "this is a record of " + record->owner;
  if (dot_forgotten(target, domain.name)) forgotten = "this record leads to " + target;
  if (!forgotten.empty()) {
    report(diagnostics, text, forgotten,
           fmt::format("names without a final dot are below {}: end it with a dot, or leave the domain out",
                       domain.name));
  } else if (record->type == "SOA") {
    report(diagnostics, text, "the SOA record is made by labctl, which counts its serial",
           "a zonefile may hold one of its own");
  }
}

/// RFC 1034 3.6.2: a name with a CNAME has no other data.
void check_cnames(const DomainEntry& domain, yaml::Diagnostics& diagnostics) {
  struct Seen {
    bool cname;
    int line;
  };
  std::map<std::string, Seen> owners;
  for (const auto& text : domain->dns.records) {
    const auto record = text.clean ? parse_record(*text, domain.name, 300) : std::unexpected(RecordError{});
    if (!record) continue;
    const bool cname = record->type == "CNAME";
    const auto [other, fresh] = owners.emplace(record->owner, Seen{cname, text.at.line});
    if (!fresh && (cname || other->second.cname))
      report(diagnostics, text,
             fmt::format("{} has a CNAME and other records (line {})", record->owner, other->second.line),
             "a name with a CNAME has nothing else (RFC 1034 3.6.2)");
    else if (cname && (record->owner == domain.name + "." || record->owner == domain.name))
      report(diagnostics, text, "the domain itself cannot be a CNAME",
             "it has SOA and NS records (RFC 1034 3.6.2)");
  }
}

void check_listing(const DomainEntry& domain, const Located<std::string>& entry,
                   yaml::Diagnostics& diagnostics) {
  if (IpAddress::parse(*entry)) return;
  if (const auto network = Network::parse(*entry)) {
    if (network->prefix() == 0)
      report(diagnostics, entry, fmt::format("{} would list everybody", *entry),
             "list what is bad, not the whole internet");
    return;
  }
  if (const auto bad = check_domain_name(*entry); bad || *entry == kRootDomain)
    report(diagnostics, entry,
           fmt::format("{} can list addresses, networks and domains, but not '{}'", domain.name, *entry),
           "such as 192.0.2.7, 198.51.100.0/24 or spam.example");
}

}  // namespace

void check_dns(const Topology& topology, yaml::Diagnostics& diagnostics) {
  for (const auto& domain : topology.domains) {
    if (check_domain_name(domain.name)) continue;  // reported; its records have no meaning
    for (const auto& record : domain->dns.records)
      if (record.clean) check_record(domain, record, diagnostics);
    check_cnames(domain, diagnostics);
    for (const auto& entry : domain->dns.dnsbl)
      if (entry.clean) check_listing(domain, entry, diagnostics);
    const auto& zonefile = domain->dns.zonefile_text;
    if (!domain->dns.zonefile || zonefile.text.empty()) continue;
    if (const auto zone = parse_zonefile(zonefile.text, domain.name, 300); !zone)
      report(diagnostics, *domain->dns.zonefile,
             fmt::format("{}: {}", zonefile.where(zone.error().line), zone.error().reason));
  }
}

}  // namespace lab::topology
