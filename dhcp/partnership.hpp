/// partnership -- what each of two servers that share a network may do, by what it hears from the other (hot
/// standby). The primary answers while both are in step; the standby keeps the same leases on its own disk
/// and is silent. The rules, without sockets or clock:
///
///   waiting      just started; the partner may know of leases we do not. Silent, for `startup` at most.
///   cut off      started, and the partner has not been heard since: it may own the whole pool by now. Leases
///   that run
///                are confirmed for the time they have left, and nothing else is given, until the partner is
///                heard or a person says that it is down.
///   catching up  connected; each sends what it has. Whoever was serving goes on, on its own share.
///   in step      a lease is on both disks before its ACK leaves. The primary serves.
///   alone        the partner fell silent: it may be dead, or the wire between us may be cut while both
///   serve. Each
///                then lends new clients addresses of its own half of a pool only, and keeps what either has
///                lent for the client that has it. So nothing is given twice, whichever it was (the
///                split-brain rule).
///   sole         the partner has said that it stops, or a person said that it is down (or it was silent for
///                `partner_down`, where that is set): the whole pool is ours, once everything has ended that
///                the partner may have promised without our knowing. Remembered on disk: who was sole a
///                moment ago is so after a restart. (After longer a person may have told the partner
///                meanwhile that we are down.)
///
/// The states are those of draft-ietf-dhc-failover-12 9 (RFC 8156 for IPv6) in a student's words; `reach` is
/// its MCLT: what one server promises without the other is never for longer. No number of unanswered clients
/// is waited for: in a class of three nobody may be asking just now.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
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
  /// After how much silence a partner counts as down without a person's word; 0: never, since it may be
  /// alive.
  std::chrono::milliseconds partner_down{0};
  std::chrono::milliseconds reach{
      std::chrono::minutes(10)};  ///< the longest promise the partner does not know of
  std::chrono::milliseconds longest{std::chrono::hours(1)};  ///< the longest lease either may have given
};

/// Since a server is sole: from when on its own share is its to lend, and from when on the partner's.
struct SoleTimes {
  SteadyTime own_from{0}, whole_from{0};
};

class Partnership {
 public:
  enum class State { Waiting, CutOff, CatchingUp, InStep, Alone, Sole };

  /// `remembered`: it was sole when it last ran, a moment ago.
  Partnership(Role role, PartnershipLimits limits, SteadyTime now, std::optional<SoleTimes> remembered = {});

  /// Each returns whether the state, or what may be lent in it, has changed.
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
  Duty duty() const { return duty_; }
  /// While sole.
  std::optional<SoleTimes> sole() const;
  /// For status and log: "in step with the partner, which answers".
  std::string explanation() const;

 private:
  bool enter(State state, SteadyTime now, SoleTimes sole = {});
  Duty duty_at(SteadyTime now) const;
  Role role_;
  PartnershipLimits limits_;
  State state_ = State::Waiting;
  Duty duty_ = Duty::StandBy;
  bool was_serving_ = false;  ///< before the partner came back
  bool blind_ = true;  ///< never in step since the start: of what the partner has lent much may be unknown
  SteadyTime since_;
  SoleTimes sole_;
};
const char* name(Partnership::State);

}  // namespace lab::dhcp
