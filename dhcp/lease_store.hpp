/// lease_store -- leases on disk (SQLite, one row per address). `save` answers only when the rows would
/// survive a power cut, and one commit serves all clients that wait at that moment; the server sends an ACK
/// after that answer, never before.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/store.hpp"
#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

/// Stored on disk: DO NOT CHANGE the numbers.
enum class NameState : std::uint8_t {
  ToAdd = 0,  ///< not in DNS yet
  Present = 1,
  ToRemove = 2,  ///< to be taken out of DNS, then forgotten
  Refused = 3,  ///< somebody else's name, or a zone that takes no updates: left alone until the lease changes
};

/// A name that a client has, or is to have or to lose, in DNS. Its key is address, fqdn and client.
struct DnsName {
  IpAddress address;
  std::string fqdn;
  ClientKey client;
  std::string hardware;
  NameState state = NameState::ToAdd;
  bool forget = false;  ///< the row is to be deleted
};

/// The port an address was lent to (port_limits.hpp); kept where a scope limits them.
struct LeasePort {
  IpAddress address;
  std::string port;
};

struct StoreChange {
  std::vector<Lease> leases;
  std::vector<DnsName> names;
  std::vector<LeasePort> ports = {};
  std::vector<IpAddress> forgotten = {};  ///< whose rows go: nobody ever had them
};

class LeaseStore {
 public:
  struct Content {
    std::vector<Lease> leases;
    std::vector<DnsName> names;
    std::vector<LeasePort> ports;
  };
  enum class Access {
    Own,   ///< opens or creates it; nobody else may own it meanwhile
    Read,  ///< looks at it, beside its owner or without one
  };
  /// `content` receives what the database holds.
  static Result<std::unique_ptr<LeaseStore>> open(const std::string& path, Content& content,
                                                  Access access = Access::Own);
  ~LeaseStore();

  /// Needs Access::Own. `done` is called on the writer's thread: nullptr when everything is on disk, else why
  /// not.
  void save(StoreChange change, std::function<void(const Error*)> done);
  /// The same for a client that comes alone: on the caller's thread, before this returns, when the disk is
  /// free and quick.
  void save_lone(StoreChange change, std::function<void(const Error*)> done);
  /// Only if it can be done at once, on the caller's thread: whether the change is on disk.
  bool try_save(StoreChange change);

 private:
  store::GroupCommit::Job job(StoreChange change);
  struct Statements;
  LeaseStore() = default;

  store::OwnerLock lock_;
  std::unique_ptr<Statements> statements_;  // of the jobs, of which one runs at a time
  std::unique_ptr<store::GroupCommit> commit_;
};

}  // namespace lab::dhcp
