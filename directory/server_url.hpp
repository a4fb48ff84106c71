/// server_url -- where a directory server is (RFC 4516, as far as servers go): ldap://host[:port],
/// ldaps://host[:port], ldapi:///path/of/socket. The scheme decides about TLS, nothing else does.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace lab::directory {

struct ServerUrl {
  enum class Scheme {
    Ldap,   ///< TCP, made TLS by StartTLS before anything else is said
    Ldaps,  ///< TLS from the first byte
    Ldapi   ///< Unix socket
  };
  Scheme scheme = Scheme::Ldap;
  std::string host;  ///< name or address, without brackets; empty for ldapi
  std::uint16_t port = 0;
  std::string path;  ///< of the socket; empty for the others

  bool is_local() const { return scheme == Scheme::Ldapi; }
  std::string text() const;
  static Result<ServerUrl> parse(std::string_view text);
  friend bool operator==(const ServerUrl&, const ServerUrl&) = default;
};

}  // namespace lab::directory
