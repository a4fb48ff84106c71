#include "common/control_socket.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace lab {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;

constexpr std::size_t kLongestLine = 4352;  // a command and a path
constexpr std::chrono::seconds kPatience(2);

}  // namespace

ControlSocket::~ControlSocket() { stop(); }

Result<void> ControlSocket::listen(const std::string& path) {
  boost::system::error_code error;
  unlink(path.c_str());  // of a server that was killed
  const mode_t before = umask(0177);
  acceptor_.open(stream_protocol(), error);
  if (!error && path.size() < sizeof(sockaddr_un::sun_path)) {
    acceptor_.bind(stream_protocol::endpoint(path), error);
  } else if (!error) {
    error = asio::error::name_too_long;
  }
  umask(before);
  if (!error) acceptor_.listen(8, error);
  if (error) return fail("cannot listen: " + error.message(), path, "its folder must exist and be writable");
  path_ = path;
  spawn(io_.get_executor(), "control socket", accept());
  return {};
}

void ControlSocket::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

asio::awaitable<void> ControlSocket::accept() {
  while (acceptor_.is_open()) {
    boost::system::error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) spawn(io_.get_executor(), "control", serve(std::move(socket)));
    if (!error || !acceptor_.is_open()) continue;
    asio::steady_timer pause(io_, std::chrono::milliseconds(100));  // out of descriptors: it passes
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

asio::awaitable<std::string> ControlSocket::answered(const std::string& line) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::string)>(
      [&](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        answer_(line, [shared, executor = io_.get_executor()](std::string text) {
          asio::post(executor,
                     [shared, text = std::move(text)]() mutable { std::move (*shared)(std::move(text)); });
        });
      },
      asio::use_awaitable);
}

asio::awaitable<void> ControlSocket::serve(stream_protocol::socket socket) {
  using namespace asio::experimental::awaitable_operators;
  std::string line;
  boost::system::error_code error, late;
  asio::steady_timer patience(io_, kPatience);
  const auto got = co_await (asio::async_read_until(socket, asio::dynamic_buffer(line, kLongestLine), '\n',
                                                    asio::redirect_error(asio::use_awaitable, error)) ||
                             patience.async_wait(asio::redirect_error(asio::use_awaitable, late)));
  if (got.index() == 1 || error) co_return;
  line.resize(line.find('\n'));
  const std::string reply = co_await answered(line);
  patience.expires_after(kPatience);
  co_await (
      asio::async_write(socket, asio::buffer(reply), asio::redirect_error(asio::use_awaitable, error)) ||
      patience.async_wait(asio::redirect_error(asio::use_awaitable, late)));
}

}  // namespace lab
