/// service -- the DHCPv6 half of lab-dhcpd around its server core: socket, lease store, time, reload,
/// dialogue events. One thread decides and sends; the store's writer commits. A REPLY leaves when its lease
/// is on disk.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dhcp/alarms.hpp"
#include "dhcp/config.hpp"
#include "common/control_socket.hpp"
#include "dhcp/dns_names.hpp"
#include "dhcp/name_updater.hpp"
#include "dhcp/server_clock.hpp"
#include "dhcp/v6/lease_store.hpp"
#include "dhcp/v6/server.hpp"
#include "dhcp/v6/udp_socket.hpp"

namespace lab::dhcp::v6 {

class Service {
 public:
  /// Opens the database and the socket. Fails with what a person should do about it.
  static Result<std::unique_ptr<Service>> start(boost::asio::io_context& io, const Config& config);
  ~Service();

  /// Takes new settings without losing a lease; on failure the old ones stay.
  Result<void> reload(const Config& config);
  /// Stops answering; `done` when what was decided is on disk and sent.
  void stop(std::function<void()> done);

 private:
  Service(boost::asio::io_context& io, UdpSocket socket);

  Result<Settings> settings_of(const Config& config);
  void configure(const Config& config, Settings settings);
  void listen();
  void receive();
  void receive_batch(const std::vector<Incoming>& batch);
  void commit(StoreChange change, std::vector<Outgoing> replies);
  void send(const std::vector<Outgoing>& replies) const;
  void tell_and_log(const Incoming& in, const Packet& packet, const Outcome& outcome);
  void follow_name(const Lease& lease, StoreChange& change);
  void expire_later();
  void watch_pools();
  std::string answer(const std::string& question);
  std::string revoke(const std::string& address);

  boost::asio::io_context& io_;
  UdpSocket socket_;
  boost::asio::posix::stream_descriptor readable_;
  boost::asio::steady_timer expiry_;
  std::unique_ptr<LeaseStore> store_;
  Server server_;
  Bytes duid_;
  DnsNames names_;
  NameUpdater updater_;
  ControlSocket control_;
  Alarms alarms_;
  ServerClock clock_;
  std::array<std::uint64_t, kMessageTypes> received_{}, sent_{};
  std::uint64_t malformed_ = 0;
  std::set<std::string> nearly_full_;
  bool leases_changed_ = true;
  bool stopping_ = false;
  std::size_t in_flight_ = 0;
  std::function<void()> when_idle_;
};

}  // namespace lab::dhcp::v6
