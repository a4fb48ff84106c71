/// client_settings -- which directory a Client asks, as whom, and how long it waits.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "directory/ldif.hpp"

namespace lab::directory {

/// How people, groups and aliases are laid out in the tree.
enum class Flavour { OpenLdap, ActiveDirectory };

/// What to do where a server says that another one knows (RFC 4511 4.1.10, 4.5.3).
enum class Referrals {
  Refuse,  ///< what is asked for is not there
  Follow   ///< ask there, over verified TLS and with the same account
};

struct ClientLimits {
  /// TCP and TLS and the first bind of a connection, together.
  std::chrono::milliseconds connect{2000};
  /// A whole question, waiting for a connection and retries included.
  std::chrono::milliseconds request{5000};
  /// One attempt over the network; then another connection is tried.
  std::chrono::milliseconds answer{2500};
  /// After a failed connect, doubled each time up to the last: a lab's server comes back in milliseconds.
  std::chrono::milliseconds backoff_first{50}, backoff_last{1000};
  /// An unused connection is closed after this long.
  std::chrono::seconds idle{60};
  /// Searches share connections. slapd works on no more of one connection's questions at once than half its
  /// threads.
  std::size_t lookup_connections = 4, lookups_at_once = 2;
  /// A bind owns its connection (RFC 4511 4.2.1): this many at once.
  std::size_t bind_connections = 8;
  /// Questions that wait for a connection; those beyond are answered Unavailable at once.
  std::size_t waiting = 1024;
  /// Entries of one page of a long answer (RFC 2696): Active Directory gives no more than 1000 at once.
  int page = 500;
  /// Servers one question may be sent on to.
  std::size_t referral_hops = 4;
  /// A connection nobody has used for this long is asked something small, so that one whose server has died
  /// without a word is not found out by somebody who logs in.
  std::chrono::seconds health{15};
};

/// How long the outcome of a login is remembered. Only where the server tells of changes as they happen (RFC
/// 4533; watch.hpp) is anything remembered, so that a changed password counts at once.
struct LoginCacheLimits {
  /// A right password is not asked about again; bounds what changes with the clock alone, as an account's
  /// end.
  std::chrono::milliseconds right{30'000};
  /// A wrong one neither, once it has been refused `wrong_after` times: the server has counted those and
  /// could lock the account (0: remember none).
  std::chrono::milliseconds wrong{2000};
  unsigned wrong_after = 3;
  /// Logins remembered.
  std::size_t most = 4096;
};

/// Rules for people of a directory whose schema has none of ours (Active Directory, or somebody else's
/// server): each an entry with attributes of labPolicy (policy_config.hpp), by its name in lower case.
struct GivenRules {
  Entry everybody;
  std::map<std::string, Entry> groups, users;
  bool empty() const { return everybody.attributes.empty() && groups.empty() && users.empty(); }
};

struct ClientSettings {
  /// "ldapi:///path", "ldap://host[:389]", "ldaps://host[:636]"; the first one preferred.
  std::vector<std::string> urls;
  std::string base;      ///< "dc=helper,dc=bac"
  std::string bind_dn;   ///< service account for look-ups; empty: SASL EXTERNAL on ldapi
  std::string password;  ///< of `bind_dn`
  std::string ca_file;   ///< PEM; needed for ldap:// and ldaps://
  Flavour flavour = Flavour::OpenLdap;
  Referrals referrals = Referrals::Refuse;
  GivenRules rules = {};
  LoginCacheLimits cache = {};
  ClientLimits limits = {};
};

}  // namespace lab::directory
