/// verdict -- what a check found, in words for a person. lab-probe runs inside a client's namespaces and asks
/// with other people's libraries (libcurl, ldns, libldap, OpenSSL): a check is never our server agreeing with
/// our own client.
///
/// lab-probe reads one JSON document from standard input, {"ca": "/path/ca.crt", "checks": […]} with checks
/// as labctl/plan/json.hpp prints them, and writes one JSON line per finished check: {"id", "ok", "ms",
/// "got"} and, where broken, {"expected", "remedy"}.
#pragma once
#include <chrono>
#include <string>

#include "labctl/plan/check.hpp"

namespace lab::probe {

struct Verdict {
  bool ok = false;
  std::string got = {};       ///< what came
  std::string expected = {};  ///< where broken: what should have come
  std::string remedy = {};    ///< where broken and known: what helps; the check's own remedy stands if empty
};

inline Verdict holds(std::string got) { return {true, std::move(got)}; }
inline Verdict broken(std::string got, std::string expected, std::string remedy = {}) {
  return {false, std::move(got), std::move(expected), std::move(remedy)};
}

struct Surroundings {
  std::string ca_file;                       ///< of the lab CA, PEM
  std::chrono::milliseconds patience{5000};  ///< for one question
};

Verdict verify(const plan::LeaseCheck& check, const Surroundings& world);
Verdict verify(const plan::DnsCheck& check, const Surroundings& world);
Verdict verify(const plan::PortCheck& check, const Surroundings& world);
Verdict verify(const plan::TlsCheck& check, const Surroundings& world);
Verdict verify(const plan::LoginCheck& check, const Surroundings& world);
Verdict verify(const plan::MailCheck& check, const Surroundings& world);
Verdict verify(const plan::CommandCheck& check, const Surroundings& world);

}  // namespace lab::probe
