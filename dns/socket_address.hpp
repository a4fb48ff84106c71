/// socket_address -- our endpoints as the kernel's socket addresses and back.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <span>

#include "common/address.hpp"

namespace lab::dns {

inline socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (endpoint.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes().data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), 16);
  return sizeof v6;
}

inline Endpoint from_sockaddr(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(in);
    return {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(in);
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, 16);
  return {IpAddress::v6(bytes), ntohs(v6.sin6_port)};
}

/// The address alone, 4 or 16 bytes of `in`.
inline std::span<const std::uint8_t> address_of(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET)
    return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in&>(in).sin_addr), 4};
  return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6&>(in).sin6_addr), 16};
}

}  // namespace lab::dns
