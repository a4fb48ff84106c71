/// gssapi -- the server's side of a Kerberos log-in (SASL GSSAPI, RFC 4752): the client shows a ticket for this
/// service instead of a password. The tokens are MIT Kerberos' business; its library is loaded only where a
/// realm is configured, so that other labs do not carry it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "mail/sasl.hpp"

namespace lab::mail {

class Gssapi {
 public:
  /// `keytab`: the keys of imap/HOST, smtp/HOST, pop/HOST. `replay_cache`: file in which seen tickets are kept
  /// for their few minutes, so that nobody shows a recorded one again.
  static Result<std::shared_ptr<Gssapi>> open(const std::string& keytab, const std::string& replay_cache);
  virtual ~Gssapi() = default;
  /// A log-in to `service` ("imap"), which must be the one the ticket is for.
  virtual std::unique_ptr<TokenExchange> begin(std::string service) = 0;
};

}  // namespace lab::mail
