/// alarms -- keeps a warning that repeats from flooding the log: said once, then again at most every half
/// minute with the number of times it was held back. A starving pool meets hundreds of requests a second;
/// people need one line.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dhcp/lease_table.hpp"

namespace lab::dhcp {

class Alarms {
 public:
  static constexpr std::chrono::seconds kPause{30};
  static constexpr std::size_t kRemembered =
      256;  ///< different warnings; beyond it the oldest knowledge is dropped

  /// What to write now; nullopt: nothing, it was said just before.
  std::optional<std::string> raise(const std::string& text, ServerTime now);

 private:
  struct Said {
    ServerTime last{};
    std::uint64_t held_back = 0;
  };
  std::map<std::string, Said> said_;
};

}  // namespace lab::dhcp
