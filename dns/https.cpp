#include "dns/https.hpp"

#include "dns/doh.hpp"

namespace lab::dns {

namespace asio = boost::asio;

namespace {

class HttpsConnection final : public Connection {
 public:
  HttpsConnection(TcpServer& server, Stream stream, const Endpoint& peer, const std::string& path)
      : Connection(server, std::move(stream), peer), session_(path) {}

  asio::awaitable<void> run() override {
    std::vector<std::uint8_t> buffer(kRead);
    // Nothing is said before the client has: one that speaks HTTP/1.1 shall be able to read the answer.
    while (!session_.finished()) {
      const std::size_t n = co_await stream_.read_some(buffer);
      if (n == 0 || !session_.receive(std::span(buffer).first(n))) break;
      while (const auto question = session_.next()) take(*question);
      count_errors();
      if (!co_await flush()) co_return;
    }
    count_errors();
    co_await wait_for_replies(0);
    co_await flush();
  }

  void finish() override {
    session_.close();
    stream_.stop_reading();
  }

 private:
  static constexpr std::size_t kRead = 16 * 1024;  // a TLS record

  void take(const DohSession::Question& question) {
    active_ = Clock::now();
    Request request;
    const Outcome outcome = server_.respond(peer_, question.message, request);
    if (outcome.action == Action::Drop) return session_.refuse(question.stream);
    if (outcome.action != Action::Reply)
      return hand_over(outcome, request, static_cast<std::uint32_t>(question.stream));
    const auto reply = server_.reply(outcome);
    tell(request, reply);
    session_.answer(question.stream, {reply.begin(), reply.end()});
  }

  void gather(std::vector<std::uint8_t>& out) override { session_.send(out); }
  void answered(std::uint32_t stream, std::vector<std::uint8_t> reply) override {
    session_.answer(static_cast<std::int32_t>(stream), std::move(reply));
  }

  void count_errors() {
    server_.counters().event(Event::HttpErrors, session_.errors() - counted_);
    counted_ = session_.errors();
  }

  DohSession session_;
  std::uint64_t counted_ = 0;
};

}  // namespace

std::shared_ptr<Connection> make_https_connection(TcpServer& server, Stream stream, const Endpoint& peer,
                                                  const std::string& path) {
  return std::make_shared<HttpsConnection>(server, std::move(stream), peer, path);
}

}  // namespace lab::dns
