/// imap_world -- the real session on one end of a socket pair, a client that speaks in plain strings on the
/// other.
#pragma once
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <map>
#include <thread>

#include "mail/login.hpp"
#include "mail/server_context.hpp"
#include "mail/stream.hpp"
#include "store_world.hpp"

namespace lab::mail::test {

/// Who may log in: name and password, in memory.
class People final : public Accounts {
 public:
  std::map<std::string, std::string> passwords{{"ali@helper.bac", "Ali-2026"},
                                               {"awa@helper.bac", "Awa-2026"}};
  std::uint64_t quota = 0;
  MailRules rules;
  bool serves(std::string_view) const override { return true; }
  boost::asio::awaitable<Account> authenticate(std::string name, std::string password) override {
    if (name.find('@') == std::string::npos) name += "@helper.bac";
    Account account;
    const auto found = passwords.find(name);
    account.outcome = found != passwords.end() && found->second == password ? Account::Outcome::Ok
                                                                            : Account::Outcome::Denied;
    account.user = name;
    account.quota = quota;
    account.rules = rules;
    co_return account;
  }
  boost::asio::awaitable<Account> admit(std::string principal) override {
    Account account;
    account.user = principal.substr(0, principal.find('@')) + "@helper.bac";
    account.outcome = passwords.contains(account.user) ? Account::Outcome::Ok : Account::Outcome::Denied;
    co_return account;
  }
  boost::asio::awaitable<Destination> find(Address) override { co_return Destination{}; }
  std::string welcome(const Account&) const override { return {}; }
};

/// The peer's end: blocking, with a deadline that fails the test instead of hanging it.
class Client {
 public:
  explicit Client(int descriptor) : fd_(descriptor) {
    timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Up to and with the next line that begins with `start`; literals are lines like others.
  std::string until(std::string_view start) {
    std::string out;
    for (;;) {
      auto line = this->line();
      out += line;
      if (line.empty() || line.starts_with(start)) return out;
    }
  }
  std::string line() {
    for (;;) {
      if (const auto end = in_.find('\n'); end != std::string::npos) {
        auto out = in_.substr(0, end + 1);
        in_.erase(0, end + 1);
        return out;
      }
      char buffer[65536];
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return std::exchange(in_, {});
      in_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  /// All up to the end of the connection.
  std::string rest() {
    std::string out;
    for (std::string each; !(each = line()).empty();) out += each;
    return out;
  }
  /// Sends an IMAP command and gives all that is answered, the tagged line last.
  std::string ask(std::string_view command) {
    send(std::string(command) + "\r\n");
    return until(std::string(command.substr(0, command.find(' '))) + " ");
  }

 private:
  int fd_;
  std::string in_;
};

class MailWorld {
 public:
  StoreWorld store;
  People people;

  MailWorld() : login_(people, *store, {.wrong_password_delay = std::chrono::milliseconds(0)}) {
    context.tls_required = false;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~MailWorld() {
    for (auto& stream : streams_) boost::asio::post(io_, [stream] { stream->interrupt(); });
    work_.reset();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (running_ > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(running_, 0) << "a session does not end";
    io_.stop();
    thread_.join();
  }

  /// A new connection whose server end runs `serve`.
  Client connect(Serve serve) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ++running_;
    auto stream =
        std::make_shared<Stream>(Stream::Socket(boost::asio::any_io_executor(io_.get_executor()),
                                                boost::asio::generic::stream_protocol(AF_UNIX, 0), ends[0]),
                                 "client");
    streams_.push_back(stream);
    boost::asio::co_spawn(io_, run(serve, stream), [this](std::exception_ptr error) {
      EXPECT_FALSE(error) << "an exception left the session";
      --running_;
    });
    return Client(ends[1]);
  }

 private:
  awaitable<void> run(Serve serve, std::shared_ptr<Stream> stream) { co_await serve(*stream, context, 1); }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  Login login_;

 public:
  ServerContext context{.hostname = "mail.helper.bac", .accounts = people, .login = login_, .store = *store};

 private:
  std::vector<std::shared_ptr<Stream>> streams_;
  std::atomic<int> running_ = 0;
  std::thread thread_;
};

}  // namespace lab::mail::test
