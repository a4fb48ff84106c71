/// referral -- "ask over there": the LDAP URL (RFC 4516) by which a server says that another one knows, taken
/// apart as far as a search needs it (RFC 4511 4.1.10).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "directory/server_url.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

struct Referral {
  ServerUrl server;
  std::string base;            ///< empty: the search's own
  std::optional<Scope> scope;  ///< none: the search's own
  std::string filter;          ///< empty: the search's own
};

/// Nullopt for what is no LDAP URL of a server on the network, or demands what we do not know ("!"
/// extensions). A Unix socket (ldapi) is none: another machine has no business naming one of ours.
std::optional<Referral> parse_referral(const std::string& text);

/// The search to be asked there.
Search at_referral(Search search, const Referral& referral);

}  // namespace lab::directory
