/// server -- the DHCPv6 server's rules (RFC 8415 18.3) without sockets, clock or disk: a message and where it
/// came from go in; what to make durable, what to answer then, and the reason in words come out. Nothing is
/// remembered by transaction: dhcpcd changes it between SOLICIT and REQUEST.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dhcp/v6/allocator.hpp"
#include "dhcp/v6/lease_table.hpp"
#include "dhcp/v6/message.hpp"
#include "dhcp/v6/settings.hpp"

namespace lab::dhcp::v6 {

/// Where a packet came from.
struct Arrival {
  std::string interface;
  IpAddress source;
  IpAddress destination;  ///< a multicast group, or an address of ours
};

struct Outcome {
  std::vector<Lease> store;  ///< to be on disk before the reply leaves
  std::optional<Message> reply;
  std::string note;       ///< what was decided and why; one sentence
  bool alarming = false;  ///< a person should look
};

struct PoolStatus {
  const Scope* scope = nullptr;
  std::uint64_t addresses = 0;  ///< that its ranges lend
  std::uint64_t leased = 0;     ///< of these, not free now
  std::uint64_t resting = 0;    ///< of these, declined
  std::uint64_t prefixes = 0, delegated = 0;
};

class Server {
 public:
  Server() : allocator_(leases_) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes new settings; every lease stays.
  void configure(Settings settings);
  /// A lease from the store, at start, before `configure`.
  void restore(Lease lease) { leases_.put(std::move(lease)); }

  Outcome handle(const Packet& packet, const Arrival& arrival, ServerTime now);
  /// Leases that have ended by `now`, with their new state, to be stored.
  std::vector<Lease> expire(ServerTime now);
  /// Takes a lease away from its client before its time; nullopt when there is none to take.
  std::optional<Lease> revoke(const IpAddress& address, ServerTime now);
  std::vector<PoolStatus> pools(ServerTime now) const;

  const Settings& settings() const { return settings_; }
  const LeaseTable& leases() const { return leases_; }
  /// The name in DNS for a lease; empty when none is registered.
  std::string fqdn(const Lease& lease) const;

 private:
  struct Context;
  /// How far an answer binds.
  enum class Binding { Offer, Grant };

  Outcome solicit(const Context& c);
  Outcome request(const Context& c);
  Outcome extend(const Context& c, bool rebinding);
  Outcome confirm(const Context& c) const;
  Outcome release(const Context& c);
  Outcome decline(const Context& c);
  Outcome inform(const Context& c) const;

  /// Serves every association of the message into `reply`; true when one got something.
  bool serve(const Context& c, Binding binding, Message& reply, Outcome& outcome);
  Ia serve_one(const Context& c, const Ia& asked, Binding binding, Outcome& outcome);
  void give_up_others(const Context& c, const Lease& kept, Outcome& outcome);
  void add_entry(const Lease& lease, const Choice& choice, Ia& ia) const;
  Message answer(const Context& c, MessageType type) const;
  void add_configuration(const Context& c, Message& reply) const;
  Outcome use_multicast(const Context& c) const;

  const Link* link_of(const Packet& packet, const Arrival& arrival) const;
  Claimant claimant(const Context& c, const Ia& ia) const;
  bool on_link(const Link& link, IaKind kind, const IaEntry& entry) const;

  Settings settings_;
  LeaseTable leases_;
  Allocator allocator_;
  std::vector<Link> links_;
};

/// The hardware address of the client: what a relay says (RFC 6939), else the one in its link-local address,
/// else the one in its DUID.
std::optional<MacAddress> client_mac(const Packet& packet, const IpAddress& source);

}  // namespace lab::dhcp::v6
