/// control -- a local socket (Unix, mode 0600) on which the running server answers questions: one line in,
/// one JSON value out. `status`, `leases`, `revoke ADDRESS`, … (service_control.cpp). labctl, the dashboard and lab-leases ask here.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <string>

#include "common/error.hpp"
#include "common/spawn.hpp"

namespace lab::dhcp {

class Control {
 public:
  /// `answer` gets the line without its end, and runs on the io_context's thread.
  Control(boost::asio::io_context& io, std::function<std::string(const std::string&)> answer)
      : io_(io), acceptor_(io), answer_(std::move(answer)) {}
  ~Control();

  Result<void> listen(const std::string& path);
  void stop();

 private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::socket socket);

  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::function<std::string(const std::string&)> answer_;
  std::string path_;
};

}  // namespace lab::dhcp
