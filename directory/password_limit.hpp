/// password_limit -- the one limit on passwords that who stores them and who checks them must agree on.
#pragma once
#include <cstddef>

namespace lab::directory {

/// Longest password accepted, in bytes: enough for any phrase, too short to be a load.
inline constexpr std::size_t kMaxPassword = 1024;

}  // namespace lab::directory
