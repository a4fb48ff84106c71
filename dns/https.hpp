/// https -- one DNS-over-HTTPS connection (RFC 8484): the bytes of the stream to and from its session.
#pragma once
#include <memory>
#include <string>

#include "dns/tcp.hpp"

namespace lab::dns {

std::shared_ptr<Connection> make_https_connection(TcpServer& server, Stream stream, const Endpoint& peer,
                                                  const std::string& path);

}  // namespace lab::dns
