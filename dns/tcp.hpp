/// tcp -- DNS over connections: TCP (RFC 7766), TLS (RFC 7858), HTTPS (RFC 8484). Many questions on one
/// connection, answered as fast as they come, several in one write; what others have to be asked for comes
/// when it comes, and keeps nobody waiting. Connections that fall silent are closed, and no client may hold
/// more than its share of them.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/spawn.hpp"
#include "common/tls.hpp"
#include "dns/service.hpp"
#include "dns/stream.hpp"

namespace lab::dns {

class TcpServer;

/// One connection, whatever it speaks; the server holds it by its deadline and its number.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  Connection(TcpServer& server, Stream stream, const Endpoint& peer)
      : server_(server), stream_(std::move(stream)), peer_(peer) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The whole dialogue; the handshake has been done.
  virtual boost::asio::awaitable<void> run() = 0;
  /// Ends after what has been asked is answered.
  virtual void finish() = 0;
  /// Nothing whole has come and nothing has been written for so long.
  bool idle(Clock::time_point now, Clock::duration limit) const {
    return outstanding_ == 0 && now - active_ > limit;
  }
  Stream& stream() { return stream_; }

 protected:
  /// Sends what `gather` gives until it gives nothing; one writer at a time. False when the connection has
  /// ended.
  boost::asio::awaitable<bool> flush();
  /// Adds what is to be sent to `out`.
  virtual void gather(std::vector<std::uint8_t>& out) = 0;
  /// Has the rest of the server deal with what `respond` did not finish. The reply comes to `answered`.
  void hand_over(const Outcome& outcome, const Request& request, std::uint32_t number);
  virtual void answered(std::uint32_t number, std::vector<std::uint8_t> reply) = 0;
  /// Waits until fewer than `most` replies are outstanding.
  boost::asio::awaitable<void> wait_for_replies(unsigned most);
  /// Tells the dialogue to whoever listens.
  void tell(const Request& request, std::span<const std::uint8_t> reply) const;

  TcpServer& server_;
  Stream stream_;
  const Endpoint peer_;
  Clock::time_point active_ = Clock::now();

 private:
  boost::asio::awaitable<void> wait();
  void wake();

  std::vector<std::uint8_t> sending_;
  std::optional<boost::asio::steady_timer> waiting_;  // of `run`, the only one that waits
  unsigned outstanding_ = 0;
  bool writing_ = false, broken_ = false;
};

class TcpServer {
 public:
  /// Binds; throws std::system_error with the address. Everything runs on the one thread of `executor`.
  /// `transport`: Tcp, Tls or Https.
  TcpServer(boost::asio::any_io_executor executor, Service& service, Transport transport,
            const std::vector<Endpoint>& listen, const TcpConfig& config);
  ~TcpServer();
  /// The certificate of connections from now on.
  void use(tls::Context context) { tls_ = std::move(context); }
  /// The limits of connections from now on; those that are open stay.
  void limit(const TcpConfig& limits) { config_ = limits; }
  /// The path of requests over HTTPS.
  void serve_path(std::string path) { path_ = std::move(path); }
  void start();
  /// Accepts no more; `done` is called when the answers under way have been written.
  void stop(std::function<void()> done);

  boost::asio::any_io_executor executor() const { return executor_; }
  Service& service() { return service_; }
  Transport transport() const { return transport_; }
  Counters& counters() { return counters_; }
  /// What its addresses show; all of them the same.
  ViewId view() const { return view_; }
  /// Answers from the zones, where that is possible at once; else says what has to be done. The reply stays
  /// until the next call.
  Outcome respond(const Endpoint& peer, std::span<const std::uint8_t> message, Request& request);
  std::span<const std::uint8_t> reply(const Outcome& outcome) const {
    return std::span(scratch_).first(outcome.size);
  }

 private:
  boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor);
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Endpoint peer, Gate::Pass pass,
                                     std::shared_ptr<void> place);
  std::shared_ptr<Connection> make_connection(Stream stream, const Endpoint& peer);
  /// Its place among the connections; null when there is none left.
  std::shared_ptr<void> admit(const Endpoint& peer);
  void sweep();

  boost::asio::any_io_executor executor_;
  Service& service_;
  const Transport transport_;
  TcpConfig config_;
  Counters& counters_;
  tls::Context tls_;
  std::string path_;
  Gate gate_;
  std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
  struct Open {  // outlives the server, where connections do
    std::set<Connection*> connections;
    std::map<IpAddress, unsigned> per_client;
    std::size_t count = 0;
  };
  std::shared_ptr<Open> open_ = std::make_shared<Open>();
  Connection::Clock::time_point complained_;
  boost::asio::steady_timer sweeper_;
  bool sweeping_ = false;
  std::vector<std::uint8_t> scratch_;  // one answer of up to 64 KiB, for all connections: they share a thread
  const ViewId view_;
  Snapshot<ZoneSet>::Reader reader_;
  Snapshot<Settings>::Follower settings_;
};

}  // namespace lab::dns
