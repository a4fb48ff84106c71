/// relay_service -- the DHCPv6 half of lab-dhcrelay: one socket between clients and servers.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>

#include "dhcp/v6/relay.hpp"
#include "dhcp/v6/udp_socket.hpp"

namespace lab::dhcp::v6 {

class RelayService {
 public:
  static Result<std::unique_ptr<RelayService>> start(boost::asio::io_context& io,
                                                     const std::vector<std::string>& interfaces,
                                                     std::vector<IpAddress> servers, std::string remote_id);
  ~RelayService() { readable_.release(); }  // the descriptor is the socket's to close

  Result<void> reload(const std::vector<std::string>& interfaces, std::vector<IpAddress> servers,
                      std::string remote_id);
  void stop() { readable_.cancel(); }

 private:
  RelayService(boost::asio::io_context& io, UdpSocket socket)
      : socket_(std::move(socket)), readable_(io, socket_.descriptor()), agent_(RelaySettings{}) {}
  void listen();
  void relay(const Incoming& in);

  UdpSocket socket_;
  boost::asio::posix::stream_descriptor readable_;
  RelayAgent agent_;
};

}  // namespace lab::dhcp::v6
