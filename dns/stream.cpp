#include "dns/stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace lab::dns {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Outcome = TlsChannel::Outcome;

namespace {
constexpr auto kResult = asio::as_tuple(asio::use_awaitable);
}

Stream::Stream(tcp::socket socket, const tls::Context& context) : socket_(std::move(socket)) {
  if (context) tls_ = TlsChannel::server(context, socket_.native_handle());
}

Stream::Stream(tcp::socket socket, const tls::Context& context, const std::string& name)
    : socket_(std::move(socket)) {
  if (context) tls_ = TlsChannel::client(context, socket_.native_handle(), name);
}

asio::awaitable<bool> Stream::ready(Outcome outcome) {
  if (outcome != Outcome::WantRead && outcome != Outcome::WantWrite) co_return false;
  const auto [error] = co_await socket_.async_wait(
      outcome == Outcome::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write, kResult);
  co_return !error && socket_.is_open();
}

asio::awaitable<bool> Stream::handshake() {
  while (tls_) {
    const auto step = tls_->handshake();
    if (step.outcome == Outcome::Done) break;
    const bool more = co_await ready(step.outcome);
    if (!more) co_return false;
  }
  co_return true;
}

asio::awaitable<std::size_t> Stream::read_some(std::span<std::uint8_t> into) {
  if (!tls_) {
    const auto [error, n] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), kResult);
    co_return error ? 0 : n;
  }
  for (;;) {
    const auto step = tls_->read({reinterpret_cast<char*>(into.data()), into.size()});
    if (step.outcome == Outcome::Done) co_return step.bytes;
    const bool more = co_await ready(step.outcome);
    if (!more) co_return 0;
  }
}

asio::awaitable<bool> Stream::read(std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const std::size_t n = co_await read_some(into);
    if (n == 0) co_return false;
    into = into.subspan(n);
  }
  co_return true;
}

asio::awaitable<bool> Stream::write(std::span<const std::uint8_t> bytes) {
  if (!tls_) {
    const auto [error, n] =
        co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), kResult);
    co_return !error;
  }
  while (!bytes.empty()) {
    const auto step = tls_->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (step.outcome == Outcome::Done) {
      bytes = bytes.subspan(step.bytes);
      continue;
    }
    const bool more = co_await ready(step.outcome);
    if (!more) co_return false;
  }
  co_return true;
}

void Stream::stop_reading() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_receive, ignored);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Stream::goodbye() {
  if (tls_ && socket_.is_open()) tls_->shutdown();
  close();
}

}  // namespace lab::dns
