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
#include "dhcp/partner_link.hpp"
#include "dhcp/server.hpp"
#include "dhcp/server_clock.hpp"
#include "dhcp/wire_socket.hpp"
#include "dhcp/wire_watch.hpp"

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
  /// What one round of receiving has decided.
  struct Round {
    ServerTime time;
    StoreChange change;
    std::vector<Outgoing> at_once, after_commit;
    std::vector<Lease> before = {};
    std::optional<Lease> ahead = {};
  };
  void receive_batch(const std::vector<Incoming>& batch, Round& round);
  /// `before`: what the clients had of these addresses until now, in a hot standby.
  void commit(StoreChange change, std::vector<Outgoing> replies, std::vector<Lease> before = {});
  void write_ahead(Lease lease);
  bool claim_written(const StoreChange& change);
  void forget_unclaimed(StoreChange& change, bool all);
  void commit_on_both(StoreChange change, std::vector<Outgoing> replies, std::vector<Lease> before);
  bool take_back(const std::vector<Lease>& promised, const std::vector<Lease>& before);
  Result<void> join_partner(const Config& config, const Settings& settings);
  std::vector<StoreChange> everything() const;
  void take_partners(StoreChange change, bool of_before, std::function<void(bool)> stored);
  void agree_on_names(StoreChange& change, const std::map<IpAddress, Later>& later);
  void follow_duty();
  void settled();
  Result<void> guard_wires(const Settings& settings, const std::optional<FailoverConfig>& failover);
  void hear_others();
  void watch_for_others();
  void provoke_later();
  void send(const std::vector<Outgoing>& replies) const;
  void tell_and_log(const Incoming& in, const Message& message, const Outcome& outcome);
  std::string answer(const std::string& question);
  std::string revoke(const std::string& address);
  std::string import(const std::string& path);
  /// For what a person asks: returns once it is on disk. False when it cannot be.
  bool commit_now(StoreChange change);
  std::string status() const;
  void watch_pools();
  Result<void> prepare_probe(const Settings& settings);
  void offer_after_probe(const Message& message, const Arrival& arrival, Outcome outcome);
  void follow_name(const Lease& lease, StoreChange& change);
  void name_the_nameless();
  std::string wanted_name(const Lease& lease) const;
  void expire_later();
  ServerTime now() const { return clock_.now(); }

  boost::asio::io_context& io_;
  WireSocket socket_;
  boost::asio::posix::stream_descriptor readable_;
  boost::asio::steady_timer expiry_;
  std::unique_ptr<LeaseStore> store_;
  /// Leases that are on disk already, although their clients have only been offered them.
  std::map<IpAddress, Lease> ahead_;
  std::unique_ptr<PartnerLink> partner_;
  Server server_;
  DnsNames names_;
  NameUpdater updater_;
  ControlSocket control_;
  AddressProbe probe_;
  Alarms alarms_;
  struct OtherOnWire {
    std::string wire;
    OtherServer server;
    ServerTime seen;
  };
  WireWatch watch_;
  boost::asio::posix::stream_descriptor watching_;
  boost::asio::steady_timer provoke_;
  std::set<std::string> guarded_;  ///< wires on which another server is worth an alarm
  std::set<IpAddress> friends_;    ///< our own addresses and the partner's
  std::map<IpAddress, OtherOnWire> others_;
  std::array<std::uint64_t, 14> received_{}, sent_{};  ///< by message type
  std::uint64_t malformed_ = 0;
  bool leases_changed_ = true;
  std::set<std::string> nearly_full_;
  ServerClock clock_;
  bool stopping_ = false;
  std::size_t in_flight_ = 0;
  std::function<void()> when_idle_;
};

}  // namespace lab::dhcp
