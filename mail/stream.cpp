#include "mail/stream.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "common/tls_channel.hpp"

namespace lab::mail {
namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kSmallBuffer = 4096;  // what an idle stream keeps; a command line fits
constexpr std::size_t kLargeBuffer = std::size_t{64} * 1024;  // what a message in flight is read with
constexpr std::size_t kFlushAt = std::size_t{64} * 1024;      // `write` gathers this much before it sends
constexpr std::size_t kEndlessLine = 1 << 20;  // more than this without a line's end is an attack, not a line

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  auto text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

std::string endpoint_text(const asio::ip::tcp::socket& socket, bool remote) {
  boost::system::error_code error;
  auto endpoint = remote ? socket.remote_endpoint(error) : socket.local_endpoint(error);
  return error ? std::string() : text_of(endpoint);
}

}  // namespace

const char* describe(StreamError error) {
  switch (error) {
    case StreamError::Closed: return "the peer closed the connection";
    case StreamError::TimedOut: return "timed out";
    case StreamError::LineTooLong: return "line too long";
    case StreamError::Interrupted: return "interrupted";
    case StreamError::Nudged: return "nudged";
    case StreamError::Broken: return "connection broken";
  }
  return "";
}

/// Outlives the stream by as much as the timer's handler does.
struct Stream::Watch {
  Stream* stream;
};

Stream::Stream(asio::ip::tcp::socket socket)
    : Stream(Socket(asio::any_io_executor(socket.get_executor())), endpoint_text(socket, true)) {
  local_ = endpoint_text(socket, false);
  boost::system::error_code ignored;
  // Replies are gathered here already; Nagle's algorithm would only delay the last one.
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_ = Socket(std::move(socket));
}

Stream::Stream(Socket socket, std::string peer)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      watch_(std::make_shared<Watch>(Watch{this})),
      peer_(std::move(peer)) {}

Stream::~Stream() = default;

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> Stream::pipe(asio::any_io_executor executor) {
  asio::local::stream_protocol::socket a(executor), b(executor);
  asio::local::connect_pair(a, b);
  return {std::make_unique<Stream>(Socket(std::move(a)), "pipe"),
          std::make_unique<Stream>(Socket(std::move(b)), "pipe")};
}

StreamError Stream::broken(std::string why) {
  failure_ = std::move(why);
  return StreamError::Broken;
}

void Stream::expires_after(steady_clock::duration time) {
  deadline_ = steady_clock::now() + time;
  // A timer that fires too early re-arms itself: a dialogue moves its deadline at each command, the timer
  // stays where it is.
  if (deadline_ < armed_for_) arm();
}

void Stream::arm() {
  armed_for_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = std::weak_ptr(watch_)](boost::system::error_code error) {
    auto watch = weak.lock();
    if (!watch || error) return;
    auto& stream = *watch->stream;
    stream.armed_for_ = steady_clock::time_point::max();
    if (!stream.expired()) return stream.arm();
    boost::system::error_code ignored;
    stream.socket_.cancel(ignored);
  });
}

void Stream::interrupt() {
  interrupted_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Stream::nudge() {
  nudged_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

std::optional<StreamError> Stream::disturbed() {
  if (interrupted_) return StreamError::Interrupted;
  if (std::exchange(nudged_, false)) return StreamError::Nudged;
  return std::nullopt;
}

awaitable<Streamed<void>> Stream::wait_until(asio::socket_base::wait_type what, bool interruptible) {
  for (;;) {
    if (expired()) co_return std::unexpected(StreamError::TimedOut);
    if (interruptible)
      if (auto why = disturbed()) co_return std::unexpected(*why);
    auto [error] = co_await socket_.async_wait(what, kTuple);
    if (!error) co_return Streamed<void>();
    if (error != asio::error::operation_aborted) co_return std::unexpected(broken(error.message()));
  }
}

awaitable<Streamed<std::size_t>> Stream::receive(std::span<char> into, bool interruptible) {
  for (;;) {
    if (expired()) co_return std::unexpected(StreamError::TimedOut);
    if (tls_) {
      auto step = tls_->read(into);
      switch (step.outcome) {
        case TlsChannel::Outcome::Done: co_return step.bytes;
        case TlsChannel::Outcome::Closed: co_return std::unexpected(StreamError::Closed);
        case TlsChannel::Outcome::Failed: co_return std::unexpected(broken(tls_->failure()));
        case TlsChannel::Outcome::WantRead:
        case TlsChannel::Outcome::WantWrite: break;
      }
      auto what = step.outcome == TlsChannel::Outcome::WantRead ? Socket::wait_read : Socket::wait_write;
      auto ready = co_await wait_until(what, interruptible);
      if (!ready) co_return std::unexpected(ready.error());
      continue;
    }
    if (interruptible)
      if (auto why = disturbed()) co_return std::unexpected(*why);
    auto [error, bytes] = co_await socket_.async_receive(asio::buffer(into.data(), into.size()), kTuple);
    if (!error) co_return bytes;
    if (error == asio::error::eof) co_return std::unexpected(StreamError::Closed);
    if (error != asio::error::operation_aborted) co_return std::unexpected(broken(error.message()));
  }
}

void Stream::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0 && end_ == capacity_) {
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  std::size_t wanted = capacity_;
  if (capacity_ == 0) wanted = kSmallBuffer;
  if (end_ == capacity_ && capacity_ > 0) wanted = std::max(capacity_ * 2, kLargeBuffer);
  if (end_ == 0 && (capacity_ > kLargeBuffer || more_waiting_)) wanted = kLargeBuffer;
  if (wanted == capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(wanted);
  if (end_ > begin_) std::memcpy(larger.get(), in_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  in_ = std::move(larger);
  capacity_ = wanted;
}

awaitable<Streamed<void>> Stream::fill_from(bool interruptible) {
  if (!out_.empty()) {
    auto flushed = co_await flush();
    if (!flushed) co_return flushed;
  }
  make_room();
  auto got = co_await receive({in_.get() + end_, capacity_ - end_}, interruptible);
  if (!got) co_return std::unexpected(got.error());
  end_ += *got;
  more_waiting_ = end_ == capacity_;
  co_return Streamed<void>();
}

awaitable<Streamed<void>> Stream::fill() { return fill_from(false); }

void Stream::consume(std::size_t bytes) {
  begin_ += std::min(bytes, end_ - begin_);
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  // Between messages a stream goes back to what a command needs.
  if (capacity_ > kLargeBuffer) {
    in_.reset();
    capacity_ = 0;
  }
}

awaitable<Streamed<Line>> Stream::read_line(std::size_t limit) {
  // An idle dialogue must not keep the buffer its last message was read with.
  if (begin_ == end_ && capacity_ > kSmallBuffer) {
    in_.reset();
    capacity_ = begin_ = end_ = 0;
  }
  std::size_t searched = 0, thrown_away = 0;
  for (;;) {
    auto bytes = buffered();
    auto end = bytes.find('\n', searched);
    if (end != std::string_view::npos) {
      bool crlf = end > 0 && bytes[end - 1] == '\r';
      auto text = bytes.substr(0, crlf ? end - 1 : end);
      begin_ += end + 1;  // not `consume`: the bytes must stay where they are
      if (thrown_away > 0 || text.size() > limit) co_return std::unexpected(StreamError::LineTooLong);
      co_return Line{text, crlf};
    }
    searched = bytes.size();
    if (bytes.size() > limit + 1) {  // one more for the CR of its end
      thrown_away += bytes.size();
      begin_ = end_ = searched = 0;
      if (thrown_away > kEndlessLine) co_return std::unexpected(broken("a line without an end"));
    }
    auto more = co_await fill_from(true);
    if (!more) co_return std::unexpected(more.error());
  }
}

awaitable<Streamed<void>> Stream::read_exactly(std::span<char> into) {
  while (!into.empty()) {
    auto ready = buffered().substr(0, into.size());
    std::copy(ready.begin(), ready.end(), into.begin());
    consume(ready.size());
    into = into.subspan(ready.size());
    if (into.empty()) break;
    auto more = co_await fill_from(false);
    if (!more) co_return more;
  }
  co_return Streamed<void>();
}

awaitable<Streamed<void>> Stream::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    auto rest = std::string_view(out_).substr(sent);
    auto wait_for = Socket::wait_write;
    if (tls_) {
      auto step = tls_->write(rest);
      switch (step.outcome) {
        case TlsChannel::Outcome::Done: sent += step.bytes; continue;
        case TlsChannel::Outcome::Closed: co_return std::unexpected(StreamError::Closed);
        case TlsChannel::Outcome::Failed: co_return std::unexpected(broken(tls_->failure()));
        case TlsChannel::Outcome::WantRead: wait_for = Socket::wait_read; break;
        case TlsChannel::Outcome::WantWrite: break;
      }
    } else {
      auto n = ::send(socket_.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n >= 0) {
        sent += static_cast<std::size_t>(n);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return std::unexpected(broken(std::strerror(errno)));
    }
    auto ready = co_await wait_until(wait_for, false);
    if (!ready) co_return ready;
  }
  out_.clear();
  if (out_.capacity() > kSmallBuffer) out_.shrink_to_fit();
  co_return Streamed<void>();
}

awaitable<Streamed<void>> Stream::write(std::string_view text) {
  send(text);
  if (out_.size() >= kFlushAt) co_return co_await flush();
  co_return Streamed<void>();
}

awaitable<Streamed<void>> Stream::handshake(std::unique_ptr<TlsChannel> channel) {
  auto flushed = co_await flush();
  if (!flushed) co_return flushed;
  begin_ = end_ = 0;
  for (;;) {
    auto step = channel->handshake();
    if (step.outcome == TlsChannel::Outcome::Done) break;
    if (step.outcome == TlsChannel::Outcome::Closed) co_return std::unexpected(StreamError::Closed);
    if (step.outcome == TlsChannel::Outcome::Failed) co_return std::unexpected(broken(channel->failure()));
    auto what = step.outcome == TlsChannel::Outcome::WantRead ? Socket::wait_read : Socket::wait_write;
    auto ready = co_await wait_until(what, false);
    if (!ready) co_return ready;
  }
  tls_ = std::move(channel);
  co_return Streamed<void>();
}

awaitable<Streamed<void>> Stream::accept_tls(tls::Context context) {
  return handshake(TlsChannel::server(context, socket_.native_handle()));
}

awaitable<Streamed<void>> Stream::connect_tls(tls::Context context, std::string name) {
  return handshake(TlsChannel::client(context, socket_.native_handle(), name));
}

std::string Stream::tls_version() const { return tls_ ? tls_->version() : std::string(); }
std::string Stream::tls_cipher() const { return tls_ ? tls_->cipher() : std::string(); }

awaitable<void> Stream::close() {
  co_await flush();
  if (tls_) tls_->shutdown();
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

}  // namespace lab::mail
