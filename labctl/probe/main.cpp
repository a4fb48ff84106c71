// lab-probe -- verifies promises from inside a client; see verdict.hpp for what goes in and out.
#include <curl/curl.h>
#include <fmt/core.h>

#include <atomic>
#include <boost/json.hpp>
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

constexpr unsigned kAtOnce = 8;  // most of the time of a check is waiting

void report(const plan::Check& check, const probe::Verdict& verdict, double ms) {
  static std::mutex one_line_at_a_time;
  json::object line{{"id", check.id}, {"ok", verdict.ok}, {"ms", ms}, {"got", verdict.got}};
  if (!verdict.ok) {
    line["expected"] = verdict.expected;
    line["remedy"] = verdict.remedy.empty() ? check.remedy : verdict.remedy;
  }
  const auto text = json::serialize(line) + "\n";
  const std::lock_guard lock(one_line_at_a_time);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void run(const plan::Check& check, const probe::Surroundings& world) {
  const auto began = Clock::now();
  probe::Verdict verdict;
  try {
    verdict = std::visit([&](const auto& what) { return probe::verify(what, world); }, check.what);
  } catch (const std::exception& e) {
    verdict = probe::broken(e.what(), check.title);
  }
  report(check, verdict, std::chrono::duration<double, std::milli>(Clock::now() - began).count());
}

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
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::min<std::size_t>(kAtOnce, checks->size()); ++i)
      workers.emplace_back([&] {
        for (std::size_t at = 0; (at = next++) < checks->size();) run((*checks)[at], world);
      });
  }
  std::fflush(stdout);
  // Not exit(): libldap's destructors run after OpenSSL's clean-up and would use what is gone.
  std::_Exit(0);
}
