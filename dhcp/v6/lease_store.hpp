/// lease_store -- DHCPv6 leases on disk (SQLite, one row per address or prefix), with the server's own DUID,
/// which must never change while clients know it. As with DHCPv4, `save` answers only when the rows would
/// survive a power cut, and one commit serves all clients that wait at that moment.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/store.hpp"
#include "dhcp/lease_store.hpp"
#include "dhcp/v6/lease_table.hpp"

namespace lab::dhcp::v6 {

struct StoreChange {
  std::vector<Lease> leases;
  std::vector<DnsName> names;
};

class LeaseStore {
 public:
  struct Content {
    Bytes duid;  ///< the server's
    std::vector<Lease> leases;
    std::vector<DnsName> names;
  };
  enum class Access {
    Own,   ///< opens or creates it; nobody else may own it meanwhile
    Read,  ///< looks at it, beside its owner or without one
  };
  /// `content` receives what the database holds; its `duid`, when given, is kept for a new database.
  static Result<std::unique_ptr<LeaseStore>> open(const std::string& path, Content& content,
                                                  Access access = Access::Own);
  ~LeaseStore();

  /// Needs Access::Own. `done` is called on the writer's thread: nullptr when everything is on disk, else why
  /// not.
  void save(StoreChange change, std::function<void(const Error*)> done);

 private:
  struct Statements;
  LeaseStore() = default;

  store::OwnerLock lock_;
  std::unique_ptr<Statements> statements_;  // used by the writer's thread only
  std::unique_ptr<store::GroupCommit> commit_;
};

}  // namespace lab::dhcp::v6
