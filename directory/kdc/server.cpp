#include "directory/kdc/server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/log.hpp"
#include "common/runtime.hpp"
#include "directory/folder.hpp"
#include "directory/kdc/mirror.hpp"
#include "directory/kdc/password_watch.hpp"
#include "directory/kdc/principals.hpp"
#include "directory/kdc/relay.hpp"
#include "directory/secrets.hpp"

namespace lab::directory::kdc {
namespace {

using Clock = std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> os_failure(const std::string& what, const std::string& where = {}) {
  return fail(what + ": " + std::strerror(errno), where);
}

/// A random text nobody ever types: the master key's, kept in the stash alone.
std::string random_text() {
  const auto salt = random_salt(), more = random_salt();
  std::string out;
  for (auto byte : salt) out += fmt::format("{:02x}", byte);
  for (auto byte : more) out += fmt::format("{:02x}", byte);
  return out;
}

/// Runs a program of Kerberos with `input` as its standard input; its words go to our log.
Result<void> run(std::vector<std::string> words, const std::string& input) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_failure("cannot make a pipe");
  Descriptor in(ends[0]), out(ends[1]);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return os_failure("cannot start a program", words[0]);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in.get(), STDIN_FILENO);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  in = Descriptor();
  (void)!::write(out.get(), input.data(), input.size());  // a line or two: a pipe holds that
  out = Descriptor();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return fail(fmt::format("ended with status {}", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)),
              words[0], "its words stand above");
}

Result<void> make_database(const Settings& s) {
  namespace fs = std::filesystem;
  std::error_code wrong;
  fs::create_directories(s.data, wrong);
  if (wrong) return fail("cannot make the data folder: " + wrong.message(), s.data);
  ::chmod(s.data.c_str(), 0700);
  if (auto done = write_file(s.data + "/krb5.conf", krb5_conf(s)); !done) return done;
  if (auto done = write_file(s.data + "/kdc.conf", kdc_conf(s)); !done) return done;
  if (auto done = write_file(s.data + "/acl", ""); !done) return done;
  ::setenv("KRB5_CONFIG", (s.data + "/krb5.conf").c_str(), 1);
  ::setenv("KRB5_KDC_PROFILE", (s.data + "/kdc.conf").c_str(), 1);
  for (auto& program : {s.krb5kdc, s.kdb5_util})
    if (::access(program.c_str(), X_OK) != 0)
      return fail("MIT Kerberos' server is not there", program,
                  "install it with: apt install krb5-kdc krb5-admin-server");
  // The stash is written last: without it a database was never finished.
  if (fs::exists(s.data + "/stash") && fs::exists(s.data + "/principal")) return {};
  for (auto* name : {"principal", "principal.ok", "principal.kadm5", "principal.kadm5.lock", "stash"})
    fs::remove(s.data + "/" + name, wrong);
  const auto master = random_text();
  return run({s.kdb5_util, "-r", s.realm, "create", "-s"}, master + "\n" + master + "\n");
}

struct Kdc {
  pid_t pid = -1;
  Descriptor handle;  // pidfd
};

Result<Kdc> start_kdc(const Settings& s, const ServerLimits& limits) {
  const auto pid_file = s.data + "/krb5kdc.pid";
  ::unlink(pid_file.c_str());
  const pid_t parent = ::getpid();
  Kdc kdc;
  kdc.pid = ::fork();
  if (kdc.pid < 0) return os_failure("cannot start krb5kdc");
  if (kdc.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execl(s.krb5kdc.c_str(), "krb5kdc", "-n", "-r", s.realm.c_str(), "-P", pid_file.c_str(), nullptr);
    ::_exit(127);
  }
  kdc.handle = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, kdc.pid, 0)));
  // It writes its pid once its sockets are bound.
  const auto deadline = Clock::now() + std::chrono::seconds(limits.ready_seconds);
  while (::access(pid_file.c_str(), F_OK) != 0) {
    pollfd p{kdc.handle.get(), POLLIN, 0};
    if (::poll(&p, 1, 1) > 0) return fail("krb5kdc has ended; its words stand above");
    if (Clock::now() > deadline) return fail(fmt::format("krb5kdc was not up after {} s", limits.ready_seconds));
  }
  return kdc;
}

/// The answer to one message of slapd; what it says of somebody is passed on.
std::string answer_to(std::string_view message, PasswordWatch& watch, Mirror& mirror) {
  auto reply = watch.on_message(message);
  if (!reply.password.empty())
    if (auto kept = mirror.expect(reply.uid, reply.password); !kept) {
      log::error("kerberos: {}", kept.error().text());
      return "RESULT\ncode: 80\ninfo: Kerberos cannot keep the new key\n";
    }
  if (!reply.uid.empty()) mirror.look_at(reply.uid);
  return reply.text;
}

}  // namespace

Result<int> serve(const Settings& s, const ServerLimits& limits) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Descriptor signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  drop_privileges({"cap_net_bind_service"});  // krb5kdc's
  if (auto made = make_database(s); !made) return std::unexpected(made.error());
  // Before there are threads and an open database, which are not for that process.
  auto relay = Relay::start(s.socket, limits.message_milliseconds);
  if (!relay) return std::unexpected(relay.error());
  auto principals = Principals::open(s.realm);
  if (!principals) return std::unexpected(principals.error());
  Mirror mirror(s, std::move(*principals));
  if (auto in = mirror.bring_people(); !in) return std::unexpected(in.error());
  if (auto written = mirror.write_keytabs(); !written) return std::unexpected(written.error());
  auto kdc = start_kdc(s, limits);
  if (!kdc) return std::unexpected(kdc.error());
  PasswordWatch watch(s.suffix);
  mirror.start();
  notify("READY=1");
  for (bool asked_to_stop = false;;) {
    std::array<pollfd, 3> fds{pollfd{relay->descriptor(), POLLIN, 0}, pollfd{signal_fd.get(), POLLIN, 0},
                              pollfd{kdc->handle.get(), POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return os_failure("cannot wait");
    if (fds[2].revents != 0) {
      int status = 0;
      ::waitpid(kdc->pid, &status, 0);
      if (asked_to_stop) return 0;
      return fail("krb5kdc has ended by itself; its words stand above");
    }
    if (fds[0].revents != 0 && !relay->serve([&](auto message) { return answer_to(message, watch, mirror); }))
      return fail("the process that listens to slapd has ended");
    signalfd_siginfo info{};
    while (::read(signal_fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo != SIGCHLD) {
        asked_to_stop = true;
        ::kill(kdc->pid, SIGTERM);
      }
  }
}

}  // namespace lab::directory::kdc
