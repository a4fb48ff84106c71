/// server -- the DHCP server's rules (RFC 2131 4.3) without sockets, clock or disk: a message and where it
/// came from go in; what to make durable, what to answer then and to whom, and the reason in words come out.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dhcp/allocator.hpp"
#include "dhcp/lease_table.hpp"
#include "dhcp/message.hpp"
#include "dhcp/port_limits.hpp"
#include "dhcp/settings.hpp"

namespace lab::dhcp {

/// Where a message came from.
struct Arrival {
  std::string interface;
  IpAddress source;       ///< of the IP packet; 0.0.0.0 from a client without address
  IpAddress destination;  ///< ours, or a broadcast address
  std::string station = {};  ///< the hardware address its frame came from, where that is watched; else empty
};

/// How a reply travels (RFC 2131 4.1).
enum class Delivery {
  Relay,      ///< to giaddr, server port
  Unicast,    ///< to the client's own address
  Broadcast,  ///< to 255.255.255.255 on the interface of arrival
  Hardware,   ///< to yiaddr in a frame for chaddr: the client cannot answer ARP yet
};

struct Reply {
  Message message;
  Delivery delivery = Delivery::Broadcast;
  Endpoint to;
  IpAddress from;  ///< our stable source address; 0.0.0.0: let the kernel choose
  EncodeOptions encoding;
};

/// Before the reply leaves, the wire is asked whether somebody uses the address already.
struct ProbeFirst {
  IpAddress address;
  std::chrono::milliseconds wait{0};
};

struct Outcome {
  std::vector<Lease> store;  ///< to be on disk before the reply leaves
  /// What the client had of the first of them until now; only where a partner shares the pools (see
  /// `share_pools`).
  std::optional<Lease> before = {};
  std::string port =
      {};  ///< behind which the last of them was lent, where the scope limits ports; else empty
  std::optional<Reply> reply;
  std::optional<ProbeFirst> probe;
  /// With an offer: the lease, should the client take it in this very second. It may be on disk before, and
  /// the ACK then waits for nothing.
  std::optional<Lease> ahead = {};
  std::string note;       ///< what was decided and why; one sentence
  bool alarming = false;  ///< a person should look: pool exhausted, conflict
};

/// What this server may do while another one shares its networks (failover.hpp).
enum class Duty : std::uint8_t {
  Serve,      ///< everything: it is alone, or the one that answers
  WholePool,  ///< the partner is down: everything, but addresses of its share for a short time only
  OwnShare,   ///< the partner is silent and may be alive: known clients keep what they have, new ones get
             ///< addresses of our own share, and no address goes to another client because its time has run
             ///< out; whatever is promised is promised for a short time
  OwnShareOnly,  ///< so, and what we know of the partner's share is out of date: nothing of it is given to
                 ///< anybody
  Hold,  ///< what the partner has lent meanwhile is unknown: leases that run are confirmed for the time they
         ///< have left, and nothing else is given
  StandBy,  ///< the partner answers; only what a client says to us alone, a renewal or a release
};

struct PoolStatus {
  const Scope* scope = nullptr;
  std::uint64_t addresses = 0;  ///< that its ranges lend
  std::uint64_t leased = 0;     ///< of these, not free now
  std::uint64_t resting = 0;    ///< of these, declined
};

class Server {
 public:
  Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes new settings; every lease stays.
  void configure(Settings settings);
  /// Which share of each pool is ours for new clients: the lower half, or the upper; before `configure`.
  void share_pools(Share share) {
    allocator_.share(share);
    has_partner_ = share != Share::Whole;
  }
  void set_duty(Duty duty);
  /// How long a client is promised what the partner cannot know of (the MCLT of
  /// draft-ietf-dhc-failover-12 5.2.1).
  void promise_alone_for(std::chrono::seconds reach) { reach_ = reach; }
  Duty duty() const { return duty_; }
  /// A row the partner could not store, and no client has heard of: the lease is again as it was before, or
  /// kept for its client. The row to store instead.
  std::optional<Lease> take_back(const Lease& row, const Lease* before, ServerTime now);
  /// The partner's record of a lease, kept where it is newer than ours; whether it was.
  bool merge(const Lease& lease);
  /// The addresses by which clients know the partner (option 54).
  void know_partner(std::vector<IpAddress> server_ids) { partner_ids_ = std::move(server_ids); }
  const std::vector<IpAddress>& partner_ids() const { return partner_ids_; }

  /// A lease from the store, at start, before `configure`.
  void restore(Lease lease) { leases_.put(std::move(lease)); }
  /// Behind which port an address was lent.
  void restore_port(const std::string& port, const IpAddress& address) { ports_.note(port, address); }

  Outcome handle(const Message& message, const Arrival& arrival, ServerTime now);
  /// Leases that have ended by `now`, with their new state, to be stored.
  std::vector<Lease> expire(ServerTime now);
  /// The address that was offered answers to somebody else: it rests. The row to store; nullopt when it is
  /// not ours.
  std::optional<Lease> in_use(const IpAddress& address, ServerTime now);
  /// Takes a lease away from its client before its time; nullopt when there is none to take.
  std::optional<Lease> revoke(const IpAddress& address, ServerTime now);

  /// A lease from another server's list; it replaces what is known of its address.
  void import(const Lease& lease);
  /// Whether any scope's network holds the address.
  bool serves(const IpAddress& address) const;

  /// How full each scope is.
  std::vector<PoolStatus> pools(ServerTime now) const;

  const Settings& settings() const { return settings_; }
  const LeaseTable& leases() const { return leases_; }
  /// The name in DNS for a lease's host name; empty when none is registered.
  std::string fqdn(const Lease& lease) const;

 private:
  using Network = std::vector<const Scope*>;
  struct Context;

  bool speaks_to_us(const Context& c) const;
  Outcome hold(const Context& c, MessageType type);
  /// New leases are of our own share alone.
  bool keeps_to_own_share() const { return duty_ == Duty::OwnShare || duty_ == Duty::OwnShareOnly; }
  bool is_partners_to_judge(const IpAddress& address) const;
  bool unknown_to_partner(const IpAddress& address) const;
  std::chrono::seconds promised_time(const Context& c, const Scope& scope, const IpAddress& address) const;
  Outcome discover(const Context& c);
  Outcome request(const Context& c);
  Outcome selecting(const Context& c, const IpAddress& server_id);
  Outcome init_reboot(const Context& c, const IpAddress& address);
  Outcome extend(const Context& c);
  Outcome release(const Context& c);
  Outcome decline(const Context& c);
  Outcome inform(const Context& c) const;
  Outcome lease_query(const Message& message, const Arrival& arrival, ServerTime now) const;

  void end(Lease& lease, ServerTime now) const;
  void freed(const Lease& lease);
  std::optional<Outcome> over_port_limit(const Context& c, const Scope& scope, const IpAddress& address);
  Lease lease_of(const Context& c, const IpAddress& address, const Reservation* reservation,
                 std::chrono::seconds time) const;
  std::vector<Lease> others_on_wire(const Context& c, const IpAddress& address) const;
  Outcome grant(const Context& c, const Scope& scope, const IpAddress& address, std::string why);
  Outcome refuse(const Context& c, std::string why) const;

  const Network* network_of(const Message& message, const Arrival& arrival) const;
  const Scope* scope_of(const Network& network, const IpAddress& address) const;
  bool is_ours(const IpAddress& server_id, const Context& c) const;

  Settings settings_;
  Duty duty_ = Duty::Serve;
  std::chrono::seconds reach_{600};
  bool has_partner_ = false;
  std::vector<IpAddress> partner_ids_;
  LeaseTable leases_;
  Allocator allocator_;
  PortLimits ports_;
  std::vector<Network> networks_;  ///< scopes that share a wire
};

}  // namespace lab::dhcp
