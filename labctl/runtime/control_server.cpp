#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "labctl/runtime/control.hpp"

namespace lab::runtime {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;

namespace {

constexpr std::uint64_t kMaxBody = 16 << 20;  // a plan of 500 nodes is about 2 MiB
constexpr auto kPauseAfterError = std::chrono::milliseconds(100);

bool same_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

}  // namespace

struct ControlServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& context, Handler handle, Subscribe listen)
      : io(context), acceptor(context), handler(std::move(handle)), subscribe(std::move(listen)) {}
  asio::io_context& io;
  Local::acceptor acceptor;
  Handler handler;
  Subscribe subscribe;

  asio::awaitable<void> accept_all() {
    auto self = shared_from_this();
    while (acceptor.is_open()) {
      boost::system::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
      if (error) {
        // Out of descriptors, for one: the loop survives, after a pause.
        asio::steady_timer pause(io, kPauseAfterError);
        co_await pause.async_wait(asio::use_awaitable);
        continue;
      }
      if (same_user(socket.native_handle())) spawn(io.get_executor(), "control", serve(std::move(socket)));
    }
  }

  asio::awaitable<void> serve(Local::socket socket) {
    auto self = shared_from_this();
    boost::beast::flat_buffer buffer;
    boost::system::error_code error;
    for (;;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(kMaxBody);
      co_await http::async_read(socket, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      auto request = parser.release();
      const std::string target(request.target());
      const auto mark = target.find('?');
      ControlRequest asked{std::string(request.method_string()), target.substr(0, mark),
                           mark == std::string::npos ? "" : target.substr(mark + 1),
                           std::move(request.body())};
      if (asked.method == "GET" && asked.path == "/events") {
        co_await stream_events(std::move(socket));
        co_return;
      }
      auto reply = co_await handler(std::move(asked));
      http::response<http::string_body> response(static_cast<http::status>(reply.status), request.version());
      response.set(http::field::content_type, "application/json");
      response.keep_alive(request.keep_alive());
      response.body() = std::move(reply.body);
      response.prepare_payload();
      co_await http::async_write(socket, response, asio::redirect_error(asio::use_awaitable, error));
      if (error || !request.keep_alive()) co_return;
    }
  }

  /// The reader gets lines as they come; one that is too slow loses lines, never slows the lab.
  asio::awaitable<void> stream_events(Local::socket socket) {
    static constexpr std::string_view kHead =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n";
    boost::system::error_code error;
    co_await asio::async_write(socket, asio::buffer(kHead), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    auto shared = std::make_shared<Local::socket>(std::move(socket));
    subscribe([weak = std::weak_ptr(shared)](const std::string& line) {
      const auto reader = weak.lock();
      if (!reader) return false;
      const auto sent = send(reader->native_handle(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      return sent >= 0 || errno == EAGAIN;
    });
    char ignored[64];
    while (!error)
      co_await shared->async_read_some(asio::buffer(ignored),
                                       asio::redirect_error(asio::use_awaitable, error));
  }
};

ControlServer::ControlServer(asio::io_context& io, Fd bound, Handler handler, Subscribe subscribe)
    : impl_(std::make_shared<Impl>(io, std::move(handler), std::move(subscribe))) {
  // listen(2) here, not where it was bound: SO_PEERCRED then names process 1 to whoever connects.
  constexpr int kBacklog = 64;
  if (listen(bound.get(), kBacklog) != 0)
    throw std::system_error(errno, std::generic_category(), "control socket");
  impl_->acceptor.assign(Local(), bound.release());
  spawn(io.get_executor(), "control", impl_->accept_all());
}

void ControlServer::close() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace lab::runtime
