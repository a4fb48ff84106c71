/// control_socket -- a local socket (Unix, mode 0600) on which a running daemon is asked and told things: one
/// line in, one text out, then the connection ends. labctl and the daemons' own tools ask here, with
/// `ask_control`.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <string>

#include "common/error.hpp"
#include "common/spawn.hpp"

namespace lab {

class ControlSocket {
 public:
  /// To be called once, on any thread.
  using Reply = std::function<void(std::string)>;
  /// `answer` gets the line without its end, and runs on the io_context's thread.
  ControlSocket(boost::asio::io_context& io, std::function<void(const std::string& line, Reply reply)> answer)
      : io_(io), acceptor_(io), answer_(std::move(answer)) {}
  /// Where every answer is known at once.
  ControlSocket(boost::asio::io_context& io, std::function<std::string(const std::string& line)> answer)
      : ControlSocket(io, [answer = std::move(answer)](const std::string& line, const Reply& reply) {
          reply(answer(line));
        }) {}
  ~ControlSocket();

  Result<void> listen(const std::string& path);
  void stop();

 private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<std::string> answered(const std::string& line);
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::socket socket);

  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::function<void(const std::string&, Reply)> answer_;
  std::string path_;
};

}  // namespace lab
