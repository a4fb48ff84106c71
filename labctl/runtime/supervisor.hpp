/// supervisor -- process 1 of a lab: builds networks and nodes, starts services and clients, answers labctl
/// over the control socket, applies an edited topology, and ends everything in order. Whatever happens to it,
/// the kernel removes the lab.
#pragma once
#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/fd.hpp"

namespace lab::runtime {

struct SupervisorStart {
  plan::Plan plan;
  std::string topology_file;  ///< absolute, for people
  Fd control;   ///< bound socket of the machine's network namespace; made to listen here, so that its peers
                ///< see process 1
  Fd progress;  ///< SOCK_SEQPACKET to `labctl up`: what is happening, as JSON; its end before "up" ends the
                ///< lab
  Fd outside;   ///< the machine's network namespace, where the lab may take interfaces from (attach); else
                ///< none
};

/// Runs the lab until it is told to end. Called as process 1 of the lab's PID namespace; returns the exit
/// status.
int supervise(SupervisorStart start);

}  // namespace lab::runtime
