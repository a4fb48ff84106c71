#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "common/ca.hpp"
#include "common/freer.hpp"
#include "common/tls.hpp"
#include "labctl/probe/connection.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {
namespace {

using Session = std::unique_ptr<SSL, Freer<SSL_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;

/// The plain words that lead to TLS (RFC 3207, RFC 2595, RFC 4511 4.14); empty when done, else what went
/// wrong.
std::string begin_starttls(Connection& connection, const std::string& protocol) {
  const auto say = [&](std::string_view line, std::string_view answer) {
    return connection.write(line) && connection.read_until_line(answer);
  };
  bool done = false;
  if (protocol == "smtp")
    done = connection.read_until_line("220 ") && say("EHLO probe.invalid\r\n", "250 ") &&
           say("STARTTLS\r\n", "220 ");
  if (protocol == "imap") done = connection.read_until_line("* OK") && say("a STARTTLS\r\n", "a OK");
  if (protocol == "pop3") done = connection.read_until_line("+OK") && say("STLS\r\n", "+OK");
  if (protocol == "ldap") {
    // ExtendedRequest 1.3.6.1.4.1.1466.20037; the answer's resultCode 0 is the octets 0a 01 00.
    static constexpr std::string_view kRequest(
        "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
        "1.3.6.1.4.1.1466.20037",
        31);
    static constexpr std::string_view kSuccess("\x0a\x01\x00", 3);
    done = connection.write(kRequest) && connection.read_some().find(kSuccess) != std::string::npos;
  }
  return done ? "" : "it does not offer STARTTLS";
}

std::string when(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::string pem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

Verdict verify(const plan::TlsCheck& check, const Surroundings& world) {
  const auto expected = fmt::format("a certificate for {}, issued by the lab CA, valid now", check.host);
  const auto context = tls::client_context(world.ca_file);
  if (!context) return broken(context.error().text(), expected);
  auto connection = Connection::open(check.host, check.port, world.patience);
  if (!connection) return broken(connection.error().what, expected);
  if (!check.starttls.empty())
    if (auto problem = begin_starttls(*connection, check.starttls); !problem.empty())
      return broken(problem, expected);
  const Session session(SSL_new(context->get()));
  // The handshake goes on whatever the verdict: it is told below, precisely.
  SSL_set_verify(session.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  SSL_set_tlsext_host_name(session.get(), check.host.c_str());
  SSL_set_fd(session.get(), connection->fd());
  ERR_clear_error();
  if (SSL_connect(session.get()) != 1) return broken("the handshake failed: " + tls::last_error(), expected);
  const Certificate certificate(SSL_get1_peer_certificate(session.get()));
  if (!certificate) return broken("no certificate", expected);
  const auto facts = ca::inspect(pem(certificate.get()));
  if (!facts) return broken(facts.error().text(), expected);
  const auto now = std::chrono::system_clock::now();
  const std::string renew = "labctl restart SERVICE      (the certificate is renewed at start)";
  if (facts->not_after < now) return broken("one that expired on " + when(facts->not_after), expected, renew);
  if (facts->not_before > now)
    return broken("one that is not valid before " + when(facts->not_before), expected,
                  "is the clock of this machine right?");
  if (const auto verdict = SSL_get_verify_result(session.get()); verdict != X509_V_OK)
    return broken(fmt::format("one issued by {}: {}", facts->issuer, X509_verify_cert_error_string(verdict)),
                  expected, renew);
  if (X509_check_host(certificate.get(), check.host.c_str(), check.host.size(), 0, nullptr) != 1)
    return broken(fmt::format("one for {}", fmt::join(facts->dns_names, ", ")), expected, renew);
  return holds(fmt::format("{} {}, issued by {}, until {}", SSL_get_version(session.get()),
                           SSL_get_cipher_name(session.get()), facts->issuer, when(facts->not_after)));
}

}  // namespace lab::probe
