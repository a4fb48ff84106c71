#include "dhcp/alarms.hpp"

#include <utility>

namespace lab::dhcp {

std::optional<std::string> Alarms::raise(const std::string& text, ServerTime now) {
  if (said_.size() >= kRemembered && !said_.contains(text)) said_.clear();
  auto [at, fresh] = said_.try_emplace(text);
  Said& said = at->second;
  if (!fresh && now - said.last < kPause) {
    ++said.held_back;
    return std::nullopt;
  }
  said.last = now;
  const auto held_back = std::exchange(said.held_back, 0);
  return held_back == 0 ? text : text + " (" + std::to_string(held_back) + " times more since then)";
}

}  // namespace lab::dhcp
