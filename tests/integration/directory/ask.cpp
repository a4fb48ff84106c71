// Asks a directory through the client, for the integration tests: a question a line on standard input,
// tab-separated
// ("auth<TAB>ali<TAB>password", "find<TAB>ali@helper.bac", "passwd<TAB>ali<TAB>old<TAB>new",
// "wait" = until all before are answered, "quit"),
// an answer a line: "auth ali Ok 12 ms groups=teachers why=". Questions run at the same time, as in a mail
// server.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "directory/client.hpp"

namespace {

using namespace lab::directory;
using Clock = std::chrono::steady_clock;

const char* name(Authentication::Outcome o) {
  constexpr const char* names[] = {"Ok",       "WrongPassword", "UnknownUser",        "Locked",
                                   "Disabled", "Expired",       "MustChangePassword", "Unavailable"};
  return names[static_cast<int>(o)];
}
const char* name(PasswordChange::Outcome o) {
  constexpr const char* names[] = {"Ok", "WrongPassword", "UnknownUser", "Denied", "Refused", "Unavailable"};
  return names[static_cast<int>(o)];
}
const char* name(Recipient::Outcome o) {
  constexpr const char* names[] = {"User", "Alias", "Unknown", "Unavailable"};
  return names[static_cast<int>(o)];
}
std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (auto& item : list) out += (out.empty() ? "" : ",") + item;
  return out;
}

class Questions {
 public:
  void begin() { ++open_; }
  void end(const std::string& line) {
    const std::scoped_lock lock(mutex_);
    std::cout << line << std::endl;
    --open_;
    none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [&] { return open_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::atomic<int> open_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: directory_ask BASE BIND_DN PASSWORD CA_FILE URL...   ('-' for none)\n");
    return 2;
  }
  auto given = [](const char* word) { return std::string(word) == "-" ? std::string() : std::string(word); };
  ClientSettings settings;
  settings.base = argv[1];
  settings.bind_dn = given(argv[2]);
  settings.password = given(argv[3]);
  settings.ca_file = given(argv[4]);
  settings.urls.assign(argv + 5, argv + argc);
  if (auto* within = std::getenv("ASK_WITHIN_MS"))
    settings.limits.request = std::chrono::milliseconds(std::atoi(within));
  if (auto* flavour = std::getenv("ASK_FLAVOUR"); flavour != nullptr && std::string(flavour) == "ad")
    settings.flavour = Flavour::ActiveDirectory;
  if (std::getenv("ASK_FOLLOW") != nullptr) settings.referrals = Referrals::Follow;
  if (auto fine = Client::check(settings); !fine) {
    std::fprintf(stderr, "%s\n", fine.error().text().c_str());
    return 2;
  }
  boost::asio::io_context io(1);
  auto work = boost::asio::make_work_guard(io);
  std::thread loop([&] { io.run(); });
  Questions questions;
  {
    Client client(io.get_executor(), settings);
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
      std::istringstream words(line);
      std::string verb, subject, password;
      std::getline(words, verb, '\t');
      std::getline(words, subject, '\t');
      std::getline(words, password);
      const auto start = Clock::now();
      auto took = [start] {
        return std::to_string((Clock::now() - start) / std::chrono::milliseconds(1)) + " ms";
      };
      if (verb == "wait") {
        questions.wait();
        std::cout << "all answered" << std::endl;
      } else if (verb == "auth") {
        questions.begin();
        client.authenticate(subject, password, [&, subject, took](Authentication a) {
          questions.end("auth " + subject + " " + name(a.outcome) + " " + took() +
                        " groups=" + joined(a.user.groups) + " why=" + a.why);
        });
      } else if (verb == "passwd") {
        questions.begin();
        const auto tab = password.find('\t');
        client.change_password(
            subject, password.substr(0, tab), password.substr(std::min(password.size(), tab + 1)),
            [&, subject](PasswordChange change) {
              questions.end("passwd " + subject + " " + name(change.outcome) + " why=" + change.why);
            });
      } else if (verb == "find") {
        questions.begin();
        client.find_recipient(subject, [&, subject, took](Recipient r) {
          questions.end("find " + subject + " " + name(r.outcome) + " " + took() + " uid=" + r.user.uid +
                        " members=" + joined(r.members) + " why=" + r.why);
        });
      }
    }
    questions.wait();
  }
  work.reset();
  loop.join();
}
