#include "common/ca.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace lab::ca {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// OpenSSL's own verdict on the chain: X509_V_OK or the reason.
int verdict(const Identity& root, const Identity& leaf) {
  auto read = [](const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
  };
  X509 *ca = read(root.certificate), *server = read(leaf.certificate);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, ca);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, server, nullptr);
  X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
  X509_verify_cert(context);
  const int result = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(server);
  X509_free(ca);
  return result;
}

struct Authority : ::testing::Test {
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
  Identity root = create_root("Lab CA of helper-bac", now - 1h, now + 24h * 365).value();
  Result<Identity> server(std::vector<std::string> names, std::vector<std::string> addresses = {}) const {
    return issue(root, {"mail.helper.bac", std::move(names), std::move(addresses), {}, now - 1h, now + 24h});
  }
};

TEST_F(Authority, IssuesWhatOpensslAccepts) {
  EXPECT_EQ(verdict(root, server({"mail.helper.bac"}).value()), X509_V_OK);
}

TEST_F(Authority, AnotherRootIsNotTrusted) {
  const auto other = create_root("Lab CA of helper-bac", now - 1h, now + 24h).value();
  EXPECT_NE(verdict(other, server({"mail.helper.bac"}).value()), X509_V_OK);
}

TEST_F(Authority, AnEndedCertificateIsRefused) {
  const auto old =
      issue(root, {"mail.helper.bac", {"mail.helper.bac"}, {}, {}, now - 48h, now - 24h}).value();
  EXPECT_EQ(verdict(root, old), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(Authority, TheNamesAreInTheCertificate) {
  const auto facts =
      inspect(server({"mail.helper.bac", "srv.helper.bac"}, {"192.168.56.10"})->certificate).value();
  EXPECT_THAT(facts.dns_names, ElementsAre("mail.helper.bac", "srv.helper.bac"));
  EXPECT_THAT(facts.addresses, ElementsAre("192.168.56.10"));
  EXPECT_EQ(facts.issuer, "CN=Lab CA of helper-bac");
}

TEST_F(Authority, ANameCannotSmuggleAnother) {
  EXPECT_FALSE(server({"mail.helper.bac,DNS:bank.example"}));
  EXPECT_FALSE(server({"a\nb"}));
  EXPECT_FALSE(server({"ok.bac"}, {"1.2.3.4,DNS:bank.example"}));
}

}  // namespace
}  // namespace lab::ca
