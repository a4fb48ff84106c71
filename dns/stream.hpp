/// stream -- the bytes of one connection, as they are or under TLS. Does nothing but move them.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <span>
#include <string>

#include "common/tls_channel.hpp"

namespace lab::dns {

class Stream {
 public:
  /// With a `context`, TLS is spoken, as its server.
  Stream(boost::asio::ip::tcp::socket socket, const tls::Context& context);
  /// As its client, of a server that must show a certificate for `name`; with an empty one, any will do.
  Stream(boost::asio::ip::tcp::socket socket, const tls::Context& context, const std::string& name);

  /// True at once without TLS; false when there is none to be had, `failure` says why.
  boost::asio::awaitable<bool> handshake();
  /// How many bytes came, at least one; 0 when the connection has ended.
  boost::asio::awaitable<std::size_t> read_some(std::span<std::uint8_t> into);
  /// Fills `into`; false when the connection has ended before that.
  boost::asio::awaitable<bool> read(std::span<std::uint8_t> into);
  /// Writes all of it; false when the connection has ended.
  boost::asio::awaitable<bool> write(std::span<const std::uint8_t> bytes);

  /// Nothing more is read; what is being written leaves.
  void stop_reading();
  void close();
  bool encrypted() const { return tls_ != nullptr; }
  /// Says that this was all, and closes.
  void goodbye();
  /// The version of TLS spoken, "TLSv1.3"; empty without.
  std::string tls_version() const { return tls_ ? tls_->version() : std::string(); }
  std::string failure() const { return tls_ ? tls_->failure() : std::string(); }

 private:
  /// Waits for what TLS needs; false when the connection has ended.
  boost::asio::awaitable<bool> ready(TlsChannel::Outcome outcome);

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsChannel> tls_;
};

}  // namespace lab::dns
