/// log -- one line per happening on standard error: time, level, what. The supervisor keeps it as the
/// service's log. Lines say the thing, the reason and the next step; secrets never reach them. Safe from any
/// thread.
#pragma once
#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace lab::log {

enum class Level { Debug, Info, Warning, Error };

/// Nothing below `level` is written; Info at the start.
void set_level(Level level);
bool enabled(Level level);
/// Control characters of `line` are escaped: text from the outside cannot forge a second line.
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Debug)) write(Level::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Info)) write(Level::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::Warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::Error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lab::log
