#include "dns/tcp.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/asio_address.hpp"
#include "dns/describe.hpp"

namespace lab::dns {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

struct TcpLimits {
  static constexpr std::size_t kFirstRead = 4096;  // a connection that asks one thing needs no more
  static constexpr std::size_t kLongest = 2 + kMaxMessage;
  static constexpr std::size_t kWriteAt = 64 * 1024;  // answers gathered for one write
  static constexpr int kBacklog = 511;
};

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

std::uint64_t seconds_now() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

// One connection: reads length-prefixed messages, answers each, writes the answers of what was read together.
class TcpConnection {
 public:
  TcpConnection(TcpServer& server, tcp::socket socket, const Endpoint& peer)
      : server_(server), socket_(std::move(socket)), peer_(peer), in_(TcpLimits::kFirstRead) {
    server_.connections_.insert(this);
  }
  ~TcpConnection() {
    server_.connections_.erase(this);
    const auto client = server_.per_client_.find(peer_.address);
    if (--client->second == 0) server_.per_client_.erase(client);
  }

  asio::awaitable<void> run() {
    while (!closing_) {
      if (filled_ == in_.size()) in_.resize(std::min(in_.size() * 4, TcpLimits::kLongest));
      const auto [error, n] =
          co_await socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_), kResult);
      if (error) co_return;
      filled_ += n;
      std::size_t at = 0;
      while (filled_ - at >= 2) {
        const std::size_t size = get16(&in_[at]);
        if (filled_ - at - 2 < size) break;
        Request request;
        const Outcome outcome = answer({&in_[at + 2], size}, request);
        if (outcome.action == Action::Drop)
          co_return;  // no question: whoever sends this speaks something else
        const bool zone =
            request.opcode == Opcode::Query && (request.qtype == type::AXFR || request.qtype == type::IXFR);
        if (zone && outcome.action != Action::Reply) {
          if (!co_await transfer(request)) co_return;
        } else if (outcome.action != Action::Reply) {
          co_await handle(outcome, request);
        }
        at += 2 + size;
        if (out_.size() >= TcpLimits::kWriteAt && !co_await flush()) co_return;
      }
      std::copy(in_.begin() + static_cast<std::ptrdiff_t>(at),
                in_.begin() + static_cast<std::ptrdiff_t>(filled_), in_.begin());
      filled_ -= at;
      if (!co_await flush()) co_return;
    }
  }

  // Nothing complete came and nothing was written for the idle time: silence, or a sender that drips bytes.
  bool idle(Clock::time_point now) const { return now - active_ > server_.config_.idle; }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  /// Ends after what has been asked is answered.
  void finish() {
    closing_ = true;
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_receive, ignored);
  }

 private:
  // Answers from the zones, where that is possible at once; else says what has to be done.
  Outcome answer(std::span<const std::uint8_t> bytes, Request& request) {
    active_ = Clock::now();
    const auto zones = server_.reader_.hold();
    const Outcome outcome =
        respond(*zones, server_.service_.options(), server_.service_.asker(Transport::Tcp, peer_.address),
                bytes, server_.scratch_, request);
    if (outcome.action == Action::Reply) append(request, std::span(server_.scratch_).first(outcome.size));
    return outcome;
  }

  // A zone, message by message, as fast as the other side takes them.
  asio::awaitable<bool> transfer(const Request& request) {
    TransferAnswer answer = server_.service_.transfer(request, {peer_, Transport::Tcp, {}});
    if (!answer.stream) {
      append(request, answer.reply);
      co_return true;
    }
    std::vector<std::uint8_t> buffer(kMaxMessage), message;
    const std::size_t reserve = answer.tsig ? answer.tsig->key()->signature_size() : 0;
    while (const std::size_t size = answer.stream->next(buffer, reserve)) {
      message.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
      if (answer.tsig) answer.tsig->sign(message, seconds_now());
      frame(message);
      if (out_.size() >= TcpLimits::kWriteAt && !co_await flush()) co_return false;
    }
    if (events::listening())
      server_.service_.tell(request,
                            fmt::format("NOERROR, authoritative: {} records", answer.stream->records()),
                            peer_, Transport::Tcp);
    co_return true;
  }

  // What takes its time: an update waits for the disk.
  asio::awaitable<void> handle(Outcome outcome, Request& request) {
    const std::vector<std::uint8_t> reply =
        co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::vector<std::uint8_t>)>(
            [&](auto handler) {
              auto shared = std::make_shared<decltype(handler)>(std::move(handler));
              server_.service_.handle(
                  outcome.action, request, std::span(server_.scratch_).first(outcome.size),
                  {peer_, Transport::Tcp, {}},
                  [shared, executor = server_.executor_](std::vector<std::uint8_t> bytes_of_reply) {
                    asio::post(executor, [shared, bytes = std::move(bytes_of_reply)]() mutable {
                      std::move (*shared)(std::move(bytes));
                    });
                  });
            },
            asio::use_awaitable);
    append(request, reply);
  }

  void append(const Request& request, std::span<const std::uint8_t> reply) {
    if (events::listening()) server_.service_.tell(request, describe_response(reply), peer_, Transport::Tcp);
    frame(reply);
  }

  void frame(std::span<const std::uint8_t> message) {
    std::uint8_t length[2];
    put16(length, static_cast<std::uint16_t>(message.size()));
    out_.insert(out_.end(), length, length + 2);
    out_.insert(out_.end(), message.begin(), message.end());
  }

  asio::awaitable<bool> flush() {
    if (out_.empty()) co_return true;
    const auto [error, n] = co_await asio::async_write(socket_, asio::buffer(out_), kResult);
    out_.clear();
    if (out_.capacity() > 2 * TcpLimits::kWriteAt) out_.shrink_to_fit();
    active_ = Clock::now();
    co_return !error;
  }

  TcpServer& server_;
  tcp::socket socket_;
  Endpoint peer_;
  Clock::time_point active_ = Clock::now();
  std::vector<std::uint8_t> in_, out_;
  std::size_t filled_ = 0;
  bool closing_ = false;
};

TcpServer::TcpServer(asio::any_io_executor executor, Service& service, const std::vector<Endpoint>& listen,
                     const TcpConfig& config)
    : executor_(executor),
      service_(service),
      config_(config),
      sweeper_(executor),
      scratch_(kMaxMessage),
      reader_(service.zones()) {
  for (const Endpoint& at : listen) {
    try {
      tcp::acceptor& acceptor = acceptors_.emplace_back(executor);
      const tcp::endpoint endpoint = to_tcp(at);
      acceptor.open(endpoint.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      if (!at.address.is_v4()) acceptor.set_option(asio::ip::v6_only(true));
      acceptor.bind(endpoint);
      acceptor.listen(TcpLimits::kBacklog);
    } catch (const boost::system::system_error& e) {
      throw std::system_error(e.code().value(), std::generic_category(),
                              "cannot listen on " + at.text() + " (TCP)");
    }
  }
}

TcpServer::~TcpServer() = default;

void TcpServer::start() {
  for (auto& acceptor : acceptors_) spawn(executor_, "dns over tcp", accept(acceptor));
}

void TcpServer::stop(std::function<void()> done) {
  for (auto& acceptor : acceptors_) {
    boost::system::error_code ignored;
    acceptor.close(ignored);
  }
  for (TcpConnection* c : connections_) c->finish();
  gate_.close(std::move(done));
}

bool TcpServer::admit(const Endpoint& peer) {
  const auto client = per_client_.find(peer.address);
  const bool room = connections_.size() < config_.connections &&
                    (client == per_client_.end() || client->second < config_.connections_per_client);
  if (!room)
    log::warning("{}: TCP connection refused: {} are open, {} from this client", peer.text(),
                 connections_.size(), client == per_client_.end() ? 0 : client->second);
  return room;
}

asio::awaitable<void> TcpServer::accept(tcp::acceptor& acceptor) {
  asio::steady_timer pause(executor_);
  while (acceptor.is_open()) {
    tcp::socket socket(executor_);
    tcp::endpoint from;
    const auto [error] = co_await acceptor.async_accept(socket, from, kResult);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of descriptors, most often: connections that end make room.
      log::warning("accepting over TCP: {}", error.message());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kResult);
      continue;
    }
    const Endpoint peer = from_asio(from);
    auto pass = gate_.enter();
    if (!pass || !admit(peer)) continue;
    ++per_client_[peer.address];
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    spawn(executor_, "dns over tcp with " + peer.text(), serve(std::move(socket), peer, std::move(pass)));
    if (!sweeping_) sweep();
  }
}

asio::awaitable<void> TcpServer::serve(tcp::socket socket, Endpoint peer, [[maybe_unused]] Gate::Pass pass) {
  TcpConnection connection(*this, std::move(socket), peer);
  co_await connection.run();
}

// One timer for all connections, and none while there is no connection: cheaper than a deadline for each
// read.
void TcpServer::sweep() {
  sweeping_ = true;
  sweeper_.expires_after(std::clamp<std::chrono::milliseconds>(
      config_.idle / 4, std::chrono::milliseconds(50), std::chrono::milliseconds(1000)));
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    sweeping_ = false;
    if (error) return;
    const auto now = Clock::now();
    for (TcpConnection* c : connections_)
      if (c->idle(now)) c->close();
    if (!connections_.empty() && gate_.inside() > 0) sweep();
  });
}

}  // namespace lab::dns
