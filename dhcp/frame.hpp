/// frame -- a UDP datagram inside an IPv4 packet, built and taken apart by hand (RFC 791, RFC 768). A machine
/// without an address cannot use ordinary sockets: a client sends from 0.0.0.0, and a server must reach a
/// client that would not answer ARP yet. The Ethernet header around it is the kernel's business (packet
/// sockets of type SOCK_DGRAM).
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "common/address.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

struct Datagram {
  Endpoint from, to;
  std::span<const std::uint8_t> payload;
};

/// The IP packet, with both checksums.
Bytes encode_packet(const Datagram& datagram);
/// Nullopt for anything but a whole UDP datagram; `payload` points into `packet`. The UDP checksum is not
/// looked at: on a virtual link the sender's kernel leaves it for a network card to fill in. The IP header's
/// is.
std::optional<Datagram> decode_packet(std::span<const std::uint8_t> packet);

/// An ARP message for Ethernet and IPv4 (RFC 826), without its Ethernet header.
struct ArpMessage {
  static constexpr std::uint16_t kRequest = 1, kReply = 2;
  std::uint16_t operation = kRequest;
  MacAddress sender_hardware, target_hardware;
  IpAddress sender, target;
};
Bytes encode_arp(const ArpMessage& message);
std::optional<ArpMessage> decode_arp(std::span<const std::uint8_t> frame);

}  // namespace lab::dhcp
