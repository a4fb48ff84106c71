/// name_updater -- carries the wishes of DnsNames to the name server, one at a time and beside the serving of
/// leases: an ACK never waits for DNS. A server that does not answer is asked again, ever more slowly, for as
/// long as it takes.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "dhcp/config.hpp"
#include "dhcp/dns_names.hpp"
#include "dhcp/dns_update.hpp"
#include "dhcp/tsig.hpp"

namespace lab::dhcp {

class NameUpdater {
 public:
  /// `store` writes rows of finished work; nobody waits for it. `names` outlives the updater.
  NameUpdater(boost::asio::io_context& io, DnsNames& names, std::function<void(DnsName)> store);

  /// New settings; nullopt stops the work. `networks`: where the clients are, for the reverse zones.
  void configure(std::optional<DnsUpdateConfig> settings, std::vector<Network> networks);
  /// While paused nothing is asked: the failover partner does it.
  void pause(bool paused);
  /// There may be something to do.
  void wake();

 private:
  boost::asio::awaitable<void> work();
  boost::asio::awaitable<bool> perform(const DnsName& name);
  boost::asio::awaitable<std::optional<Rcode>> exchange(const DnsUpdate& update);
  boost::asio::awaitable<std::optional<Bytes>> receive();
  NameTarget target(const DnsName& name) const;

  boost::asio::io_context& io_;
  DnsNames& names_;
  std::function<void(DnsName)> store_;
  std::optional<DnsUpdateConfig> settings_;
  std::optional<TsigKey> key_;
  std::string trouble_;  ///< why the last exchange brought no answer
  std::vector<Network> networks_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::steady_timer timer_;
  bool working_ = false, paused_ = false;
};

}  // namespace lab::dhcp
