/// partner_memory -- what a server of a hot standby need not forget when it is killed and started again at
/// once: that its partner is down and the whole pool is its own. A file beside the leases, there only while
/// that is so (partnership.hpp). After more than a moment it is worth nothing: a person may have told the
/// partner by then that this server is down.
#pragma once
#include <optional>
#include <string>

#include "common/error.hpp"
#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class PartnerMemory {
 public:
  /// By the wall clock: from when on the server's own share, and the whole pool, are its to lend.
  struct Sole {
    ServerTime own_from, whole_from;
    ServerTime alive;  ///< when the server last ran
  };
  static constexpr std::chrono::seconds kWorth{60};  ///< how long after `alive` it holds

  explicit PartnerMemory(std::string path) : path_(std::move(path)) {}

  /// Nullopt when the partner was not known to be down a moment before `now`, or the file says nothing that
  /// can be read.
  std::optional<Sole> recall(ServerTime now) const;
  /// On disk when it returns without an error.
  Result<void> keep(const Sole& sole) const;
  Result<void> forget() const;

 private:
  std::string path_;
};

}  // namespace lab::dhcp
