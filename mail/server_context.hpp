/// server_context -- what every dialogue of the mail server shares, whichever protocol it speaks. It outlives
/// them all. All of it belongs to the one io thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <random>
#include <string>

#include "common/tls.hpp"
#include "mail/accounts.hpp"
#include "mail/gssapi.hpp"

namespace lab::mail {

class Login;
class Store;
class Stream;

struct ServerContext {
  std::string hostname;
  Accounts& accounts;
  Login& login;
  Store& store;
  tls::Context tls = {};                           ///< replaced by a reload; empty: no certificate
  bool tls_required = true;                        ///< no password in clear
  std::mt19937_64 random{std::random_device{}()};  ///< for names, not for secrets

  std::shared_ptr<Gssapi> gssapi = {};  ///< Kerberos; empty: there is no realm

  /// The mechanism for one protocol's service, empty where there is no realm.
  TokenMechanism kerberos_for(std::string service) const {
    if (!gssapi) return {};
    return [kerberos = gssapi, service = std::move(service)] { return kerberos->begin(service); };
  }
  bool may_log_in(bool secure) const { return secure || !tls_required; }
};

/// One dialogue, from greeting to goodbye; implicit TLS has been done by then. Numbered for logs and events.
using Serve = boost::asio::awaitable<void> (*)(Stream& stream, ServerContext& context, std::uint64_t session);

}  // namespace lab::mail
