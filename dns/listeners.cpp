#include "dns/listeners.hpp"

#include <stdexcept>

namespace lab::dns {

Result<tls::Context> tls_context(const Config& config, Transport transport) {
  auto context = tls::server_context({config.tls->certificate, config.tls->key});
  if (!context) return context;
  // RFC 7858 3.2 knows no ALPN; who offers other protocols than 'dot' may still mean us. HTTP/1.1, in
  // contrast, is not spoken here (RFC 8484 5.2), and the client should hear it at once.
  if (transport == Transport::Https)
    tls::speak(*context, "h2", tls::OtherProtocols::Refuse);
  else
    tls::speak(*context, "dot", tls::OtherProtocols::Accept);
  return context;
}

Listeners::Listeners(boost::asio::any_io_executor executor, Service& service, const Config& config) {
  const auto add = [&](Transport transport, const std::vector<Endpoint>& listen) {
    if (!listen.empty())
      servers_.push_back(std::make_unique<TcpServer>(executor, service, transport, listen, config.tcp));
  };
  add(Transport::Tcp, config.listen);
  for (const auto& [name, view] : config.views) add(Transport::Tcp, view.listen);
  add(Transport::Tls, config.listen_tls);
  add(Transport::Https, config.listen_https);
  if (auto ready = renew(config); !ready) throw std::runtime_error(ready.error().text());
}

Result<void> Listeners::renew(const Config& config) {
  for (const auto& server : servers_) {
    server->limit(config.tcp);
    if (server->transport() == Transport::Tcp || !config.tls) continue;
    auto context = tls_context(config, server->transport());
    if (!context) return std::unexpected(context.error());
    server->use(std::move(*context));
    server->serve_path(config.https_path);
  }
  return {};
}

void Listeners::start() {
  for (const auto& server : servers_) server->start();
}

void Listeners::stop(std::function<void()> done) {
  const auto left = std::make_shared<std::size_t>(servers_.size());
  for (const auto& server : servers_)
    server->stop([left, done] {
      if (--*left == 0) done();
    });
}

}  // namespace lab::dns
