/// control_client -- asks a running daemon over its control socket.
#pragma once
#include <string>

#include "common/error.hpp"

namespace lab {

/// Sends one line to the socket at `path`; all that comes back. An error when nobody answers there.
Result<std::string> ask_control(const std::string& path, const std::string& line);

}  // namespace lab
