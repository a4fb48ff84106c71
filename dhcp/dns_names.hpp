/// dns_names -- which names should be in DNS and which are: follows the leases, says what to write down and
/// what to do next. A name to be removed or added outlives a restart, since its row is stored in the
/// transaction of its lease.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dhcp/lease_store.hpp"
#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

/// Of two servers' records of one lease, the one that counts.
enum class Later : std::uint8_t {
  Ours,
  Same,                 ///< both tell the same
  Partners,             ///< or we have none
  PartnersOfOurClient,  ///< and ours is an older one of the same client
};

class DnsNames {
 public:
  /// From the store, at start.
  void restore(const DnsName& name);
  /// `fqdn`: the name the lease should have; empty for none. Returns the rows to store with the lease.
  std::vector<DnsName> follow(const Lease& lease, const std::string& fqdn);
  /// A row as the failover partner has stored it.
  void take(const DnsName& name);
  /// After a time apart from the partner: makes one truth of both servers' rows about the address of `lease`,
  /// which is the record that counts. `fqdn` as in `follow`. Returns the rows to store.
  std::vector<DnsName> agree(const Lease& lease, const std::string& fqdn,
                             const std::vector<DnsName>& partners, Later later);
  /// The rows of one address.
  std::vector<DnsName> of(const IpAddress& address) const;
  /// What to do next; removals first, since an address may be waiting for its new name.
  std::optional<DnsName> next() const;
  /// The task for `name` has ended. Returns the row to store; nullopt when the name has meanwhile changed its
  /// mind.
  std::optional<DnsName> finished(const DnsName& name, bool refused);

 private:
  using Key = std::tuple<IpAddress, std::string, ClientKey>;
  static Key key(const DnsName& name) { return {name.address, name.fqdn, name.client}; }
  void set(const DnsName& name);
  std::map<Key, DnsName> names_;
  std::map<Key, NameState> pending_;  ///< those to add or to remove
};

}  // namespace lab::dhcp
