/// lease -- what a DHCP client wrote about the lease it holds.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"

namespace lab::probe {

struct Lease {
  std::string address, server, router, domain;
  std::vector<std::string> dns, search;
  /// By IPv6.
  std::vector<std::string> addresses6, dns6;
  std::string router6;
};

Result<Lease> read_lease(const std::string& file);

}  // namespace lab::probe
