/// lease_table -- every address and prefix the DHCPv6 server knows something about, by address and by client.
/// In memory only; lease_store.hpp writes it down.
#pragma once
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "dhcp/lease_table.hpp"
#include "dhcp/v6/identity.hpp"

namespace lab::dhcp::v6 {

/// A client's DUID, as bytes.
using DuidKey = std::string;

struct Lease {
  IaKind kind = IaKind::Addresses;
  IpAddress address;          ///< or the prefix's first
  std::uint8_t length = 128;  ///< of the prefix
  LeaseState state = LeaseState::Offered;
  DuidKey duid;
  std::uint32_t iaid = 0;
  std::optional<MacAddress> mac;
  std::string hostname;  ///< a valid label; may be empty
  ServerTime started{};  ///< first granted to this client
  ServerTime expires{};  ///< end of the lease, of the offer, or of the quarantine

  /// The second in which it ends is still its client's (see dhcp::Lease).
  bool holds(ServerTime now) const {
    return state != LeaseState::Released && state != LeaseState::Expired && now <= expires;
  }
  bool is_of(const DuidKey& client, IaKind in, std::uint32_t id) const {
    return duid == client && kind == in && iaid == id;
  }
  std::string text() const { return v6::text(kind, address, length); }
};

class LeaseTable {
 public:
  const Lease* find(const IpAddress& address) const;
  /// The client's leases of any state, in every identity association.
  std::vector<const Lease*> of_client(const DuidKey& duid) const;
  /// Adds the lease or replaces the one of the same address.
  const Lease& put(Lease lease);
  void erase(const IpAddress& address);
  std::size_t size() const { return leases_.size(); }
  /// Every lease, in no order.
  void for_each(const std::function<void(const Lease&)>& visit) const;
  /// Takes the leases whose time has ended by `now`, in order: marks active ones Expired and forgets offers;
  /// returns what they were.
  std::vector<Lease> expire(ServerTime now);

 private:
  struct Hash {
    std::size_t operator()(const IpAddress& address) const;
  };
  using Due = std::pair<std::int64_t, IpAddress>;
  void unindex(const Lease& lease);

  std::unordered_map<IpAddress, Lease, Hash> leases_;
  std::unordered_multimap<DuidKey, IpAddress> by_client_;
  /// May hold times that a renewal has outdated; they are skipped when they come up.
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace lab::dhcp::v6
