/// given_rules -- the rules for somebody of a directory that holds none itself: those of the topology, put
/// onto the groups the directory knows, so that the nearest counts as it does in our own (policy.hpp).
#pragma once
#include <string>
#include <vector>

#include "directory/client_settings.hpp"
#include "directory/ldif.hpp"
#include "directory/policy.hpp"
#include "directory/user.hpp"

namespace lab::directory {

/// `groups`: entries of the groups she is in, directly or through others, with cn, sAMAccountName and
/// memberOf; groups her own entry names are known by that name alone where they are missing here.
EffectivePolicy resolve_given(const GivenRules& rules, const std::string& base, const User& user,
                              Entry person, std::vector<Entry> groups);

}  // namespace lab::directory
