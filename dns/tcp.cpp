#include "dns/tcp.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/asio_address.hpp"
#include "dns/describe.hpp"
#include "dns/framing.hpp"
#include "dns/https.hpp"

namespace lab::dns {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

struct TcpLimits {
  static constexpr std::size_t kWriteAt = 64 * 1024;  // answers gathered for one write
  static constexpr int kBacklog = 511;
  static constexpr unsigned kOutstanding = 100;           // questions of one connection that others are asked
  static constexpr std::chrono::seconds kComplaints{10};  // between log lines about too many connections
};

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

std::uint64_t seconds_now() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

asio::awaitable<void> Connection::wait() {
  waiting_.emplace(server_.executor(), Clock::time_point::max());
  co_await waiting_->async_wait(kResult);
  waiting_.reset();
}

void Connection::wake() {
  if (waiting_) waiting_->cancel();
}

asio::awaitable<bool> Connection::flush() {
  while (writing_) co_await wait();
  writing_ = true;
  while (!broken_) {
    sending_.clear();
    gather(sending_);
    if (sending_.empty()) break;
    const bool written = co_await stream_.write(sending_);
    broken_ = !written;
    active_ = Clock::now();
    if (sending_.capacity() > 2 * TcpLimits::kWriteAt) sending_ = {};
  }
  writing_ = false;
  wake();
  co_return !broken_;
}

asio::awaitable<void> Connection::wait_for_replies(unsigned most) {
  while (outstanding_ > most) co_await wait();
}

// Replies come on any thread, and may come when the connection has gone.
void Connection::hand_over(const Outcome& outcome, const Request& request, std::uint32_t number) {
  ++outstanding_;
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  server_.service().handle(
      outcome.action, request, server_.reply(outcome), {peer_, server_.transport(), {}, server_.view()},
      [weak = weak_from_this(), executor = server_.executor(), number, message = std::move(message),
       &metrics = server_.service().metrics(), begin = Clock::now()](std::vector<std::uint8_t> reply) {
        metrics.late_answer(reply, Clock::now() - begin);
        asio::post(executor, [weak, number, message, reply = std::move(reply)]() mutable {
          const auto self = weak.lock();
          if (!self) return;
          --self->outstanding_;
          if (events::listening()) {
            Request again;
            parse_request(message, again);
            self->tell(again, reply);
          }
          self->answered(number, std::move(reply));
          self->wake();
          if (self->writing_) return;  // whoever writes finds it
          spawn(self->server_.executor(), "dns reply",
                [](std::shared_ptr<Connection> c) -> asio::awaitable<void> { co_await c->flush(); }(self));
        });
      });
}

void Connection::tell(const Request& request, std::span<const std::uint8_t> reply) const {
  if (events::listening())
    server_.service().tell(request, describe_response(reply), peer_, server_.transport());
}

namespace {

// Messages behind their lengths: DNS over TCP and over TLS.
class FramedConnection final : public Connection {
 public:
  using Connection::Connection;

  asio::awaitable<void> run() override {
    while (!finishing_) {
      const std::size_t n = co_await stream_.read_some(frames_.room());
      if (n == 0) break;
      frames_.filled(n);
      while (const auto message = frames_.next()) {
        active_ = Clock::now();
        Request request;
        const Outcome outcome = server_.respond(peer_, *message, request);
        if (outcome.action == Action::Drop)
          co_return;  // no question: whoever sends this speaks something else
        const bool zone =
            request.opcode == Opcode::Query && (request.qtype == type::AXFR || request.qtype == type::IXFR);
        if (outcome.action == Action::Reply) {
          tell(request, server_.reply(outcome));
          append_frame(out_, server_.reply(outcome));
        } else if (zone) {
          if (!co_await transfer(request)) co_return;
        } else {
          // RFC 7766 6.2.1.1: what takes its time does not hold up what is asked after it.
          hand_over(outcome, request, 0);
          co_await wait_for_replies(TcpLimits::kOutstanding);
        }
        if (out_.size() >= TcpLimits::kWriteAt && !co_await flush()) co_return;
      }
      if (!co_await flush()) co_return;
    }
    co_await wait_for_replies(0);
    co_await flush();
  }

  void finish() override {
    finishing_ = true;
    stream_.stop_reading();
  }

 private:
  void gather(std::vector<std::uint8_t>& out) override { out.swap(out_); }
  void answered(std::uint32_t, std::vector<std::uint8_t> reply) override { append_frame(out_, reply); }

  // A zone, message by message, as fast as the other side takes them.
  asio::awaitable<bool> transfer(const Request& request) {
    const auto begin = Clock::now();
    TransferAnswer answer =
        server_.service().transfer(request, {.peer = peer_,
                                             .transport = server_.transport(),
                                             .key = {},
                                             .view = server_.view(),
                                             .old_tls = stream_.tls_version() == "TLSv1.2"});
    if (!answer.stream) {
      server_.service().metrics().late_answer(answer.reply, Clock::now() - begin);
      tell(request, answer.reply);
      append_frame(out_, answer.reply);
      co_return true;
    }
    std::vector<std::uint8_t> buffer(kMaxMessage), message;
    const std::size_t reserve = answer.tsig ? answer.tsig->key()->signature_size() : 0;
    while (const std::size_t size = answer.stream->next(buffer, reserve)) {
      message.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
      if (answer.tsig) answer.tsig->sign(message, seconds_now());
      append_frame(out_, message);
      if (out_.size() >= TcpLimits::kWriteAt && !co_await flush()) co_return false;
    }
    if (events::listening())
      server_.service().tell(request,
                             fmt::format("NOERROR, authoritative: {} records", answer.stream->records()),
                             peer_, server_.transport());
    co_return true;
  }

  FrameReader frames_;
  std::vector<std::uint8_t> out_;
  bool finishing_ = false;
};

}  // namespace

TcpServer::TcpServer(asio::any_io_executor executor, Service& service, Transport transport,
                     const std::vector<Endpoint>& listen, const TcpConfig& config)
    : executor_(executor),
      service_(service),
      transport_(transport),
      config_(config),
      counters_(service.metrics().counters()),
      sweeper_(executor),
      scratch_(kMaxMessage),
      view_(listen.empty() ? kMainView : service.view_at(listen.front())),
      reader_(service.zones(view_)),
      settings_(service.settings()) {
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
                              fmt::format("cannot listen on {} ({})", at.text(), transport_text(transport)));
    }
  }
}

TcpServer::~TcpServer() = default;

void TcpServer::start() {
  for (auto& acceptor : acceptors_)
    spawn(executor_, fmt::format("dns over {}", transport_text(transport_)), accept(acceptor));
}

void TcpServer::stop(std::function<void()> done) {
  for (auto& acceptor : acceptors_) {
    boost::system::error_code ignored;
    acceptor.close(ignored);
  }
  for (Connection* c : open_->connections) c->finish();
  gate_.close(std::move(done));
}

Outcome TcpServer::respond(const Endpoint& peer, std::span<const std::uint8_t> message, Request& request) {
  const auto begin = Connection::Clock::now();
  const auto zones = reader_.hold();
  const Outcome outcome =
      dns::respond(*zones, settings_.now().options, service_.asker(transport_, peer.address, view_), message,
                   scratch_, request);
  count_outcome(counters_, transport_, request, outcome, reply(outcome));
  if (outcome.action == Action::Reply) counters_.latency(Connection::Clock::now() - begin);
  return outcome;
}

std::shared_ptr<void> TcpServer::admit(const Endpoint& peer) {
  unsigned& held = open_->per_client[peer.address];
  if (open_->count >= config_.connections || held >= config_.connections_per_client) {
    counters_.event(Event::ConnectionsFull);
    if (const auto now = Connection::Clock::now(); now - complained_ > TcpLimits::kComplaints) {
      complained_ = now;
      log::warning("{}: connection over {} refused: {} are open, {} from this client", peer.text(),
                   transport_text(transport_), open_->count, held);
    }
    if (held == 0) open_->per_client.erase(peer.address);
    return nullptr;
  }
  ++held;
  ++open_->count;
  counters_.event(Event::Connections);
  return {this, [open = open_, address = peer.address](void*) {
            --open->count;
            const auto client = open->per_client.find(address);
            if (--client->second == 0) open->per_client.erase(client);
          }};
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
      log::warning("accepting over {}: {}", transport_text(transport_), error.message());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kResult);
      continue;
    }
    const Endpoint peer = from_asio(from);
    auto pass = gate_.enter();
    auto place = pass ? admit(peer) : nullptr;
    if (!place) continue;
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    spawn(executor_, fmt::format("dns over {} with {}", transport_text(transport_), peer.text()),
          serve(std::move(socket), peer, std::move(pass), std::move(place)));
    if (!sweeping_) sweep();
  }
}

std::shared_ptr<Connection> TcpServer::make_connection(Stream stream, const Endpoint& peer) {
  if (transport_ == Transport::Https) return make_https_connection(*this, std::move(stream), peer, path_);
  return std::make_shared<FramedConnection>(*this, std::move(stream), peer);
}

asio::awaitable<void> TcpServer::serve(tcp::socket socket, Endpoint peer, [[maybe_unused]] Gate::Pass pass,
                                       [[maybe_unused]] std::shared_ptr<void> place) {
  const auto connection = make_connection(Stream(std::move(socket), tls_), peer);
  const auto open = open_;
  const std::shared_ptr<void> listed(nullptr,
                                     [open, c = connection.get()](void*) { open->connections.erase(c); });
  open->connections.insert(connection.get());
  const bool greeted = co_await connection->stream().handshake();
  if (!greeted) {
    counters_.event(Event::HandshakeFailed);
    const std::string why = connection->stream().failure();
    log::info("{}: no TLS handshake over {}: {}", peer.text(), transport_text(transport_),
              why.empty() ? "the connection ended"
              : why.find("application protocol") != std::string::npos
                  ? why + " (DNS over HTTPS needs HTTP/2: ALPN 'h2')"
                  : why);
    co_return;
  }
  co_await connection->run();
  connection->stream().goodbye();
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
    const auto now = Connection::Clock::now();
    for (Connection* c : open_->connections)
      if (c->idle(now, config_.idle)) c->stream().close();
    if (open_->count > 0 && gate_.inside() > 0) sweep();
  });
}

}  // namespace lab::dns
