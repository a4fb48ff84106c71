/// relay -- the rules of a DHCP relay agent (RFC 1542 4.1, RFC 3046), bytes in and bytes out: what comes from
/// clients goes to the servers with our address in `giaddr`, what servers answer goes back to the wire it
/// came from. Messages are patched in place, not rewritten: what a relay does not understand passes unharmed.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "dhcp/message.hpp"
#include "dhcp/server.hpp"

namespace lab::dhcp {

struct RelaySettings {
  struct Link {
    std::string interface;
    IpAddress address;  ///< ours on that wire: becomes `giaddr`, by which the server knows the network
  };
  std::vector<Link> links;  ///< where clients are
  std::vector<IpAddress> servers;
  bool add_information = true;  ///< option 82 with the interface's name as circuit id
  std::string remote_id;        ///< sub-option 2; empty: not sent
  std::uint8_t max_hops = 16;   ///< RFC 1542 4.1.1
};

struct Relayed {
  Bytes payload;
  Delivery delivery = Delivery::Relay;  ///< Relay: to each server; else to the client on `interface`
  IpAddress from;
  Endpoint to;  ///< of a reply; unset towards servers
  std::string interface;
  Bytes hardware;  ///< for Delivery::Hardware
};

class RelayAgent {
 public:
  explicit RelayAgent(RelaySettings settings) : settings_(std::move(settings)) {}
  const RelaySettings& settings() const { return settings_; }

  /// Nullopt: the message is not to be relayed; `why` then says the reason.
  std::optional<Relayed> handle(std::span<const std::uint8_t> payload, const Arrival& arrival,
                                std::string& why) const;

 private:
  std::optional<Relayed> to_servers(std::span<const std::uint8_t> payload, const Message& m,
                                    const Arrival& arrival, std::string& why) const;
  std::optional<Relayed> to_client(std::span<const std::uint8_t> payload, const Message& m,
                                   std::string& why) const;
  RelaySettings settings_;
};

/// The message with option 82 before END; unchanged when it would grow beyond what Ethernet carries in one
/// piece.
Bytes with_relay_information(std::span<const std::uint8_t> payload, const Bytes& information);
/// The message without option 82.
Bytes without_relay_information(std::span<const std::uint8_t> payload);

}  // namespace lab::dhcp
