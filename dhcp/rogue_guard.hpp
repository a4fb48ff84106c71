/// rogue_guard -- another DHCP server on a wire of ours: how to provoke it, and how to know its words. A lab that is
/// bridged to a school's network must not answer the school's machines, nor let a forgotten router answer the lab's.
/// No I/O: see WireWatch.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "dhcp/message.hpp"

namespace lab::dhcp {

/// What a scope does about it.
enum class Guard : std::uint8_t {
  Off,
  Alert,   ///< serve beside it, and say so
  Refuse,  ///< do not begin to serve while another answers; say so when one appears later
};

/// A server seen on a wire.
struct OtherServer {
  IpAddress id;         ///< option 54
  std::string station;  ///< the hardware address its frame came from
  std::string network;  ///< what it offers, as "192.168.1.57, router 192.168.1.1"; may be empty
  std::string text() const;
};

/// A DISCOVER that asks every server for a word, from a hardware address nobody has; nothing is ever taken.
Message rogue_probe(const MacAddress& own, std::uint32_t xid);
/// Whether the payload, which came from port 67, is the word of a server other than `known`.
std::optional<OtherServer> other_server(std::span<const std::uint8_t> payload, const std::string& station,
                                        const std::set<IpAddress>& known);

}  // namespace lab::dhcp
