/// server -- runs one realm: makes its database where there is none, brings the people of the topology into it,
/// writes the services' keytabs, starts MIT Kerberos' krb5kdc and stays beside it to carry changed passwords over
/// from the directory.
#pragma once
#include "common/error.hpp"
#include "directory/kdc/config.hpp"

namespace lab::directory::kdc {

struct ServerLimits {
  int ready_seconds = 15;         ///< krb5kdc listens after milliseconds
  int message_milliseconds = 2000;  ///< slapd writes its whole message at once
};

/// Returns the exit status when stopped (SIGTERM, SIGINT), or why it could not go on.
Result<int> serve(const Settings& settings, const ServerLimits& limits = {});

}  // namespace lab::directory::kdc
