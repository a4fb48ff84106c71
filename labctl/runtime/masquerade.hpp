/// masquerade -- `nat:` of a router: what leaves through one interface bears that interface's address
/// (nftables, as `nft add rule ip labctl postrouting oifname eth1 masquerade` would make it). The kernel is
/// told by netlink, so that a lab needs no program for it.
#pragma once
#include <string>

#include "common/error.hpp"

namespace lab::runtime {

/// In the calling thread's network namespace; replaces what was said before. Empty: addresses stay as they
/// are.
Result<void> masquerade(const std::string& interface);

}  // namespace lab::runtime
