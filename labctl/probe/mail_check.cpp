#include <fmt/format.h>

#include <atomic>
#include <cctype>
#include <charconv>
#include <optional>
#include <random>
#include <thread>

#include "labctl/probe/transfer.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kBetweenLooks = 20ms;
constexpr int kNewestLooked = 10;  // a POP3 maildrop is looked through from its newest message

std::string new_token() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string message_text(const plan::MailCheck& check, const std::string& token) {
  return fmt::format(
      "From: {}\r\nTo: {}\r\nSubject: labctl check {}\r\nX-Labctl-Check: {}\r\n\r\nThis message verifies the "
      "lab and removes itself.\r\n",
      check.from, check.to, token, token);
}

/// The UIDs in an answer to UID SEARCH.
std::string found_uid(const std::string& answer) {
  const auto at = answer.find("* SEARCH ");
  if (at == std::string::npos) return {};
  const auto start = at + 9;
  auto end = start;
  while (end < answer.size() && std::isdigit(static_cast<unsigned char>(answer[end])) != 0) ++end;
  return answer.substr(start, end - start);
}

struct Reader {
  const plan::MailCheck::Server& server;
  const std::string& token;
  const Surroundings& world;

  TransferResult ask(const std::string& path, std::string command = {}, bool no_body = false) const {
    return run({.url = server.url + path,
                .user = server.user,
                .password = server.password,
                .command = std::move(command),
                .no_body = no_body},
               world.ca_file, world.patience);
  }
  /// Empty when the message was found and read whole; else what is wrong so far.
  std::string look() const { return server.url.starts_with("imap") ? look_by_imap() : look_by_pop3(); }

  std::string look_by_imap() const {
    const auto search = ask("/INBOX", "UID SEARCH HEADER X-Labctl-Check " + token);
    if (!search.ok) return search.failure;
    const auto uid = found_uid(search.body + search.headers);
    if (uid.empty()) return "the message is not in the INBOX";
    const auto read = ask("/INBOX;UID=" + uid);
    if (!read.ok) return read.failure;
    return read.body.find(token) == std::string::npos ? "the message came back without its content" : "";
  }

  std::string look_by_pop3() const {
    const auto list = ask("/");
    if (!list.ok) return list.failure;
    int newest = 0;
    for (std::size_t at = 0; at < list.body.size(); at = list.body.find('\n', at) == std::string::npos
                                                             ? list.body.size()
                                                             : list.body.find('\n', at) + 1) {
      int number = 0;
      std::from_chars(list.body.data() + at, list.body.data() + list.body.size(), number);
      newest = std::max(newest, number);
    }
    for (int number = newest; number > std::max(0, newest - kNewestLooked); --number) {
      const auto read = ask(fmt::format("/{}", number));
      if (!read.ok) return read.failure;
      if (read.body.find(token) != std::string::npos) return {};
    }
    return "the message is not in the maildrop";
  }

  void remove() const {
    if (!server.url.starts_with("imap")) return;
    const auto uid = found_uid([&] {
      const auto search = ask("/INBOX", "UID SEARCH HEADER X-Labctl-Check " + token);
      return search.body + search.headers;
    }());
    if (uid.empty()) return;
    (void)ask("/INBOX", "UID STORE " + uid + " +FLAGS.SILENT (\\Deleted)");
    (void)ask("/INBOX", "EXPUNGE");
  }
};

std::string scheme(const std::string& url) { return url.substr(0, url.find(':')); }

}  // namespace

Verdict verify(const plan::MailCheck& check, const Surroundings& world) {
  const auto began = Clock::now();
  const auto token = new_token();
  std::string ways;
  for (const auto& server : check.read) ways += (ways.empty() ? "" : " and ") + scheme(server.url);
  const auto expected = fmt::format("a message from {} with {} within {} s, read over {}", check.from,
                                    check.to, std::chrono::duration<double>(check.within).count(), ways);
  const auto sent = run({.url = check.send.url + "/probe.invalid",
                         .user = check.send.user,
                         .password = check.send.password,
                         .from = "<" + check.from + ">",
                         .to = {"<" + check.to + ">"},
                         .message = message_text(check, token)},
                        world.ca_file, world.patience);
  if (!sent.ok) return broken(fmt::format("not sent: {}", sent.failure), expected);
  const auto accepted = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  std::string missing;
  for (const auto& server : check.read) {
    const Reader reader{server, token, world};
    std::string problem;
    while (!(problem = reader.look()).empty() && Clock::now() - began < check.within)
      std::this_thread::sleep_for(kBetweenLooks);
    if (!problem.empty())
      missing += fmt::format("{}{}: {}", missing.empty() ? "" : "; ", scheme(server.url), problem);
  }
  for (const auto& server : check.read) Reader{server, token, world}.remove();
  if (!missing.empty()) return broken(fmt::format("accepted, but {}", missing), expected);
  return holds(fmt::format("accepted after {:.0f} ms, read after {:.0f} ms", accepted,
                           std::chrono::duration<double, std::milli>(Clock::now() - began).count()));
}

}  // namespace lab::probe
