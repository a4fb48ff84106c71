#include "directory/flavour.hpp"

#include <ldap.h>

#include <array>
#include <charconv>
#include <ctime>

#include "directory/dn.hpp"
#include "directory/policy.hpp"

namespace lab::directory {
namespace {

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
    any = equals(login, name);
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
    s.attributes = {"sAMAccountName", "displayName",   "cn",          "mail",
                    "proxyAddresses", "memberOf",      "objectClass", "userPrincipalName",
                    "objectSid",      "primaryGroupID"};
  else
    s.attributes = {"displayName", "mail", "rfc822MailMember", "objectClass", "pwdAccountLockedTime", "pwdEndTime"};
  if (flavour == Flavour::OpenLdap)
    s.attributes.insert(s.attributes.end(), policy_attributes().begin(), policy_attributes().end());
  s.size_limit = 8;  // one is expected; a few more tell a broken tree from a found person
  return s;
}

bool has_value(const Entry& entry, std::string_view attribute, std::string_view value) {
  auto& values = entry.values(attribute);
  return std::any_of(values.begin(), values.end(), [&](auto& v) { return same_name(v, value); });
}

/// OpenLDAP says "locked" for three reasons; the entry knows which (draft-behera-ldap-password-policy 5.3).
Authentication::Outcome lock_reason(const Entry& entry, std::int64_t now) {
  using Outcome = Authentication::Outcome;
  if (entry.first("pwdAccountLockedTime") == "000001010000Z") return Outcome::Disabled;
  const auto end = entry.first("pwdEndTime");
  std::int64_t passed = 0;
  if (end.size() >= 14 && std::from_chars(end.data(), end.data() + 14, passed).ptr == end.data() + 14) {
    const auto time = static_cast<std::time_t>(now);
    std::tm utc{};
    gmtime_r(&time, &utc);
    // Generalised time is digits in the order of their weight, so that two of them compare as numbers.
    const std::int64_t today = (utc.tm_year + 1900) * 10000LL + (utc.tm_mon + 1) * 100 + utc.tm_mday;
    if (passed <= today * 1000000 + utc.tm_hour * 10000 + utc.tm_min * 100 + utc.tm_sec)
      return Outcome::Expired;
  }
  return Outcome::Locked;
}

/// Active Directory tells the reason of a refused bind in hexadecimal, after "data" (MS-ERREF).
Authentication::Outcome ad_reason(std::string_view diagnostic) {
  using Outcome = Authentication::Outcome;
  const auto at = diagnostic.find("data ");
  if (at == std::string_view::npos) return Outcome::WrongPassword;
  const auto code = diagnostic.substr(at + 5, 3);
  if (code == "525") return Outcome::UnknownUser;
  if (code == "533") return Outcome::Disabled;
  if (code == "775" || code == "530" || code == "531") return Outcome::Locked;
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
  if (flavour == Flavour::ActiveDirectory) {
    const auto group = equals("mail", address) + equals("proxyAddresses", "smtp:" + std::string(address));
    return search_for(flavour, base, fmt::format("(|{}(&(objectClass=group)(|{})))", person, group));
  }
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
    const int rank = is_alias(entry) || is_group(entry) ? 1 : mine ? 3 : 2;
    if (rank > best_rank) {
      best = &entry;
      best_rank = rank;
    }
  }
  return best;
}

LoginName split_login(const std::string& typed) {
  const auto slash = typed.find('\\');
  if (slash == std::string::npos) return {"", typed};
  return {typed.substr(0, slash), typed.substr(slash + 1)};
}

bool names_domain(std::string_view domain, std::string_view base) {
  const auto whole = domain_of_dn(base);
  return !domain.empty() && (same_name(domain, whole) || same_name(domain, whole.substr(0, whole.find('.'))));
}

namespace {
constexpr std::string_view kInChain = ":1.2.840.113556.1.4.1941:";  // LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS)

/// MS-DTYP 2.4.2.2: revision, how many numbers, whose they are; then the numbers, little-endian, the last of
/// which is the account's within its domain.
constexpr std::size_t kSidHead = 8, kSidNumber = 4;

/// S-1-5-21-x-y-z-RID: an account or a group of a domain. Those of the machine itself (S-1-5-32) are nobody's
/// primary group.
bool is_of_domain(std::string_view sid) {
  constexpr std::string_view kDomain("\x01\x05\0\0\0\0\0\x05\x15\0\0\0", kSidHead + kSidNumber);
  return sid.size() == kSidHead + 5 * kSidNumber && sid.starts_with(kDomain);
}

std::uint32_t last_number(std::string_view sid) {
  std::uint32_t number = 0;
  for (std::size_t i = 1; i <= kSidNumber; ++i)
    number = number << 8U | static_cast<unsigned char>(sid[sid.size() - i]);
  return number;
}

}  // namespace

std::string primary_group_sid(const Entry& person) {
  std::string sid(person.first("objectSid"));
  const auto text = person.first("primaryGroupID");
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!is_of_domain(sid) || text.empty() || error != std::errc{} || end != text.data() + text.size())
    return {};
  for (std::size_t i = sid.size() - kSidNumber; i < sid.size(); ++i, number >>= 8U)
    sid[i] = static_cast<char>(number & 0xffU);
  return sid;
}

Search search_members(const std::string& base, const Entry& group) {
  Search s;
  s.base = base;
  auto belongs = equals("memberOf", group.dn);
  if (const auto sid = group.first("objectSid"); is_of_domain(sid))
    belongs = fmt::format("(|{}(primaryGroupID={}))", belongs, last_number(sid));
  s.filter = fmt::format("(&(|(&(objectCategory=person)(objectClass=user))(objectClass=group)){})", belongs);
  s.attributes = {"objectClass", "objectSid",      "sAMAccountName",
                  "mail",        "proxyAddresses", "userPrincipalName"};
  return s;
}

namespace {
Search groups_where(const std::string& base, std::string_view condition) {
  Search s;
  s.base = base;
  s.filter = fmt::format("(&(objectClass=group){})", condition);
  s.attributes = {"cn", "sAMAccountName", "memberOf"};
  return s;
}
}  // namespace

Search search_groups(const std::string& base, const std::string& dn) {
  return groups_where(base, fmt::format("(member{}={})", kInChain, escape_filter(dn)));
}

Search search_group(const std::string& base, std::string_view sid) {
  return groups_where(base, equals("objectSid", sid));
}

Search search_netbios_name(const std::string& base, const std::string& configuration) {
  Search s;
  s.base = "CN=Partitions," + configuration;
  s.scope = Scope::One;
  s.filter = fmt::format("(&(objectClass=crossRef)(nCName={}))", escape_filter(base));
  s.attributes = {"nETBIOSName"};
  return s;
}

bool is_group(const Entry& entry) { return has_value(entry, "objectClass", "group"); }

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
  // Who has no mailbox of their own has at least the name they log in with.
  if (ad && user.addresses.empty() && entry.first("userPrincipalName").contains('@'))
    user.addresses.push_back(lower(entry.first("userPrincipalName")));
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

Authentication judge_bind(Flavour flavour, const Reply& reply, const Entry& entry, std::int64_t now) {
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
                  : reply.policy == PolicyError::AccountLocked   ? lock_reason(entry, now)
                  : reply.policy == PolicyError::PasswordExpired ? Outcome::Expired
                                                                 : Outcome::WrongPassword;
      break;
    case LDAP_NO_SUCH_OBJECT: a.outcome = Outcome::UnknownUser; break;  // deleted since the look-up
    default: a.outcome = Outcome::Unavailable;
  }
  return a;
}

PasswordChange judge_change(Flavour flavour, const Reply& reply) {
  using Outcome = PasswordChange::Outcome;
  PasswordChange change;
  change.why = reply.ok() ? std::string() : reply.text();
  switch (reply.code) {
    case LDAP_SUCCESS: change.outcome = Outcome::Ok; break;
    case LDAP_NO_SUCH_OBJECT: change.outcome = Outcome::UnknownUser; break;
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_INSUFFICIENT_ACCESS:
      // MS-ERREF: ERROR_INVALID_PASSWORD; all else of this code is the domain's rules.
      change.outcome = flavour == Flavour::ActiveDirectory && reply.diagnostic.starts_with("00000056")
                           ? Outcome::WrongPassword
                           : Outcome::Refused;
      break;
    default: change.outcome = Outcome::Unavailable;
  }
  return change;
}

std::optional<std::string> unicode_password(std::string_view password) {
  std::string out;
  auto put = [&](char32_t unit) {
    out += static_cast<char>(unit & 0xff);
    out += static_cast<char>(unit >> 8);
  };
  put('"');
  for (std::size_t i = 0; i < password.size();) {
    const auto lead = static_cast<unsigned char>(password[i++]);
    const int more = lead < 0x80                   ? 0
                     : lead >= 0xc2 && lead < 0xe0 ? 1
                     : lead >= 0xe0 && lead < 0xf0 ? 2
                     : lead >= 0xf0 && lead < 0xf5 ? 3
                                                   : -1;
    if (more < 0) return std::nullopt;
    char32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (int n = 0; n < more; ++n, ++i) {
      if (i >= password.size() || (static_cast<unsigned char>(password[i]) & 0xc0U) != 0x80)
        return std::nullopt;
      point = point << 6 | (static_cast<unsigned char>(password[i]) & 0x3fU);
    }
    // RFC 3629 3: no longer form than needed, no halves of pairs, nothing beyond U+10FFFF.
    constexpr std::array<char32_t, 4> kLeast{0, 0x80, 0x800, 0x10000};
    if (point < kLeast[static_cast<std::size_t>(more)] || (point >= 0xd800 && point < 0xe000) ||
        point > 0x10ffff)
      return std::nullopt;
    if (point < 0x10000) {
      put(point);
    } else {
      put(0xd800 + ((point - 0x10000) >> 10));
      put(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  put('"');
  return out;
}

std::optional<std::vector<Modification>> unicode_password_change(std::string_view old,
                                                                 std::string_view fresh) {
  auto before = unicode_password(old), after = unicode_password(fresh);
  if (!before || !after) return std::nullopt;
  return std::vector<Modification>{{Modification::Kind::Delete, "unicodePwd", {std::move(*before)}},
                                   {Modification::Kind::Add, "unicodePwd", {std::move(*after)}}};
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
