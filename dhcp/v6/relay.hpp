/// relay -- the rules of a DHCPv6 relay agent (RFC 8415 19), bytes in and bytes out: what comes from clients
/// goes to the servers in an envelope that names their wire, what servers answer is taken out of it again and
/// goes back to the wire it came from. What is inside is never read.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dhcp/v6/message.hpp"
#include "dhcp/v6/server.hpp"

namespace lab::dhcp::v6 {

struct RelaySettings {
  struct Link {
    std::string interface;
    IpAddress address;  ///< ours on that wire, not link-local: by it the server knows the network
  };
  std::vector<Link> links;         ///< where clients are
  std::vector<IpAddress> servers;  ///< each gets every message
  std::string remote_id;           ///< option 37 (RFC 4649); empty: not sent
};

struct Relayed {
  Bytes payload;
  bool to_servers = true;
  Endpoint to;            ///< of an answer: the client, or the next relay towards it
  std::string interface;  ///< of an answer
};

class RelayAgent {
 public:
  explicit RelayAgent(RelaySettings settings) : settings_(std::move(settings)) {}
  const RelaySettings& settings() const { return settings_; }

  /// Nullopt: the message is not to be relayed; `why` then says the reason.
  std::optional<Relayed> handle(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                std::string& why) const;

 private:
  std::optional<Relayed> to_servers(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                    std::string& why) const;
  std::optional<Relayed> to_client(std::span<const std::uint8_t> payload, std::string& why) const;
  RelaySettings settings_;
};

}  // namespace lab::dhcp::v6
