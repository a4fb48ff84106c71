#include "dhcp/partnership.hpp"

#include <utility>

namespace lab::dhcp {

const char* name(Role role) { return role == Role::Primary ? "primary" : "standby"; }

const char* name(Partnership::State state) {
  using enum Partnership::State;
  switch (state) {
    case Waiting: return "waiting";
    case CatchingUp: return "catching up";
    case InStep: return "in step";
    case Alone: return "alone";
    case Sole: return "sole";
  }
  return "";
}

bool Partnership::enter(State state, SteadyTime now) {
  since_ = now;
  return std::exchange(state_, state) != state;
}

bool Partnership::connected(SteadyTime now) {
  was_serving_ = duty() != Duty::StandBy;
  return enter(State::CatchingUp, now);
}

bool Partnership::in_step(SteadyTime now) { return state_ == State::CatchingUp && enter(State::InStep, now); }

bool Partnership::lost(SteadyTime now, bool farewell) {
  switch (state_) {
    case State::CatchingUp:
      // A fresh server that has not heard everything knows no more than before.
      if (!was_serving_ && !farewell) return enter(State::Waiting, now);
      break;
    case State::InStep: break;
    case State::Waiting:
    case State::Alone:
    case State::Sole: return false;
  }
  return enter(farewell ? State::Sole : State::Alone, now);
}

bool Partnership::declared_down(SteadyTime now) {
  if (state_ != State::Waiting && state_ != State::Alone) return false;
  return enter(State::Sole, now);
}

bool Partnership::tick(SteadyTime now) {
  if (state_ == State::Waiting && now - since_ >= limits_.startup) return enter(State::Alone, now);
  if (state_ == State::Alone && now - since_ >= limits_.partner_down) return enter(State::Sole, now);
  return false;
}

Duty Partnership::duty() const {
  switch (state_) {
    case State::Waiting: return Duty::StandBy;
    case State::CatchingUp: return was_serving_ ? Duty::OwnShare : Duty::StandBy;
    case State::InStep: return role_ == Role::Primary ? Duty::Serve : Duty::StandBy;
    case State::Alone: return Duty::OwnShare;
    case State::Sole: return Duty::Serve;
  }
  return Duty::StandBy;
}

std::string Partnership::explanation() const {
  switch (state_) {
    case State::Waiting: return "waits for the partner's leases before it answers anybody";
    case State::CatchingUp: return "hears the partner again; they exchange what each has lent";
    case State::InStep:
      return role_ == Role::Primary ? "in step with the partner: this server answers, each lease is on both disks first"
                                    : "in step with the partner: it answers, this server stands by";
    case State::Alone:
      return "does not hear the partner and answers alone: known clients keep their addresses, new ones get addresses "
             "of this server's half of each pool";
    case State::Sole: return "the partner is down: this server answers alone, from the whole pool";
  }
  return {};
}

}  // namespace lab::dhcp
