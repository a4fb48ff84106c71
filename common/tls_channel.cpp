#include "common/tls_channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace lab {
namespace {

int descriptor_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// OpenSSL's own socket BIO calls write(2), which raises SIGPIPE when the peer has gone; this one cannot.
int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  auto n = ::send(descriptor_of(bio), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && would_block()) BIO_set_retry_write(bio);
  *written = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n > 0 ? 1 : 0;
}

int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  auto n = ::recv(descriptor_of(bio), data, size, MSG_DONTWAIT);
  if (n < 0 && would_block()) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  *got = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n > 0 ? 1 : 0;
}

long bio_ctrl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
  }
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lab socket");
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
  }();
  return method;
}

}  // namespace

void TlsChannel::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsChannel::TlsChannel(const tls::Context& context, int descriptor)
    : context_(context), ssl_(SSL_new(context.get())) {
  auto* bio = BIO_new(socket_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_options(ssl_.get(), SSL_OP_NO_RENEGOTIATION);
}

TlsChannel::~TlsChannel() = default;

std::unique_ptr<TlsChannel> TlsChannel::server(const tls::Context& context, int descriptor) {
  std::unique_ptr<TlsChannel> channel(new TlsChannel(context, descriptor));
  SSL_set_accept_state(channel->ssl_.get());
  return channel;
}

std::unique_ptr<TlsChannel> TlsChannel::client(const tls::Context& context, int descriptor,
                                               const std::string& name) {
  std::unique_ptr<TlsChannel> channel(new TlsChannel(context, descriptor));
  auto* ssl = channel->ssl_.get();
  SSL_set_connect_state(ssl);
  if (!name.empty()) {
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, name.c_str());
  }
  return channel;
}

TlsChannel::Step TlsChannel::step(int result, std::size_t bytes) {
  if (result > 0) return {Outcome::Done, bytes};
  auto saved_errno = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {Outcome::WantRead};
    case SSL_ERROR_WANT_WRITE: return {Outcome::WantWrite};
    case SSL_ERROR_ZERO_RETURN: return {Outcome::Closed};
    case SSL_ERROR_SYSCALL:
      usable_ = false;
      failure_ = saved_errno != 0 ? std::strerror(saved_errno) : "connection lost";
      break;
    default:
      usable_ = false;
      if (auto verify = SSL_get_verify_result(ssl_.get()); verify != X509_V_OK)
        failure_ = X509_verify_cert_error_string(verify);
      else if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        failure_ = "the peer closed the connection without saying so";
      else
        failure_ = tls::last_error();
  }
  ERR_clear_error();
  return {Outcome::Failed};
}

TlsChannel::Step TlsChannel::handshake() {
  ERR_clear_error();
  errno = 0;
  auto done = step(SSL_do_handshake(ssl_.get()), 0);
  usable_ = done.outcome == Outcome::Done;
  return done;
}

TlsChannel::Step TlsChannel::read(std::span<char> into) {
  ERR_clear_error();
  errno = 0;
  std::size_t got = 0;
  auto result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return step(result, got);
}

TlsChannel::Step TlsChannel::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t written = 0;
  auto result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  return step(result, written);
}

void TlsChannel::shutdown() {
  if (usable_) SSL_shutdown(ssl_.get());
  usable_ = false;
  ERR_clear_error();
}

std::string TlsChannel::version() const { return SSL_get_version(ssl_.get()); }
std::string TlsChannel::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

}  // namespace lab
