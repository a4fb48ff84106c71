/// tls_channel -- one TLS connection (RFC 8446, RFC 5246) on a socket that never blocks. OpenSSL reads and
/// writes the descriptor itself: no second pair of buffers, so an idle connection costs what OpenSSL's own
/// state costs.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/tls.hpp"

typedef struct ssl_st SSL;

namespace lab {

class TlsChannel {
 public:
  enum class Outcome { Done, WantRead, WantWrite, Closed, Failed };
  struct Step {
    Outcome outcome = Outcome::Done;
    std::size_t bytes = 0;  ///< moved, when Done
  };

  static std::unique_ptr<TlsChannel> server(const tls::Context& context, int descriptor);
  /// `name` may be empty: then no SNI and no check of the name.
  static std::unique_ptr<TlsChannel> client(const tls::Context& context, int descriptor,
                                            const std::string& name);
  ~TlsChannel();

  Step handshake();
  Step read(std::span<char> into);
  Step write(std::string_view bytes);
  /// Sends close_notify if the socket takes it now; does not wait for the peer's.
  void shutdown();

  std::string version() const;
  std::string cipher() const;
  /// Why the last step failed.
  const std::string& failure() const { return failure_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  TlsChannel(const tls::Context& context, int descriptor);
  Step step(int result, std::size_t bytes);

  tls::Context context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string failure_;
  bool usable_ = false;  // the handshake is done and nothing failed since: close_notify may be sent
};

}  // namespace lab
