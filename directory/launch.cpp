#include "directory/launch.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
  // Argon2 takes 1 MiB for a moment: with the threshold fixed it is given back each time; few arenas keep the
  // rest small.
  ::setenv("MALLOC_MMAP_THRESHOLD_", "262144", 1);
  ::setenv("MALLOC_TRIM_THRESHOLD_", "131072", 1);
  ::setenv("MALLOC_ARENA_MAX", "2", 1);
}

Result<void> run_slapadd(const std::string& slapd, const std::string& conf, const std::string& ldif) {
  // slapadd is slapd under another name.
  // "-w": with the mark (contextCSN) from which those who follow changes begin.
  std::vector<std::string> words{"slapadd", "-q", "-w", "-f", conf, "-l", ldif};
  auto argv = argv_of(words);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail(std::string("cannot start slapadd: ") + std::strerror(errno));
  if (child == 0) {
    // Whoever stops us stops the fill: the next start does it again.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execv(slapd.c_str(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  if (WIFSIGNALED(status))
    return fail(fmt::format("slapadd was killed by signal {}", WTERMSIG(status)), ldif);
  return fail(fmt::format("slapadd ended with status {}", WEXITSTATUS(status)), ldif,
              "its words stand above");
}

Error become_slapd(const std::string& slapd, const std::string& conf, const std::string& urls) {
  // "-d none" keeps it in the foreground and lets it say only what must be said; "-s 0": nothing to syslog.
  std::vector<std::string> words{"slapd", "-d", "none", "-s", "0", "-f", conf, "-h", urls};
  auto argv = argv_of(words);
  ::execv(slapd.c_str(), argv.data());
  return Error{std::string("cannot run slapd: ") + std::strerror(errno), slapd, ""};
}

}  // namespace lab::directory
