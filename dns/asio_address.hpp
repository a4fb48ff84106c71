/// asio_address -- our endpoints as Asio's and back.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <optional>
#include <vector>

#include "common/address.hpp"

namespace lab::dns {

inline boost::asio::ip::address to_asio(const IpAddress& a) {
  if (a.is_v4()) return boost::asio::ip::address_v4(a.v4_value());
  boost::asio::ip::address_v6::bytes_type bytes;
  std::copy(a.bytes().begin(), a.bytes().end(), bytes.begin());
  return boost::asio::ip::address_v6(bytes);
}

inline boost::asio::ip::tcp::endpoint to_tcp(const Endpoint& e) { return {to_asio(e.address), e.port}; }
inline boost::asio::ip::udp::endpoint to_udp(const Endpoint& e) { return {to_asio(e.address), e.port}; }

inline Endpoint from_asio(const boost::asio::ip::tcp::endpoint& e) {
  if (e.address().is_v4()) return {IpAddress::v4(e.address().to_v4().to_uint()), e.port()};
  return {IpAddress::v6(e.address().to_v6().to_bytes()), e.port()};
}

/// The address we listen on from which a message to `to` should come, so that the other side knows us by it;
/// none when the kernel has to choose.
inline std::optional<IpAddress> source_for(const std::vector<Endpoint>& listen, const IpAddress& to) {
  for (const Endpoint& e : listen) {
    const auto a = to_asio(e.address);
    if (e.address.is_v4() == to.is_v4() && !a.is_unspecified() &&
        a.is_loopback() == to_asio(to).is_loopback())
      return e.address;
  }
  return std::nullopt;
}

}  // namespace lab::dns
