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

/// The search for the person who types `name` to log in: "ali", "ali@helper.bac"; on Active Directory also
/// "HELPER\ali".
Search search_login(Flavour flavour, const std::string& base, std::string_view name);
/// The search for the person or alias that owns the mail address.
Search search_address(Flavour flavour, const std::string& base, std::string_view address);

/// The search for the entries resolve_policy needs.
Search search_policies(const std::string& base);

/// Which of the entries found is the one meant: a mail address counts more than a login name that happens to
/// fit.
const Entry* best_match(Flavour flavour, const std::vector<Entry>& entries, std::string_view name);

bool is_alias(const Entry& entry);
User user_of(Flavour flavour, const Entry& entry);

/// What the answer to a bind as the user means; `user` is left empty.
Authentication judge_bind(Flavour flavour, const Reply& reply);

/// The first attribute value of a DN: "cn=teachers,ou=groups,…" -> "teachers", escapes undone (RFC 4514).
std::string leaf_of_dn(std::string_view dn);

}  // namespace lab::directory
