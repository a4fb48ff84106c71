#include "directory/launch.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/log.hpp"
#include "directory/apparmor.hpp"

namespace lab::directory {
namespace {

namespace fs = std::filesystem;

std::vector<char*> argv_of(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (auto& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

/// slapd's tools are slapd itself under other names (`words[0]`). Waits for it; what it says goes to standard
/// error, what it writes to `output` where that is asked for.
Result<void> run_tool(const std::string& slapd, std::vector<std::string> words, std::string* output) {
  int ends[2] = {-1, -1};
  if (output != nullptr && ::pipe2(ends, O_CLOEXEC) != 0)
    return fail(std::string("cannot make a pipe: ") + std::strerror(errno));
  auto argv = argv_of(words);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail("cannot start " + words[0] + ": " + std::strerror(errno));
  if (child == 0) {
    // Whoever stops us stops it: the next start does it again.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(output != nullptr ? ends[1] : STDERR_FILENO, STDOUT_FILENO);
    ::execv(slapd.c_str(), argv.data());
    ::_exit(127);
  }
  if (output != nullptr) {
    ::close(ends[1]);
    std::array<char, 65536> buffer;
    for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) != 0;)
      if (n > 0)
        output->append(buffer.data(), static_cast<std::size_t>(n));
      else if (errno != EINTR)
        break;
    ::close(ends[0]);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  if (WIFSIGNALED(status)) return fail(fmt::format("{} was killed by signal {}", words[0], WTERMSIG(status)));
  return fail(fmt::format("{} ended with status {}", words[0], WEXITSTATUS(status)), words.back(),
              "its words stand above");
}

}  // namespace

Result<std::string> usable_slapd(const std::string& installed, const std::string& folder) {
  if (::access(installed.c_str(), X_OK) != 0)
    return fail("slapd cannot be run: " + std::string(std::strerror(errno)), installed,
                "install it with: apt install slapd");
  if (!confines(read_apparmor_facts(), installed)) return installed;
  const auto copy = folder + "/slapd";
  std::error_code wrong;
  fs::copy_file(installed, copy, fs::copy_options::update_existing, wrong);
  if (wrong)
    return fail("AppArmor's profile keeps " + installed + " away from " + folder +
                    ", and a copy outside of it cannot be made: " + wrong.message(),
                copy, "sudo aa-complain " + installed + " lifts it");
  log::info("AppArmor confines {} to /var/lib/ldap: running the copy {}", installed, copy);
  return copy;
}

void prepare_environment(unsigned connections, const Kerberos* kerberos) {
  // slapd makes a table with a row for each file it may open, 400 bytes and more, and touches all of it:
  // where the limit is 2^20 and higher, as containers set it, that is 700 MB or an abort.
  constexpr rlim_t kOwnFiles = 32;  // database, listeners, logs
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, connections + kOwnFiles);
  files.rlim_max = files.rlim_cur;
  ::setrlimit(RLIMIT_NOFILE, &files);
  // Cyrus SASL would load every mechanism of the machine, Kerberos and a database library with them: 2 MB, 4
  // ms. EXTERNAL, which is all we use without a realm, needs none.
  if (kerberos == nullptr) {
    ::setenv("SASL_PATH", "/nonexistent", 1);
  } else {
    ::setenv("KRB5_KTNAME", kerberos->keytab.c_str(), 1);
    // Tickets that were shown are remembered beside the keys; the library's own place is outside of the lab.
    ::setenv("KRB5RCACHENAME", ("file2:" + kerberos->keytab + ".replay").c_str(), 1);
  }
  // Argon2 takes 1 MiB for a moment. Given back to the kernel and fetched anew for each bind, as a mapping of its own,
  // that would cost eight times what the hash itself does; one arena that keeps a little is as small.
  ::setenv("MALLOC_MMAP_THRESHOLD_", "4194304", 1);
  ::setenv("MALLOC_TRIM_THRESHOLD_", "2097152", 1);
  ::setenv("MALLOC_ARENA_MAX", "1", 1);
}

Result<void> run_slapadd(const std::string& slapd, const std::string& conf, const std::string& ldif) {
  // "-w": with the mark (contextCSN) from which those who follow changes begin.
  return run_tool(slapd, {"slapadd", "-q", "-w", "-f", conf, "-l", ldif}, nullptr);
}

Result<std::string> run_slapcat(const std::string& slapd, const std::string& conf) {
  std::string ldif;
  if (auto done = run_tool(slapd, {"slapcat", "-o", "ldif-wrap=no", "-f", conf}, &ldif); !done)
    return std::unexpected(done.error());
  return ldif;
}

Error become_slapd(const std::string& slapd, const std::string& conf, const std::string& urls) {
  // "-d none" keeps it in the foreground and lets it say only what must be said; "-s 0": nothing to syslog.
  std::vector<std::string> words{"slapd", "-d", "none", "-s", "0", "-f", conf, "-h", urls};
  auto argv = argv_of(words);
  ::execv(slapd.c_str(), argv.data());
  return Error{std::string("cannot run slapd: ") + std::strerror(errno), slapd, ""};
}

}  // namespace lab::directory
