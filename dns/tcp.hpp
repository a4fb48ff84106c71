/// tcp -- DNS over TCP (RFC 7766): many questions on one connection, answered in order as fast as they come,
/// several in one write; connections that fall silent are closed, and no client may hold more than its share
/// of them.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/spawn.hpp"
#include "dns/service.hpp"

namespace lab::dns {

class TcpConnection;

class TcpServer {
 public:
  /// Binds; throws std::system_error with the address. Everything runs on the one thread of `executor`.
  TcpServer(boost::asio::any_io_executor executor, Service& service, const std::vector<Endpoint>& listen,
            const TcpConfig& config);
  ~TcpServer();
  void start();
  /// Accepts no more; `done` is called when the answers under way have been written.
  void stop(std::function<void()> done);

 private:
  friend class TcpConnection;
  boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor);
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Endpoint peer, Gate::Pass pass);
  bool admit(const Endpoint& peer);
  void sweep();

  boost::asio::any_io_executor executor_;
  Service& service_;
  TcpConfig config_;
  Gate gate_;
  std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
  std::set<TcpConnection*> connections_;
  std::map<IpAddress, unsigned> per_client_;
  boost::asio::steady_timer sweeper_;
  bool sweeping_ = false;
  std::vector<std::uint8_t> scratch_;  // one answer of up to 64 KiB, for all connections: they share a thread
  Snapshot<ZoneSet>::Reader reader_;
};

}  // namespace lab::dns
