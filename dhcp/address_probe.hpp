/// address_probe -- asks a wire whether somebody already uses an address (RFC 2131 4.4.1 "SHOULD probe", by
/// ARP as RFC 5227 2.1.1 does): students give machines addresses by hand, and sometimes one that the server
/// is about to lend.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/address.hpp"
#include "common/error.hpp"

namespace lab::dhcp {

class AddressProbe {
 public:
  explicit AddressProbe(boost::asio::io_context& io) : io_(io), readable_(io) {}
  ~AddressProbe();
  /// Needs CAP_NET_RAW, now only.
  Result<void> open();

  /// Calls `done` after `wait`, with whether anybody but `asker` has answered for the address; at once when
  /// one has. False, and `done` is never called, when the address is being asked for already.
  bool ask(const std::string& interface, const IpAddress& address, const MacAddress& asker,
           std::chrono::milliseconds wait, std::function<void(bool)> done);
  bool is_open() const { return readable_.is_open(); }
  void stop();

 private:
  struct Question {
    MacAddress asker;
    std::function<void(bool)> done;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  void send_probe(const std::string& interface, const IpAddress& address);
  void listen();
  void receive();
  void finish(const IpAddress& address, bool in_use);

  boost::asio::io_context& io_;
  boost::asio::posix::stream_descriptor readable_;
  std::map<IpAddress, Question> questions_;
};

}  // namespace lab::dhcp
