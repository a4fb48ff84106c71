/// allocator -- chooses the address a client gets, and says why in a sentence (RFC 2131 4.3.1): its
/// reservation, the address it has or had, the one it asks for, one nobody ever had, and last the one free
/// for longest. Constant time however many addresses a scope has.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dhcp/lease_table.hpp"
#include "dhcp/settings.hpp"

namespace lab::dhcp {

/// Who asks, in the terms the allocator decides by.
struct Claimant {
  ClientKey client;      ///< as the scope matches it
  std::string hardware;  ///< hardware type, then the address
  std::optional<MacAddress> mac;
  std::optional<Bytes> client_id;   ///< option 61 as sent
  std::optional<Bytes> circuit;     ///< the relay's port (option 82, sub-option 1)
  std::optional<IpAddress> wanted;  ///< option 50
};

/// Of two servers that share a pool, each has a half for new clients while it does not hear the other.
enum class Share : std::uint8_t { Whole, Lower, Upper };

struct Choice {
  IpAddress address;
  const Scope* scope = nullptr;
  const Reservation* reservation = nullptr;
  std::string why;
};

class Allocator {
 public:
  explicit Allocator(const LeaseTable& leases) : leases_(leases) {}

  /// Takes effect with the next `configure`.
  void share(Share share) { share_ = share; }
  /// While set, new clients get addresses of our own share only, and what another client's lease has held is
  /// not free though its time has run out: the partner may have renewed it. `strictly`: nor are addresses of
  /// the partner's share for the clients we know them with.
  void keep_to_own_share(bool keep, bool strictly) {
    own_only_ = keep;
    strictly_ = strictly;
  }
  bool in_own_share(const IpAddress& address) const;

  /// Takes the scopes (which must outlive the next call) and looks at the table for what is free.
  void configure(const std::vector<Scope>& scopes);

  /// `network`: the scopes that share the client's wire, in order. Nullopt: nothing is left.
  std::optional<Choice> choose(const std::vector<const Scope*>& network, const Claimant& who, ServerTime now);

  /// The client's reservation in the scope; nullptr without one.
  const Reservation* reservation(const Scope& scope, const Claimant& who) const;
  /// Whether the scope may give `who` this address: its reservation, or lent by a range and nobody else's.
  bool may_have(const Scope& scope, const IpAddress& address, const Claimant& who, ServerTime now) const;

  /// The address is free again: it goes to the end of the queue.
  void freed(const IpAddress& address);

 private:
  struct Part {
    AddressRange range;
    bool own = true;
  };
  struct Pool {
    const Scope* scope = nullptr;
    std::vector<Part> parts;  ///< the scope's ranges, our own share before the partner's
    std::size_t part = 0;     ///< the one being walked
    std::uint64_t next = 0;  ///< offset in it of the next address never lent
    std::deque<std::uint32_t> free_again;
    std::map<MacAddress, const Reservation*> by_mac;
    std::map<Bytes, const Reservation*> by_client_id, by_circuit;
    std::unordered_map<std::uint32_t, const Reservation*> by_address;
  };
  Pool* pool_of(const Scope& scope);
  const Pool* pool_of(const Scope& scope) const;
  const Reservation* reservation(const Pool& pool, const Claimant& who) const;
  bool free_for(const Pool& pool, const IpAddress& address, const Claimant& who, ServerTime now) const;
  std::optional<IpAddress> never_lent(Pool& pool, const Claimant& who, ServerTime now);
  std::optional<IpAddress> longest_free(Pool& pool, const Claimant& who, ServerTime now);

  const LeaseTable& leases_;
  std::vector<Pool> pools_;
  Share share_ = Share::Whole;
  bool own_only_ = false, strictly_ = false;
};

}  // namespace lab::dhcp
