/// claimant -- who asks and where, as far as a message tells: the client as the scope tells clients apart,
/// its hardware address, its relay and the port behind it (RFC 2131 4.2, RFC 3046).
#pragma once
#include <string>

#include "dhcp/allocator.hpp"
#include "dhcp/message.hpp"
#include "dhcp/server.hpp"

namespace lab::dhcp {

Claimant claimant(const Message& m, Match match);

/// The address a relay chose its link by: RFC 3527's sub-option, else giaddr.
IpAddress link_of(const Message& m);

/// What a client cannot choose about where it is: its relay and the relay's port, else the hardware address
/// its frame came from; empty where neither is known.
std::string port_of(const Message& m, const Arrival& arrival);

}  // namespace lab::dhcp
