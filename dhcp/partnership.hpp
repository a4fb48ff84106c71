/// partnership -- what each of two servers that share a network may do, by what it hears from the other (hot
/// standby). The primary answers while both are in step; the standby keeps the same leases on its own disk and is
/// silent. The rules, without sockets or clock:
///
///   waiting      just started; the partner may know of leases we do not. Silent, for `startup` at most.
///   catching up  connected; each sends what it has. Whoever was serving goes on, on its own share.
///   in step      a lease is on both disks before its ACK leaves. The primary serves.
///   alone        the partner fell silent: it may be dead, or the wire between us may be cut while both serve. Each
///                then lends new clients addresses of its own half of a pool only, and keeps what either has lent for
///                the client that has it. So nothing is given twice, whichever it was (the split-brain rule).
///   sole         the partner has said that it stops, or was silent for `partner_down`, or a person said that it is
///                down: the whole pool is ours.
///
/// No number of unanswered clients is waited for: in a class of three nobody may be asking just now.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "dhcp/server.hpp"

namespace lab::dhcp {

/// Time on a clock that nobody can set.
using SteadyTime = std::chrono::milliseconds;

enum class Role : std::uint8_t { Primary = 0, Standby = 1 };
const char* name(Role);

struct PartnershipLimits {
  std::chrono::milliseconds startup{2000};  ///< how long a fresh server waits for the partner's leases
  std::chrono::milliseconds silence{3000};  ///< the partner says something each third of it
  std::chrono::milliseconds partner_down{std::chrono::minutes(5)};
};

class Partnership {
 public:
  enum class State { Waiting, CatchingUp, InStep, Alone, Sole };

  Partnership(Role role, PartnershipLimits limits, SteadyTime now)
      : role_(role), limits_(limits), since_(now) {}

  /// Each returns whether the state has changed.
  bool connected(SteadyTime now);
  /// Both have each other's leases on disk.
  bool in_step(SteadyTime now);
  /// `farewell`: it has said that it stops.
  bool lost(SteadyTime now, bool farewell);
  /// A person says that the partner is down; only where it is not heard.
  bool declared_down(SteadyTime now);
  bool tick(SteadyTime now);

  State state() const { return state_; }
  Role role() const { return role_; }
  Duty duty() const;
  /// For status and log: "in step with the partner, which answers".
  std::string explanation() const;

 private:
  bool enter(State state, SteadyTime now);
  Role role_;
  PartnershipLimits limits_;
  State state_ = State::Waiting;
  bool was_serving_ = false;  ///< before the partner came back
  SteadyTime since_;
};
const char* name(Partnership::State);

}  // namespace lab::dhcp
