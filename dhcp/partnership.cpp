#include "dhcp/partnership.hpp"

#include <algorithm>
#include <utility>

namespace lab::dhcp {

const char* name(Role role) { return role == Role::Primary ? "primary" : "standby"; }

const char* name(Partnership::State state) {
  using enum Partnership::State;
  switch (state) {
    case Waiting: return "waiting";
    case CutOff: return "cut off";
    case CatchingUp: return "catching up";
    case InStep: return "in step";
    case Alone: return "alone";
    case Sole: return "sole";
  }
  return "";
}

Partnership::Partnership(Role role, PartnershipLimits limits, SteadyTime now,
                         std::optional<SoleTimes> remembered)
    : role_(role), limits_(limits), since_(now) {
  if (remembered) enter(State::Sole, now, *remembered);
}

bool Partnership::enter(State state, SteadyTime now, SoleTimes sole) {
  since_ = now;
  sole_ = sole;
  const bool moved = std::exchange(state_, state) != state;
  duty_ = duty_at(now);
  return moved;
}

bool Partnership::connected(SteadyTime now) {
  was_serving_ = duty_ != Duty::StandBy && duty_ != Duty::Hold;
  return enter(State::CatchingUp, now);
}

bool Partnership::in_step(SteadyTime now) {
  if (state_ != State::CatchingUp) return false;
  blind_ = false;
  return enter(State::InStep, now);
}

bool Partnership::lost(SteadyTime now, bool farewell) {
  switch (state_) {
    case State::CatchingUp:
      // A fresh server that has not heard everything knows no more than before.
      if (!was_serving_ || blind_) return enter(State::Waiting, now);
      // The partner may have lent what it has not told yet, but no longer than `reach`.
      if (farewell) return enter(State::Sole, now, {now, now + limits_.reach});
      return enter(State::Alone, now);
    case State::InStep:
      if (farewell) return enter(State::Sole, now, {now, now});  // and told us everything before
      return enter(State::Alone, now);
    case State::Waiting:
    case State::CutOff:
    case State::Alone:
    case State::Sole: break;
  }
  return false;
}

bool Partnership::declared_down(SteadyTime now) {
  switch (state_) {
    case State::Alone: return enter(State::Sole, now, {now, now + limits_.reach});
    case State::Waiting:
    case State::CutOff:
      // It may have been sole before it went down, and have lent of our share for `reach`, of its own for a
      // whole lease.
      return enter(State::Sole, now, {now + limits_.reach, now + std::max(limits_.reach, limits_.longest)});
    case State::CatchingUp:
    case State::InStep:
    case State::Sole: break;
  }
  return false;
}

bool Partnership::tick(SteadyTime now) {
  if (state_ == State::Waiting && now - since_ >= limits_.startup) return enter(State::CutOff, now);
  if (state_ == State::Alone && limits_.partner_down.count() > 0 && now - since_ >= limits_.partner_down)
    return declared_down(now);
  return std::exchange(duty_, duty_at(now)) != duty_;
}

Duty Partnership::duty_at(SteadyTime now) const {
  switch (state_) {
    case State::Waiting: return Duty::StandBy;
    case State::CutOff: return Duty::Hold;
    case State::CatchingUp:
      if (!was_serving_) return Duty::StandBy;
      return blind_ ? Duty::OwnShareOnly : Duty::OwnShare;
    case State::InStep: return role_ == Role::Primary ? Duty::Serve : Duty::StandBy;
    case State::Alone: return Duty::OwnShare;
    case State::Sole:
      if (now < sole_.own_from) return Duty::Hold;
      if (now < sole_.whole_from) return blind_ ? Duty::OwnShareOnly : Duty::OwnShare;
      return Duty::WholePool;
  }
  return Duty::StandBy;
}

std::optional<SoleTimes> Partnership::sole() const {
  return state_ == State::Sole ? std::optional(sole_) : std::nullopt;
}

std::string Partnership::explanation() const {
  switch (state_) {
    case State::Waiting: return "waits for the partner's leases before it answers anybody";
    case State::CutOff:
      return "has not heard the partner since it was started, and the partner may have lent any address "
             "meanwhile: leases "
             "that run are confirmed for the time they have left, and nothing new is given; if the partner "
             "is down, say "
             "partner-down (labctl leases partner-down)";
    case State::CatchingUp: return "hears the partner again; they exchange what each has lent";
    case State::InStep:
      return role_ == Role::Primary ? "in step with the partner: this server answers, each lease is on both disks first"
                                    : "in step with the partner: it answers, this server stands by";
    case State::Alone:
      return "does not hear the partner and answers alone: known clients keep their addresses, new ones get "
             "addresses "
             "of this server's half of each pool; if the partner is down, say partner-down (labctl leases "
             "partner-down)";
    case State::Sole:
      switch (duty_) {
        case Duty::Hold:
          return "the partner is down: once what it may have lent of this server's half has ended, new "
                 "clients are served "
                 "from that half";
        case Duty::OwnShare:
        case Duty::OwnShareOnly:
          return "the partner is down: this server answers alone, from its half of each pool until what the "
                 "partner may "
                 "have lent has ended, then from the whole";
        case Duty::Serve:
        case Duty::WholePool:
        case Duty::StandBy: break;
      }
      return "the partner is down: this server answers alone, from the whole pool";
  }
  return {};
}

}  // namespace lab::dhcp
