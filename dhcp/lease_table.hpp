/// lease_table -- every address ever lent, in memory: found by address and by client, expired in order of
/// time. The table is the truth while the server runs; the lease store is its image on disk. An expired lease
/// is kept, so that its client gets the same address back, until somebody else needs it.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/address.hpp"

namespace lab::dhcp {

/// Wall-clock time that never jumps while the server runs.
using ServerTime = std::chrono::sys_seconds;

/// Stored on disk: DO NOT CHANGE the numbers.
enum class LeaseState : std::uint8_t {
  Offered = 0,  ///< in memory only
  Active = 1,
  Released = 2,
  Expired = 3,
  Declined = 4,  ///< in quarantine
};
const char* name(LeaseState);

/// Who a lease belongs to, as bytes: option 61, or hardware type and address. The common option 61 (type 1
/// and the MAC) and a client without option 61 are thus the same client.
using ClientKey = std::string;

struct Lease {
  IpAddress address;
  LeaseState state = LeaseState::Offered;
  ClientKey client;
  std::string hardware;  ///< hardware type, then the address; may differ from `client`
  std::string hostname;  ///< as the client gave it, made a valid label; may be empty
  ServerTime started{};  ///< first granted to this client
  ServerTime expires{};  ///< end of the lease, of the offer, or of the quarantine
  /// When the client was last heard about it: of two servers' records of one address, the later is right.
  ServerTime touched{};

  bool operator==(const Lease&) const = default;
  /// Nobody else may have the address now. Times are whole seconds, rounded down, and a client counts from
  /// later: the second in which the lease ends is still its own.
  bool holds(ServerTime now) const {
    switch (state) {
      case LeaseState::Offered:
      case LeaseState::Active:
      case LeaseState::Declined: return now <= expires;
      case LeaseState::Released:
      case LeaseState::Expired: break;
    }
    return false;
  }
};

class LeaseTable {
 public:
  LeaseTable() : by_client_(0, Hash{&leases_}, Equal{&leases_}) {}
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  const Lease* find(const IpAddress& address) const;
  /// The client's leases, of any state: one in each network where it has been.
  std::vector<const Lease*> of_client(std::string_view client) const;
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
  using Map = std::unordered_map<std::uint32_t, Lease>;
  // The index holds addresses only and compares through the map: 60,000 leases must not cost their client
  // keys twice.
  struct Hash {
    using is_transparent = void;
    const Map* leases;
    std::size_t operator()(std::string_view client) const { return std::hash<std::string_view>()(client); }
    std::size_t operator()(std::uint32_t address) const { return (*this)(leases->at(address).client); }
  };
  struct Equal {
    using is_transparent = void;
    const Map* leases;
    const std::string& client(std::uint32_t address) const { return leases->at(address).client; }
    bool operator()(std::uint32_t a, std::uint32_t b) const { return client(a) == client(b); }
    bool operator()(std::string_view a, std::uint32_t b) const { return a == client(b); }
    bool operator()(std::uint32_t a, std::string_view b) const { return client(a) == b; }
  };
  using Due = std::pair<std::int64_t, std::uint32_t>;  // when, address

  void unindex(std::uint32_t address);

  Map leases_;
  std::unordered_multiset<std::uint32_t, Hash, Equal> by_client_;
  /// May hold times that a renewal has outdated; they are skipped when they come up.
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace lab::dhcp
