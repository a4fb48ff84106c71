// The load of bench/directory.sh: logins of users u0, u1, … (passwords p0, p1, …) of dc=helper,dc=bac for
// some seconds.
//   raw     what libldap can do: a thread a connection, each one simple bind after another
//   client  what a mail server does: lab::directory::Client, look-up and bind, on one thread, nothing
//   remembered cached  the same with what the client remembers
// usage: bench_directory_load raw|client|cached LDAPI-PATH CONNECTIONS SECONDS USERS       prints logins per
// second
#include <ldap.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "directory/client.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  std::string socket;
  int connections, users;
  Clock::duration length;
  Clock::time_point until;
};

long raw(const Load& load) {
  std::string url = "ldapi://";
  for (const char c : load.socket) url += c == '/' ? "%2F" : std::string(1, c);
  std::atomic<long> done = 0, failed = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < load.connections; ++i)
    threads.emplace_back([&, i] {
      LDAP* ld = nullptr;
      const int version = LDAP_VERSION3;
      if (ldap_initialize(&ld, url.c_str()) != LDAP_SUCCESS) std::abort();
      ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
      std::minstd_rand random(static_cast<unsigned>(i + 1));
      while (Clock::now() < load.until) {
        const auto user = std::to_string(random() % static_cast<unsigned>(load.users));
        auto password = "p" + user;
        berval secret{password.size(), password.data()};
        const auto dn = "uid=u" + user + ",ou=people,dc=helper,dc=bac";
        const bool ok = ldap_sasl_bind_s(ld, dn.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr,
                                         nullptr) == LDAP_SUCCESS;
        ++(ok ? done : failed);
      }
      ldap_unbind_ext_s(ld, nullptr, nullptr);
    });
  threads.clear();
  return failed == 0 ? done.load() : -1;
}

long through_client(const Load& load, bool cached) {
  using namespace lab::directory;
  boost::asio::io_context io(1);
  ClientSettings settings;
  settings.urls = {"ldapi://" + load.socket};
  settings.base = "dc=helper,dc=bac";
  settings.limits.bind_connections = static_cast<std::size_t>(load.connections);
  if (!cached) settings.cache.right = std::chrono::milliseconds(0);
  Client client(io.get_executor(), settings);
  std::minstd_rand random(1);
  long done = 0, failed = 0;
  if (cached) {
    // Until everybody has been let in since the directory began to tell of changes: from then on, all are
    // known.
    for (int round = 0; round < 3; ++round) {
      int open = load.users;
      for (int user = 0; user < load.users; ++user) {
        const auto number = std::to_string(user);
        client.authenticate("u" + number, "p" + number, [&](Authentication) { --open; });
      }
      while (open > 0) io.run_one();
      io.restart();
    }
  }
  const auto until = cached ? Clock::now() + load.length : load.until;
  std::function<void()> next = [&] {
    if (Clock::now() >= until) return;
    const auto user = std::to_string(random() % static_cast<unsigned>(load.users));
    client.authenticate("u" + user, "p" + user, [&](Authentication answer) {
      ++(answer ? done : failed);
      next();
    });
  };
  for (int i = 0; i < 2 * load.connections; ++i) next();
  io.run_until(until + std::chrono::milliseconds(200));
  return failed == 0 ? done : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const double seconds = std::atof(argv[4]);
  const auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const Load load{argv[2], std::atoi(argv[3]), std::atoi(argv[5]), length, Clock::now() + length};
  const long logins = std::strcmp(argv[1], "raw") == 0
                          ? raw(load)
                          : through_client(load, std::strcmp(argv[1], "cached") == 0);
  if (logins < 0) std::fprintf(stderr, "some logins failed\n");
  std::printf("%.0f\n", static_cast<double>(logins) / seconds);
  return logins > 0 ? 0 : 1;
}
