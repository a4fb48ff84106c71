#include "directory/flavour.hpp"

#include <ldap.h>

#include <charconv>

#include "directory/dn.hpp"
#include "directory/policy.hpp"

namespace lab::directory {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// "ali@helper.bac" taken apart; `domain` is empty where there is no '@'.
struct Name {
  std::string_view local, domain;
  explicit Name(std::string_view name) : local(name.substr(0, name.rfind('@'))) {
    if (local.size() < name.size()) domain = name.substr(local.size() + 1);
  }
};

std::string equals(std::string_view attribute, std::string_view value) {
  return fmt::format("({}={})", attribute, escape_filter(value));
}

/// What finds a person by an address, or by a login name.
std::string person_filter(Flavour flavour, const std::string& base, std::string_view name) {
  const bool ad = flavour == Flavour::ActiveDirectory;
  const auto* login = ad ? "sAMAccountName" : "uid";
  const Name parts(name);
  std::string any;
  if (parts.domain.empty()) {
    // HELPER\ali: the domain part is for servers of a forest with several; here there is one.
    const auto slash = ad ? name.rfind('\\') : std::string_view::npos;
    any = equals(login, slash == std::string_view::npos ? name : name.substr(slash + 1));
  } else {
    any = equals("mail", name);
    if (ad) any += equals("userPrincipalName", name) + equals("proxyAddresses", "smtp:" + std::string(name));
    // login@domain is an address of hers even where she has others.
    if (same_name(parts.domain, domain_of_dn(base))) any += equals(login, parts.local);
  }
  return fmt::format("(&{}(|{}))",
                     ad ? "(objectCategory=person)(objectClass=user)" : "(objectClass=inetOrgPerson)", any);
}

Search search_for(Flavour flavour, const std::string& base, std::string filter) {
  Search s;
  s.base = base;
  s.filter = std::move(filter);
  if (flavour == Flavour::ActiveDirectory)
    s.attributes = {"sAMAccountName", "displayName", "cn",         "mail",
                    "proxyAddresses", "memberOf",    "objectClass"};
  else
    s.attributes = {"displayName", "mail", "rfc822MailMember", "objectClass", "pwdAccountLockedTime"};
  if (flavour == Flavour::OpenLdap)
    s.attributes.insert(s.attributes.end(), policy_attributes().begin(), policy_attributes().end());
  s.size_limit = 8;  // one is expected; a few more tell a broken tree from a found person
  return s;
}

bool has_value(const Entry& entry, std::string_view attribute, std::string_view value) {
  auto& values = entry.values(attribute);
  return std::any_of(values.begin(), values.end(), [&](auto& v) { return same_name(v, value); });
}

/// Active Directory tells the reason of a refused bind in hexadecimal, after "data" (MS-ERREF).
Authentication::Outcome ad_reason(std::string_view diagnostic) {
  using Outcome = Authentication::Outcome;
  const auto at = diagnostic.find("data ");
  if (at == std::string_view::npos) return Outcome::WrongPassword;
  const auto code = diagnostic.substr(at + 5, 3);
  if (code == "525") return Outcome::UnknownUser;
  if (code == "533" || code == "775" || code == "530" || code == "531") return Outcome::Locked;
  if (code == "532" || code == "701") return Outcome::Expired;
  if (code == "773") return Outcome::MustChangePassword;
  return Outcome::WrongPassword;
}

}  // namespace

Search search_login(Flavour flavour, const std::string& base, std::string_view name) {
  return search_for(flavour, base, person_filter(flavour, base, name));
}

Search search_address(Flavour flavour, const std::string& base, std::string_view address) {
  auto person = person_filter(flavour, base, address);
  if (flavour == Flavour::ActiveDirectory) return search_for(flavour, base, std::move(person));
  const Name parts(address);
  auto names = equals("cn", address);
  if (same_name(parts.domain, domain_of_dn(base))) names += equals("cn", parts.local);
  return search_for(flavour, base, fmt::format("(|{}(&(objectClass=nisMailAlias)(|{})))", person, names));
}

const Entry* best_match(Flavour flavour, const std::vector<Entry>& entries, std::string_view name) {
  const Entry* best = nullptr;
  int best_rank = 0;
  for (auto& entry : entries) {
    const bool mine =
        has_value(entry, "mail", name) || (flavour == Flavour::ActiveDirectory &&
                                           has_value(entry, "proxyAddresses", "smtp:" + std::string(name)));
    const int rank = mine ? 3 : is_alias(entry) ? 1 : 2;
    if (rank > best_rank) {
      best = &entry;
      best_rank = rank;
    }
  }
  return best;
}

bool is_alias(const Entry& entry) { return has_value(entry, "objectClass", "nisMailAlias"); }

User user_of(Flavour flavour, const Entry& entry) {
  const bool ad = flavour == Flavour::ActiveDirectory;
  User user;
  user.dn = entry.dn;
  user.uid = lower(entry.first(ad ? "sAMAccountName" : "uid"));
  user.display_name = entry.first("displayName");
  if (user.display_name.empty()) user.display_name = entry.first("cn");
  if (user.display_name.empty()) user.display_name = user.uid;
  for (auto& address : entry.values("mail")) user.addresses.push_back(lower(address));
  if (ad)
    for (auto& proxy : entry.values("proxyAddresses"))
      if (same_name(std::string_view(proxy).substr(0, 5), "smtp:"))
        if (auto address = lower(std::string_view(proxy).substr(5));
            std::find(user.addresses.begin(), user.addresses.end(), address) == user.addresses.end())
          user.addresses.push_back(std::move(address));
  for (auto& group : entry.values("memberOf")) user.groups.push_back(leaf_of_dn(group));
  std::sort(user.groups.begin(), user.groups.end());
  const auto quota = entry.first("labMailQuota");
  std::uint64_t bytes = 0;
  if (!quota.empty() && std::from_chars(quota.data(), quota.data() + quota.size(), bytes).ec == std::errc{})
    user.quota = bytes;
  // draft-behera-ldap-password-policy 5.3.3: this time means "until an administrator unlocks".
  user.locked = entry.first("pwdAccountLockedTime") == "000001010000Z";
  return user;
}

Search search_policies(const std::string& base) {
  Search s;
  s.base = base;
  s.filter = kPolicyFilter;
  s.attributes = policy_attributes();
  return s;
}

Authentication judge_bind(Flavour flavour, const Reply& reply) {
  using Outcome = Authentication::Outcome;
  Authentication a;
  a.why = reply.ok() ? std::string() : reply.text();
  switch (reply.code) {
    case LDAP_SUCCESS:
      a.outcome = reply.policy == PolicyError::ChangeAfterReset ? Outcome::MustChangePassword : Outcome::Ok;
      if (a.outcome != Outcome::Ok) a.why = "the password must be changed first";
      break;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:  // the entry has no password at all
      a.outcome = flavour == Flavour::ActiveDirectory            ? ad_reason(reply.diagnostic)
                  : reply.policy == PolicyError::AccountLocked   ? Outcome::Locked
                  : reply.policy == PolicyError::PasswordExpired ? Outcome::Expired
                                                                 : Outcome::WrongPassword;
      break;
    case LDAP_NO_SUCH_OBJECT: a.outcome = Outcome::UnknownUser; break;  // deleted since the look-up
    default: a.outcome = Outcome::Unavailable;
  }
  return a;
}

std::string leaf_of_dn(std::string_view dn) {
  const auto equal = dn.find('=');
  if (equal == std::string_view::npos) return {};
  std::string value;
  for (std::size_t i = equal + 1; i < dn.size() && dn[i] != ',' && dn[i] != '+'; ++i) {
    if (dn[i] != '\\' || i + 1 >= dn.size()) {
      value += dn[i];
      continue;
    }
    // RFC 4514 3: a backslash makes plain either the next character or the byte that two hex digits tell.
    unsigned byte = 0;
    const auto [end, error] =
        std::from_chars(dn.data() + i + 1, dn.data() + std::min(i + 3, dn.size()), byte, 16);
    if (error == std::errc{} && end == dn.data() + i + 3) {
      value += static_cast<char>(byte);
      i += 2;
    } else {
      value += dn[++i];
    }
  }
  return value;
}

}  // namespace lab::directory
