/// server_context -- one message as the server's handlers see it: with the network it came from and who sent
/// it. For the server's own files.
#pragma once
#include <algorithm>
#include <string>

#include "dhcp/claimant.hpp"
#include "dhcp/server.hpp"

namespace lab::dhcp {

inline const IpAddress kEverybody = IpAddress::v4(0xFFFFFFFF);

/// What every handler needs to know about one message.
struct Server::Context {
  const Message& message;
  const Arrival& arrival;
  ServerTime now;
  const Network& network;
  Claimant who;
  IpAddress server_id;

  bool unicast() const {
    if (arrival.destination == kEverybody) return false;
    return std::ranges::none_of(
        network, [&](const Scope* s) { return s->network.broadcast() == arrival.destination; });
  }
  bool authoritative() const { return network.front()->authoritative; }
};

/// No answer, and why.
inline Outcome silence(std::string why, bool alarming = false) {
  return {.store = {},
          .before = {},
          .port = {},
          .reply = std::nullopt,
          .probe = std::nullopt,
          .note = std::move(why),
          .alarming = alarming};
}

}  // namespace lab::dhcp
