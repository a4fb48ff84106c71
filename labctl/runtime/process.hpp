/// process -- starts programs inside a node and says, in words, how they ended. Programs are given as
/// argument vectors; a shell is involved only where the topology's own text asks for one (`run:`).
#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::runtime {

struct Program {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path
  std::map<std::string, std::string> environment;
  std::string log_file;      ///< standard output and error are appended here
  std::string folder = "/";  ///< working directory
};

/// Forks and execs in `spaces`. A program that cannot be executed ends with status 127 and says why in its
/// log.
Result<pid_t> start(const Program& program, const Spaces& spaces);

/// "ended with status 1", "was killed by signal 9 (Killed)"
std::string ending_text(int wait_status);
/// The last lines of a file, at most `count`; long lines are cut.
std::vector<std::string> last_lines(const std::string& path, std::size_t count);
/// Proportional set size (memory counted fairly between sharers) in KiB; 0 when the process is gone.
std::uint64_t memory_kib(pid_t pid);
/// Processor time used so far, in milliseconds.
std::uint64_t cpu_ms(pid_t pid);

}  // namespace lab::runtime
