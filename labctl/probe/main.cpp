// lab-probe -- verifies promises from inside a client; see verdict.hpp for what goes in and out.
#include <curl/curl.h>
#include <fmt/core.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <iterator>
#include <mutex>
#include <thread>

#include "labctl/plan/json.hpp"
#include "labctl/probe/verdict.hpp"

namespace {

namespace json = boost::json;
using namespace lab;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kAtOnce = 8;  // most of the time of a check is waiting
constexpr auto kGrace = std::chrono::milliseconds(500);

void report(const plan::Check& check, const probe::Verdict& verdict, double ms) {
  json::object line{{"id", check.id}, {"ok", verdict.ok}, {"ms", ms}, {"got", verdict.got}};
  if (!verdict.ok) {
    line["expected"] = verdict.expected;
    line["remedy"] = verdict.remedy.empty() ? check.remedy : verdict.remedy;
  }
  const auto text = json::serialize(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// How long a check may take as a whole. Its parts bound themselves; this also holds where a library does not
/// (libldap's TLS handshake).
std::chrono::milliseconds bound(const plan::Check& check, const probe::Surroundings& world) {
  const auto* mail = std::get_if<plan::MailCheck>(&check.what);
  return world.patience + kGrace + (mail == nullptr ? std::chrono::milliseconds(0) : mail->within);
}

/// Runs checks side by side. One that does not come back in time is told broken and left behind: the program
/// ends without it.
class Runner {
 public:
  Runner(const std::vector<plan::Check>& checks, const probe::Surroundings& world)
      : checks_(checks), world_(world), jobs_(checks.size()) {}

  void run() {
    std::unique_lock lock(mutex_);
    while (reported_ < checks_.size()) {
      while (next_ < checks_.size() && active_ < kAtOnce) begin(next_++);
      changed_.wait_until(lock, next_deadline());
      give_up_late_ones();
    }
  }

 private:
  struct Job {
    Clock::time_point began, deadline;
    bool running = false;
  };

  void begin(std::size_t at) {
    ++active_;
    jobs_[at] = {Clock::now(), Clock::now() + bound(checks_[at], world_), true};
    std::thread([this, at] {
      const auto verdict = ask(checks_[at]);
      const std::lock_guard lock(mutex_);
      finish(at, verdict);
      changed_.notify_one();
    }).detach();
  }

  probe::Verdict ask(const plan::Check& check) const {
    try {
      return std::visit([&](const auto& what) { return probe::verify(what, world_); }, check.what);
    } catch (const std::exception& e) {
      return probe::broken(e.what(), check.title);
    }
  }

  void finish(std::size_t at, const probe::Verdict& verdict) {
    if (!jobs_[at].running) return;  // given up already
    jobs_[at].running = false;
    --active_;
    ++reported_;
    report(checks_[at], verdict,
           std::chrono::duration<double, std::milli>(Clock::now() - jobs_[at].began).count());
  }

  Clock::time_point next_deadline() const {
    auto soonest = Clock::now() + std::chrono::hours(1);
    for (const auto& job : jobs_)
      if (job.running) soonest = std::min(soonest, job.deadline);
    return soonest;
  }

  void give_up_late_ones() {
    for (std::size_t at = 0; at < jobs_.size(); ++at)
      if (jobs_[at].running && jobs_[at].deadline <= Clock::now())
        finish(at,
               probe::broken(fmt::format("no answer within {:.1f} s",
                                         std::chrono::duration<double>(bound(checks_[at], world_)).count()),
                             checks_[at].title));
  }

  const std::vector<plan::Check>& checks_;
  const probe::Surroundings& world_;
  std::vector<Job> jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0, active_ = 0, reported_ = 0;
};

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  boost::system::error_code error;
  const auto document = json::parse(input, error);
  if (error || !document.is_object() || !document.as_object().contains("checks")) {
    fmt::print(stderr,
               "lab-probe: expected {{\"ca\": …, \"checks\": […]}} on standard input; labctl check runs this "
               "program\n");
    return 2;
  }
  const auto checks = plan::checks_from_json(json::serialize(document.at("checks")));
  if (!checks) {
    fmt::print(stderr, "lab-probe: {}\n", checks.error().text());
    return 2;
  }
  probe::Surroundings world;
  if (const auto* ca = document.as_object().if_contains("ca"); ca != nullptr && ca->is_string())
    world.ca_file = ca->as_string();
  curl_global_init(CURL_GLOBAL_ALL);
  Runner(*checks, world).run();
  std::fflush(stdout);
  // Not exit(): a check left behind still runs, and libldap's destructors would use what OpenSSL's clean-up
  // has taken away.
  std::_Exit(0);
}
