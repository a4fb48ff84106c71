#include "directory/referral.hpp"

#include <ldap.h>

#include <memory>

namespace lab::directory {

std::optional<Referral> parse_referral(const std::string& text) {
  if (text.contains('\0')) return std::nullopt;
  LDAPURLDesc* raw = nullptr;
  if (ldap_url_parse(text.c_str(), &raw) != LDAP_URL_SUCCESS) return std::nullopt;
  const std::unique_ptr<LDAPURLDesc, void (*)(LDAPURLDesc*)> url(raw, ldap_free_urldesc);
  auto given = [](const char* part) { return std::string(part == nullptr ? "" : part); };
  const auto scheme = given(url->lud_scheme), host = given(url->lud_host);
  if ((scheme != "ldap" && scheme != "ldaps") || host.empty() || url->lud_crit_exts > 0) return std::nullopt;
  const auto bare = host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
  auto server = ServerUrl::parse(scheme + "://" + (bare.contains(':') ? "[" + bare + "]" : bare) +
                                 (url->lud_port > 0 ? ":" + std::to_string(url->lud_port) : ""));
  if (!server) return std::nullopt;
  Referral referral{.server = std::move(*server),
                    .base = given(url->lud_dn),
                    .scope = {},
                    .filter = given(url->lud_filter)};
  // ldap://host/dn?attributes?scope?filter. libldap takes a missing scope for "base" (RFC 4516 2); in a
  // referral it is that of the search (RFC 4511 4.1.10).
  const auto scope_at = text.find('?', text.find('?') + 1);
  if (!text.contains('?') || scope_at == std::string::npos ||
      text.substr(scope_at + 1, 1).find_first_not_of('?') == std::string::npos)
    return referral;
  switch (url->lud_scope) {
    case LDAP_SCOPE_BASE: referral.scope = Scope::Base; break;
    case LDAP_SCOPE_ONELEVEL: referral.scope = Scope::One; break;
    case LDAP_SCOPE_SUBTREE: referral.scope = Scope::Subtree; break;
    default: break;
  }
  return referral;
}

Search at_referral(Search search, const Referral& referral) {
  if (!referral.base.empty()) search.base = referral.base;
  if (referral.scope) search.scope = *referral.scope;
  if (!referral.filter.empty()) search.filter = referral.filter;
  search.page_cookie.clear();
  return search;
}

}  // namespace lab::directory
