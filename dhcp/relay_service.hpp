/// relay_service -- lab-dhcrelay around the relay's rules: configuration, sockets, and nothing to remember.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <expected>
#include <memory>
#include <string>

#include "dhcp/relay.hpp"
#include "dhcp/wire_socket.hpp"

namespace lab::dhcp {

struct RelayConfig {
  std::vector<std::string> interfaces;
  std::vector<IpAddress> servers;
  bool relay_information = true;
  std::string remote_id;
  unsigned max_hops = 16;
};
std::expected<RelayConfig, std::string> load_relay_config(const std::string& path);
std::string relay_config_reference();
/// Those that speak DHCPv4, or those that speak DHCPv6.
std::vector<IpAddress> servers_of(const RelayConfig& config, bool v4);

class RelayService {
 public:
  static Result<std::unique_ptr<RelayService>> start(boost::asio::io_context& io, const RelayConfig& config);
  ~RelayService() { readable_.release(); }

  Result<void> reload(const RelayConfig& config);
  void stop() { readable_.cancel(); }

 private:
  RelayService(boost::asio::io_context& io, WireSocket socket, RelaySettings settings);
  void listen();
  void relay(const Incoming& in);

  WireSocket socket_;
  boost::asio::posix::stream_descriptor readable_;
  RelayAgent agent_;
};

}  // namespace lab::dhcp
