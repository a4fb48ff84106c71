/// service -- lab-rad: advertises a router on its wires (RFC 4861 6.2). One raw ICMPv6 socket hears what
/// hosts ask and answers each by unicast; a schedule per wire says when to speak to everybody. When it stops,
/// a last advertisement tells hosts to find another router.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dhcp/ra/config.hpp"

namespace lab::dhcp::ra {

class Service {
 public:
  static Result<std::unique_ptr<Service>> start(boost::asio::io_context& io, const Config& config);
  ~Service();

  /// Takes new settings and says them to everybody; on failure the old ones stay.
  Result<void> reload(const Config& config);
  /// Says goodbye on every wire.
  void stop();

 private:
  struct Wire;

  explicit Service(boost::asio::io_context& io);
  Result<void> open();
  Result<void> configure(const Config& config);
  void listen();
  void receive();
  void answer(Wire& wire, const IpAddress& host);
  void speak_later(Wire& wire);
  bool send(const Wire& wire, const IpAddress& to, const Advertisement& advertisement) const;

  boost::asio::io_context& io_;
  mutable boost::asio::posix::stream_descriptor socket_;
  std::vector<std::unique_ptr<Wire>> wires_;
};

}  // namespace lab::dhcp::ra
