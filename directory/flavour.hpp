/// flavour -- what to ask a directory and how to read its answers, for the two layouts met in practice:
/// OpenLDAP as lab-directory fills it, and Active Directory. Pure functions; Client does the asking.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "directory/client_settings.hpp"
#include "directory/user.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

/// "HELPER\ali" taken apart; `domain` is empty where there is no backslash.
struct LoginName {
  std::string domain, user;
};
LoginName split_login(const std::string& typed);
/// Whether `domain`, as typed before the backslash, is the one of `base`: its first label, or all of it.
bool names_domain(std::string_view domain, std::string_view base);

/// The search for the person who types `name` to log in: "ali", "ali@helper.bac".
Search search_login(Flavour flavour, const std::string& base, std::string_view name);
/// The search for the person or alias that owns the mail address.
Search search_address(Flavour flavour, const std::string& base, std::string_view address);

/// The search for the entries resolve_policy needs.
Search search_policies(const std::string& base);

/// Which of the entries found is the one meant: a mail address counts more than a login name that happens to
/// fit.
const Entry* best_match(Flavour flavour, const std::vector<Entry>& entries, std::string_view name);

bool is_alias(const Entry& entry);
/// Active Directory's way of an alias: a group with a mail address.
bool is_group(const Entry& entry);
/// Its members, people and groups, those whose primary group it is too: group by group, since over all people
/// of a domain LDAP_MATCHING_RULE_IN_CHAIN takes a server seconds.
Search search_members(const std::string& base, const Entry& group);
/// The groups that somebody is in, directly or through others; Active Directory works that out itself, but
/// for the primary group, which is in nobody's memberOf.
Search search_groups(const std::string& base, const std::string& dn);
Search search_group(const std::string& base, std::string_view sid);
/// The SID (MS-DTYP 2.4.2.2) of the group that primaryGroupID means: the person's own with that number in the
/// last place. Empty where the entry does not say.
std::string primary_group_sid(const Entry& person);
/// The short name of the domain of `base`; `configuration`: the root DSE's configurationNamingContext.
Search search_netbios_name(const std::string& base, const std::string& configuration);
User user_of(Flavour flavour, const Entry& entry);

/// What the answer to a bind as the user means; `user` is left empty. `entry`: theirs, with what the server
/// keeps about it; `now`: seconds since 1970.
Authentication judge_bind(Flavour flavour, const Reply& reply, const Entry& entry = {}, std::int64_t now = 0);
/// What the answer to a change of one's own password means.
PasswordChange judge_change(Flavour flavour, const Reply& reply);

/// Active Directory's password attribute, unicodePwd: the password in quotes as UTF-16LE
/// (MS-ADTS 3.1.1.3.1.5). Nullopt for what is not UTF-8.
std::optional<std::string> unicode_password(std::string_view password);
/// What changes somebody's own password there: the old value taken away, the new one added, in one operation.
std::optional<std::vector<Modification>> unicode_password_change(std::string_view old,
                                                                 std::string_view fresh);

/// The first attribute value of a DN: "cn=teachers,ou=groups,…" -> "teachers", escapes undone (RFC 4514).
std::string leaf_of_dn(std::string_view dn);

}  // namespace lab::directory
