/// explain -- a DHCPv6 message in words a student understands: one line for logs and dialogue events, a block
/// for the projector.
#pragma once
#include <string>

#include "common/address.hpp"
#include "dhcp/v6/message.hpp"

namespace lab::dhcp::v6 {

/// `SOLICIT from 02:4c:61:00:00:05 (pc1): Is there a DHCPv6 server? I need an address`
std::string summary(const Message& message);
/// The same with the relays it came through.
std::string summary(const Packet& packet);

/// What the message says, as its sender would. ASCII, no line break.
std::string sentence(const Message& message);

/// Several lines: an arrow (`outgoing`: →, else ←), the type, both ends, the sentence, and a line per telling
/// option.
std::string explanation(const Message& message, const Endpoint& from, const Endpoint& to, bool outgoing);

}  // namespace lab::dhcp::v6
