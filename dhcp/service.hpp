/// service -- lab-dhcpd around the server core: sockets, the lease store, time, reload, dialogue events. One
/// thread decides and sends; the store's writer commits. A reply leaves when its lease is on disk.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/control_socket.hpp"
#include "dhcp/address_probe.hpp"
#include "dhcp/alarms.hpp"
#include "dhcp/config.hpp"
#include "dhcp/dns_names.hpp"
#include "dhcp/lease_store.hpp"
#include "dhcp/name_updater.hpp"
#include "dhcp/server.hpp"
#include "dhcp/wire_socket.hpp"

namespace lab::dhcp {

class Service {
 public:
  /// Opens the database and the sockets. Fails with what a person should do about it.
  static Result<std::unique_ptr<Service>> start(boost::asio::io_context& io, const Config& config);
  ~Service();

  /// Takes new settings without losing a lease; on failure the old ones stay.
  Result<void> reload(const Config& config);
  /// Stops answering; `done` when what was decided is on disk and sent.
  void stop(std::function<void()> done);

 private:
  Service(boost::asio::io_context& io, WireSocket socket);

  void listen();
  void receive();
  void receive_batch(const std::vector<Incoming>& batch);
  void commit(StoreChange change, std::vector<Outgoing> replies);
  void send(const std::vector<Outgoing>& replies) const;
  void tell_and_log(const Incoming& in, const Message& message, const Outcome& outcome);
  std::string answer(const std::string& question);
  std::string revoke(const std::string& address);
  std::string status() const;
  void watch_pools();
  Result<void> prepare_probe(const Settings& settings);
  void offer_after_probe(const Message& message, const Arrival& arrival, Outcome outcome);
  void follow_name(const Lease& lease, StoreChange& change);
  void expire_later();
  ServerTime now() const;

  boost::asio::io_context& io_;
  WireSocket socket_;
  boost::asio::posix::stream_descriptor readable_;
  boost::asio::steady_timer expiry_;
  std::unique_ptr<LeaseStore> store_;
  Server server_;
  DnsNames names_;
  NameUpdater updater_;
  ControlSocket control_;
  AddressProbe probe_;
  Alarms alarms_;
  std::array<std::uint64_t, 9> received_{}, sent_{};  ///< by message type
  std::uint64_t malformed_ = 0;
  bool leases_changed_ = true;
  std::set<std::string> nearly_full_;
  std::chrono::system_clock::time_point wall_at_start_;
  std::chrono::nanoseconds boot_at_start_;
  bool stopping_ = false;
  std::size_t in_flight_ = 0;
  std::function<void()> when_idle_;
};

}  // namespace lab::dhcp
