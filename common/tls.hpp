/// tls -- the one place TLS contexts are built: TLS 1.2 or newer, forward secrecy only, session tickets off
/// where memory counts, certificates verified against the lab CA.
#pragma once
#include <memory>
#include <string>

#include "common/error.hpp"

typedef struct ssl_ctx_st SSL_CTX;

namespace lab::tls {

struct ServerFiles {
  std::string certificate;  ///< PEM chain
  std::string key;          ///< PEM
};

using Context = std::shared_ptr<SSL_CTX>;  // sessions keep the context they began with across a reload

/// For servers. Buffers are released while a connection idles (SSL_MODE_RELEASE_BUFFERS).
Result<Context> server_context(const ServerFiles& files);
/// What to do with a client that offers none of our protocols (ALPN, RFC 7301).
enum class OtherProtocols { Accept, Refuse };
/// Chooses `protocol` ("dot", "h2") where the client offers it.
void speak(const Context& context, const char* protocol, OtherProtocols others);
/// For clients: verifies the chain against `ca_file` (PEM); the caller sets the expected name per connection.
/// An empty `ca_file` verifies nothing (opportunistic TLS between mail servers, RFC 7435).
Result<Context> client_context(const std::string& ca_file);
/// Of a client: offers `protocol` and nothing else.
void offer(const Context& context, const char* protocol);
/// TLS 1.3 or newer, where a protocol asks for it (RFC 9103 7.1).
void require_1_3(const Context& context);
/// Why the last OpenSSL call of this thread failed, in words.
std::string last_error();

}  // namespace lab::tls
