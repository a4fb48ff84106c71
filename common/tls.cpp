#include "common/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace lab::tls {
namespace {

Context make(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);  // RFC 8996: nothing older
  // Forward secrecy and AEAD only (RFC 9325 4.2); TLS 1.3 has no others.
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
  // An idle connection keeps no buffers: tens of kilobytes less each.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // No renegotiation, and a close without close_notify is an ordinary end for mail clients.
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

}  // namespace

std::string last_error() {
  std::string text;
  while (const auto code = ERR_get_error()) {
    char buffer[256];
    ERR_error_string_n(code, buffer, sizeof buffer);
    const char* reason = ERR_reason_error_string(code);
    text += (text.empty() ? "" : ", ") + std::string(reason == nullptr ? buffer : reason);
  }
  return text.empty() ? "unknown TLS error" : text;
}

Result<Context> server_context(const ServerFiles& files) {
  ERR_clear_error();
  auto context = make(TLS_server_method());
  if (!context) return fail(last_error());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Stateless tickets resume a session; a cache in memory would only grow.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
    return fail("cannot use this certificate: " + last_error(), files.certificate);
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail("cannot use this private key: " + last_error(), files.key);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return fail("this private key does not belong to the certificate " + files.certificate, files.key);
  return context;
}

void speak(const Context& context, const char* protocol, OtherProtocols others) {
  struct Choice {
    std::string wire;
    int otherwise;
  };
  const auto choose = [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                         unsigned offered_size, void* data) {
    const auto& choice = *static_cast<const Choice*>(data);
    const auto* ours = reinterpret_cast<const unsigned char*>(choice.wire.data());
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, size, ours, static_cast<unsigned>(choice.wire.size()),
                                            offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : choice.otherwise;
  };
  // The choice goes when the context does.
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Choice*>(data); });
  auto* choice =
      new Choice{static_cast<char>(std::char_traits<char>::length(protocol)) + std::string(protocol),
                 others == OtherProtocols::Accept ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL};
  SSL_CTX_set_ex_data(context.get(), index, choice);
  SSL_CTX_set_alpn_select_cb(context.get(), choose, choice);
}

Result<Context> client_context(const std::string& ca_file) {
  ERR_clear_error();
  auto context = make(TLS_client_method());
  if (!context) return fail(last_error());
  if (ca_file.empty()) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return context;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1)
    return fail("cannot read CA certificates: " + last_error(), ca_file);
  return context;
}

void offer(const Context& context, const char* protocol) {
  const std::string wire =
      static_cast<char>(std::char_traits<char>::length(protocol)) + std::string(protocol);
  SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
}

void require_1_3(const Context& context) { SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION); }

}  // namespace lab::tls
