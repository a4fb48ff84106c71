/// allocator -- chooses the address or prefix an identity association gets, and says why in a sentence (RFC
/// 8415 13): its reservation, what it has or had, what it asks for, one nobody ever had, and last the one
/// free for longest. Constant time however large a range is.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dhcp/v6/lease_table.hpp"
#include "dhcp/v6/settings.hpp"

namespace lab::dhcp::v6 {

/// Scopes that share a wire, in order.
using Link = std::vector<const Scope*>;

/// Who asks, for one identity association.
struct Claimant {
  DuidKey duid;
  std::optional<MacAddress> mac;
  IaKind kind = IaKind::Addresses;
  std::uint32_t iaid = 0;
  std::vector<IaEntry> wanted;
};

struct Choice {
  IpAddress address;
  std::uint8_t length = 128;
  const Scope* scope = nullptr;
  const Reservation* reservation = nullptr;
  std::string why;
};

class Allocator {
 public:
  explicit Allocator(const LeaseTable& leases) : leases_(leases) {}

  /// Takes the scopes (which must outlive the next call) and looks at the table for what is free.
  void configure(const std::vector<Scope>& scopes);
  /// Nullopt: nothing is left.
  std::optional<Choice> choose(const Link& link, const Claimant& who, ServerTime now);
  /// The client's reservation in the scope; nullptr without one.
  const Reservation* reservation(const Scope& scope, const Claimant& who) const;
  /// Whether the scope may give `who` this address or prefix.
  bool may_have(const Scope& scope, const IpAddress& address, unsigned length, const Claimant& who,
                ServerTime now) const;
  /// The address is free again: it goes to the end of the queue.
  void freed(const Lease& lease);

 private:
  /// The addresses, or the prefixes, of one scope.
  struct Pool {
    const Scope* scope = nullptr;
    IaKind kind = IaKind::Addresses;
    std::size_t range = 0;                                      ///< the range being walked
    std::uint64_t next = 0;                                     ///< offset in it of the next one never lent
    std::deque<std::pair<IpAddress, std::uint8_t>> free_again;  ///< with the prefix's length
  };
  struct Reserved {
    const Scope* scope = nullptr;
    std::map<MacAddress, const Reservation*> by_mac;
    std::map<DuidKey, const Reservation*> by_duid;
    std::map<IpAddress, const Reservation*> by_address;  ///< prefixes too
  };
  const Reserved* reserved(const Scope& scope) const;
  bool free_for(const Scope& scope, const IpAddress& address, const Claimant& who, ServerTime now) const;
  std::optional<Choice> never_lent(Pool& pool, const Claimant& who, ServerTime now);
  std::optional<Choice> longest_free(Pool& pool, const Claimant& who, ServerTime now);

  const LeaseTable& leases_;
  std::vector<Pool> pools_;
  std::vector<Reserved> reserved_;
};

}  // namespace lab::dhcp::v6
