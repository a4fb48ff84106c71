#include "dhcp/frame.hpp"

#include <algorithm>
#include <array>

namespace lab::dhcp {
namespace {

constexpr std::size_t kIpHeader = 20, kUdpHeader = 8;
constexpr std::uint8_t kUdp = 17, kTimeToLive = 64, kLowDelay = 0x10;

std::uint32_t sum_words(std::span<const std::uint8_t> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += read16(bytes.subspan(i));
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back()) << 8;
  return sum;
}

/// RFC 1071
std::uint16_t fold(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put16(Bytes& out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

constexpr std::uint8_t kArpForEthernetAndIp[6] = {0, 1, 8,
                                                  0, 6, 4};  // Ethernet, IPv4, lengths of both addresses
constexpr std::size_t kArpSize = 28;

MacAddress mac_at(std::span<const std::uint8_t> frame, std::size_t at) {
  std::array<std::uint8_t, 6> bytes{};
  std::ranges::copy(frame.subspan(at, bytes.size()), bytes.begin());
  return MacAddress(bytes);
}

}  // namespace

Bytes encode_packet(const Datagram& d) {
  const auto udp_size = static_cast<std::uint16_t>(kUdpHeader + d.payload.size());
  Bytes out;
  out.reserve(kIpHeader + udp_size);
  out = {0x45, kLowDelay};  // version 4, five words of header
  append16(out, static_cast<std::uint16_t>(kIpHeader + udp_size));
  append32(out, 0);  // identification, flags and fragment: never fragmented
  out.push_back(kTimeToLive);
  out.push_back(kUdp);
  append16(out, 0);
  append32(out, d.from.address.v4_value());
  append32(out, d.to.address.v4_value());
  put16(out, 10, fold(sum_words(out, 0)));

  append16(out, d.from.port);
  append16(out, d.to.port);
  append16(out, udp_size);
  append16(out, 0);
  append(out, d.payload);
  // RFC 768: the checksum covers a pseudo header of both addresses, the protocol and the length.
  std::uint32_t sum = sum_words(std::span(out).subspan(12, 8), kUdp + std::uint32_t{udp_size});
  sum = sum_words(std::span(out).subspan(kIpHeader), sum);
  const std::uint16_t checksum = fold(sum);
  put16(out, kIpHeader + 6, checksum == 0 ? 0xFFFF : checksum);
  return out;
}

std::optional<Datagram> decode_packet(std::span<const std::uint8_t> packet) {
  if (packet.size() < kIpHeader || packet[0] >> 4 != 4 || packet[9] != kUdp) return std::nullopt;
  const std::size_t header = static_cast<std::size_t>(packet[0] & 15) * 4;
  const std::size_t total = read16(packet.subspan(2));
  if (header < kIpHeader || total < header + kUdpHeader || total > packet.size()) return std::nullopt;
  if ((read16(packet.subspan(6)) & 0x3FFF) != 0) return std::nullopt;  // a fragment
  if (fold(sum_words(packet.first(header), 0)) != 0) return std::nullopt;
  const auto udp = packet.subspan(header, total - header);
  const std::size_t udp_size = read16(udp.subspan(4));
  if (udp_size < kUdpHeader || udp_size > udp.size()) return std::nullopt;
  Datagram d;
  d.from = {IpAddress::v4(read32(packet.subspan(12))), read16(udp)};
  d.to = {IpAddress::v4(read32(packet.subspan(16))), read16(udp.subspan(2))};
  d.payload = udp.subspan(kUdpHeader, udp_size - kUdpHeader);
  return d;
}

Bytes encode_arp(const ArpMessage& m) {
  Bytes out(std::begin(kArpForEthernetAndIp), std::end(kArpForEthernetAndIp));
  append16(out, m.operation);
  append(out, m.sender_hardware.bytes());
  append32(out, m.sender.v4_value());
  append(out, m.target_hardware.bytes());
  append32(out, m.target.v4_value());
  return out;
}

std::optional<ArpMessage> decode_arp(std::span<const std::uint8_t> frame) {
  if (frame.size() < kArpSize || !std::ranges::equal(frame.first(6), kArpForEthernetAndIp))
    return std::nullopt;
  return ArpMessage{.operation = read16(frame.subspan(6)),
                    .sender_hardware = mac_at(frame, 8),
                    .target_hardware = mac_at(frame, 18),
                    .sender = IpAddress::v4(read32(frame.subspan(14))),
                    .target = IpAddress::v4(read32(frame.subspan(24)))};
}

}  // namespace lab::dhcp
