/// listeners -- the servers of DNS over TCP, TLS and HTTPS, started, reloaded and drained together.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "common/tls.hpp"
#include "dns/tcp.hpp"

namespace lab::dns {

/// What connections of this transport identify the server with.
Result<tls::Context> tls_context(const Config& config, Transport transport);

class Listeners {
 public:
  /// Binds all addresses; throws std::system_error, and std::runtime_error for a certificate that is none.
  Listeners(boost::asio::any_io_executor executor, Service& service, const Config& config);
  void start();
  /// Takes over the limits, and reads the certificate again, for connections from now on.
  Result<void> renew(const Config& config);
  /// `done` is called when all answers under way have been written.
  void stop(std::function<void()> done);

 private:
  std::vector<std::unique_ptr<TcpServer>> servers_;
};

}  // namespace lab::dns
