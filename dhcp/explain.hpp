/// explain -- a DHCP message in words a student understands: who speaks to whom, what it says, and the
/// options that tell. One line for logs and dialogue events, a block for the projector.
#pragma once
#include <string>
#include <string_view>

#include "common/address.hpp"
#include "dhcp/message.hpp"

namespace lab::dhcp {

/// `DHCPREQUEST from 02:4c:61:00:00:05 (pc1): I take 192.168.56.100 from server 192.168.56.10`
std::string summary(const Message& message);

/// What the message says, as its sender would: "You may have 192.168.56.100 for 1 h." ASCII, no line break.
std::string sentence(const Message& message);

/// Several lines: an arrow (`outgoing`: →, else ←), the type, both ends, the sentence, and a line per telling
/// field.
std::string explanation(const Message& message, const Endpoint& from, const Endpoint& to, bool outgoing);

/// `3600` → "1 h", `5400` → "1 h 30 min", 0xffffffff → "ever"
std::string duration_text(std::uint32_t seconds);

/// Bytes from the outside, made safe to print: anything but printable ASCII becomes '?'.
std::string printable_text(std::string_view bytes);

}  // namespace lab::dhcp
