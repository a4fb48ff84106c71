// Domains and who serves them; the people in them and their passwords.
#include <fmt/format.h>

#include <algorithm>

#include "labctl/plan/build.hpp"
#include "labctl/plan/secrets.hpp"

namespace lab::plan {

using topology::NodeEntry;
using topology::Topology;

std::string service_id(const NodeEntry& node, std::string_view kind) {
  return node.name + "/" + std::string(kind);
}

std::string fqdn_of(const Topology& topology, const NodeEntry& node) {
  const auto domain = topology::domain_of(topology, node);
  if (domain == topology::kRootDomain) return node.name + ".root-servers";  // beside its own a.root-servers
  return domain.empty() ? node.name : node.name + "." + domain;
}

std::string mail_host(const Topology&, const std::string& domain) { return "mail." + domain; }

std::string directory_base(std::string_view domain) {
  std::string base = "dc=";
  for (const char c : domain) base += c == '.' ? std::string(",dc=") : std::string(1, c);
  return base;
}

std::string service_dn(std::string_view domain) { return "cn=mail,ou=services," + directory_base(domain); }

namespace {

/// A password a person can read aloud and type: two words of syllables and a number, about 36 bits.
std::string pronounceable(const std::function<std::uint32_t()>& random) {
  static constexpr std::string_view kConsonants = "bdfgkmnprstvz", kVowels = "aeiou";
  std::string out;
  for (int syllable = 0; syllable < 4; ++syllable) {
    out += kConsonants[random() % kConsonants.size()];
    out += kVowels[random() % kVowels.size()];
    if (syllable == 1) out += '-';
  }
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out + fmt::format("-{:04}", random() % 10'000);
}

}  // namespace

std::string password_of(Build& build, const std::string& account) {
  auto& known = build.plan.memory.passwords;
  const auto found = known.find(account);
  if (found != known.end()) return found->second;
  return known.emplace(account, pronounceable(build.inputs.random)).first->second;
}

std::string shared_secret(Build& build, const std::string& purpose) {
  auto& known = build.plan.memory.passwords;
  const auto found = known.find(purpose);
  if (found != known.end()) return found->second;
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (int i = 0; i < 42; ++i) text += kDigits[build.inputs.random() % kDigits.size()];
  text += kDigits[build.inputs.random() % 16 * 4];  // 32 bytes end four bits into the last digit
  return known.emplace(purpose, text + "=").first->second;
}

std::string update_key(const std::string& domain) { return domain.empty() ? "dhcp" : "dhcp." + domain; }

void add_domains(Build& build) {
  for (const auto& domain : build.topology.domains) {
    Domain planned;
    planned.name = domain.name;
    planned.base = directory_base(domain.name);
    const auto servers = topology::dns_servers(build.topology, domain.name);
    if (!servers.empty()) planned.dns_node = servers.front()->name;
    if (const auto* node = topology::directory_server(build.topology, domain.name))
      planned.directory_node = node->name;
    if (const auto* node = topology::mail_server(build.topology, domain.name)) {
      planned.mail_node = node->name;
      planned.mail_host = mail_host(build.topology, domain.name);
    }
    build.plan.domains.push_back(std::move(planned));
  }
}

void add_credentials(Build& build) {
  for (const auto& domain : build.topology.domains) {
    for (const auto& user : domain->users) {
      Credential credential;
      credential.domain = domain.name;
      credential.user = user.name;
      credential.name = user->name.empty() ? user.name : user->name;
      credential.generated = !user->password;
      credential.password =
          user->password ? **user->password : password_of(build, user.name + "@" + domain.name);
      credential.mail.push_back(user.name + "@" + domain.name);
      for (const auto& mail : user->mail) {
        auto address = mail->contains('@') ? *mail : *mail + "@" + domain.name;
        if (std::ranges::find(credential.mail, address) == credential.mail.end())
          credential.mail.push_back(std::move(address));
      }
      for (const auto& group : user->groups) credential.groups.push_back(*group);
      build.plan.credentials.push_back(std::move(credential));
    }
  }
}

const CertificateRequest& request_certificate(Build& build, const NodeEntry& node, std::string_view kind,
                                              std::vector<std::string> names) {
  CertificateRequest request;
  request.id = service_id(node, kind);
  request.common_name = names.front();
  request.dns_names = std::move(names);
  for (const auto& address : fixed_addresses(build.topology, node))
    request.addresses.push_back(address.text());
  request.certificate_path = build.state(node.name, fmt::format("tls/{}.crt", kind));
  request.key_path = build.state(node.name, fmt::format("tls/{}.key", kind));
  return build.plan.certificates.emplace_back(std::move(request));
}

}  // namespace lab::plan
