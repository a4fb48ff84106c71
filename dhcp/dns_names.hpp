/// dns_names -- which names should be in DNS and which are: follows the leases, says what to write down and
/// what to do next. A name to be removed or added outlives a restart, since its row is stored in the
/// transaction of its lease.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dhcp/lease_store.hpp"
#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class DnsNames {
 public:
  /// From the store, at start.
  void restore(const DnsName& name);
  /// `fqdn`: the name the lease should have; empty for none. Returns the rows to store with the lease.
  std::vector<DnsName> follow(const Lease& lease, const std::string& fqdn);
  /// A row as the failover partner has stored it.
  void take(const DnsName& name);
  void for_each(const std::function<void(const DnsName&)>& visit) const;
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
