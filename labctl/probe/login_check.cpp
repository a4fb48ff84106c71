#include <fmt/format.h>
#include <ldap.h>

#include <memory>

#include "labctl/probe/transfer.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {
namespace {

enum class Outcome { In, Refused, Unreachable };
struct Attempt {
  Outcome outcome = Outcome::Unreachable;
  std::string words;
};

Attempt bind_to_directory(const plan::LoginCheck& check, const Surroundings& world) {
  LDAP* raw = nullptr;
  const auto url =
      fmt::format("{}://{}:{}", check.protocol == "ldaps" ? "ldaps" : "ldap", check.host, check.port);
  if (ldap_initialize(&raw, url.c_str()) != LDAP_SUCCESS) return {Outcome::Unreachable, "cannot use " + url};
  const std::unique_ptr<LDAP, int (*)(LDAP*)> session(
      raw, [](LDAP* open) { return ldap_unbind_ext_s(open, nullptr, nullptr); });
  const int version = LDAP_VERSION3;
  const timeval bound{world.patience.count() / 1000, world.patience.count() % 1000 * 1000};
  const int demand = LDAP_OPT_X_TLS_DEMAND;
  const int server = 0;
  ldap_set_option(raw, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(raw, LDAP_OPT_NETWORK_TIMEOUT, &bound);
  ldap_set_option(raw, LDAP_OPT_TIMEOUT, &bound);
  ldap_set_option(raw, LDAP_OPT_X_TLS_CACERTFILE, world.ca_file.c_str());
  ldap_set_option(raw, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
  ldap_set_option(raw, LDAP_OPT_X_TLS_NEWCTX, &server);  // last: only now do the TLS options take effect
  auto why = [&](int code) {
    char* detail = nullptr;
    ldap_get_option(raw, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
    auto words =
        fmt::format("{}{}{}", ldap_err2string(code), detail != nullptr && *detail != '\0' ? ": " : "",
                    detail == nullptr ? "" : detail);
    ldap_memfree(detail);
    return words;
  };
  if (check.protocol == "ldap")
    if (const int code = ldap_start_tls_s(raw, nullptr, nullptr); code != LDAP_SUCCESS)
      return {Outcome::Unreachable, "StartTLS: " + why(code)};
  berval password{check.password.size(), const_cast<char*>(check.password.data())};
  const int code =
      ldap_sasl_bind_s(raw, check.user.c_str(), LDAP_SASL_SIMPLE, &password, nullptr, nullptr, nullptr);
  if (code == LDAP_SUCCESS) return {Outcome::In, "signed in"};
  return {code == LDAP_INVALID_CREDENTIALS ? Outcome::Refused : Outcome::Unreachable, why(code)};
}

Attempt sign_in_to_mail(const plan::LoginCheck& check, const Surroundings& world) {
  const bool submission = check.protocol == "submission";
  const auto scheme = submission ? std::string("smtp") : check.protocol;
  const Transfer transfer{.url = fmt::format("{}://{}:{}/", scheme, check.host, check.port),
                          .user = check.user,
                          .password = check.password,
                          .command = "NOOP",
                          .starttls = submission,
                          .no_body = true};
  const auto result = run(transfer, world.ca_file, world.patience);
  if (result.ok) return {Outcome::In, "signed in"};
  return {result.login_denied ? Outcome::Refused : Outcome::Unreachable, result.failure};
}

}  // namespace

Verdict verify(const plan::LoginCheck& check, const Surroundings& world) {
  const auto attempt =
      check.protocol.starts_with("ldap") ? bind_to_directory(check, world) : sign_in_to_mail(check, world);
  const auto where = fmt::format("{}://{}:{}", check.protocol, check.host, check.port);
  if (check.refused) {
    if (attempt.outcome == Outcome::Refused) return holds("refused, as it must be");
    return broken(attempt.outcome == Outcome::In ? "the wrong password was let in" : attempt.words,
                  fmt::format("{} refuses {} with a wrong password", where, check.user));
  }
  if (attempt.outcome == Outcome::In) return holds(attempt.words);
  return broken(attempt.words,
                fmt::format("{} lets {} in with the password of the topology", where, check.user),
                attempt.outcome == Outcome::Refused
                    ? "was the password changed in the lab? labctl users shows the one the topology knows"
                    : "");
}

}  // namespace lab::probe
