/// stream -- the bytes of one mail dialogue: lines in, replies out, over TCP, and over TLS once the dialogue
/// asks for it (STARTTLS, RFC 3207; STLS, RFC 2595). SMTP, POP3 and IMAP share it. Every wait has a deadline.
/// What is sent is gathered and leaves when the reader has to wait for its peer, so that pipelined commands
/// (RFC 2920) get their replies in one packet. An idle stream holds a few KiB: one small read buffer and,
/// under TLS, OpenSSL's state with its buffers released. A stream belongs to its socket's executor: call it
/// from there only.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/tls.hpp"

namespace lab {
class TlsChannel;
}

namespace lab::mail {

template <class T>
using awaitable = boost::asio::awaitable<T>;

enum class StreamError {
  Closed,       ///< the peer has ended its side
  TimedOut,     ///< the deadline passed
  LineTooLong,  ///< the line was thrown away up to its end; the dialogue may go on
  Interrupted,  ///< `interrupt()` was called while waiting for a line
  Nudged,       ///< `nudge()` was called while waiting for a line
  Broken,       ///< reset, TLS failure, an endless line; `failure()` says what
};
const char* describe(StreamError);

/// A line without its end. Valid until the next call that reads.
struct Line {
  std::string_view text;
  bool crlf = true;  ///< it ended in CR LF; false: in a bare LF
};

template <class T>
using Streamed = std::expected<T, StreamError>;

class Stream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  explicit Stream(boost::asio::ip::tcp::socket socket);
  /// Any connected stream socket; `peer` is what logs and events call the other end.
  Stream(Socket socket, std::string peer);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Two ends of one connection inside this process, for tests and internal dialogues.
  static std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pipe(
      boost::asio::any_io_executor executor);

  const std::string& peer() const { return peer_; }    ///< "192.168.56.100:41234"
  const std::string& local() const { return local_; }  ///< "192.168.56.10:25"; empty for a pipe
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }
  /// Why the stream broke, for the log.
  const std::string& failure() const { return failure_; }

  /// Reads, writes and handshakes from here on must be done within `time`, all together, until the next call.
  void expires_after(std::chrono::steady_clock::duration time);

  /// The next line of at most `limit` bytes, ended by LF or CR LF (neither counted).
  awaitable<Streamed<Line>> read_line(std::size_t limit);
  /// Waits for at least one byte more than `buffered()` holds now.
  awaitable<Streamed<void>> fill();
  /// What has arrived and was not consumed. Valid until the next call that reads.
  std::string_view buffered() const { return {in_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes);
  awaitable<Streamed<void>> read_exactly(std::span<char> into);

  /// Adds to what leaves with the next flush, or when a reader has to wait.
  void send(std::string_view text) { out_.append(text); }
  std::size_t unsent() const { return out_.size(); }
  awaitable<Streamed<void>> flush();
  /// `send`, and a flush when much has gathered: for long answers, keeps memory bounded.
  awaitable<Streamed<void>> write(std::string_view text);

  /// The server's side of the handshake. Flushes; then forgets every byte that arrived before it, for a
  /// command smuggled in front of the handshake must not be run behind it (RFC 3207 4.2; the flaw of
  /// CVE-2011-0411).
  awaitable<Streamed<void>> accept_tls(tls::Context context);
  /// The client's side. A `name` is sent as SNI and checked against the certificate if the context verifies
  /// at all.
  awaitable<Streamed<void>> connect_tls(tls::Context context, std::string name);
  bool secure() const { return tls_ != nullptr; }
  std::string tls_version() const;  ///< "TLSv1.3"; empty without TLS
  std::string tls_cipher() const;   ///< "TLS_AES_256_GCM_SHA384"; empty without TLS

  /// A reader that waits for a line, now or later, gets Interrupted, so that a drain can say goodbye. Writing
  /// still works.
  void interrupt();
  /// A reader that waits for a line, or the next one that does, gets Nudged once: there is something to say
  /// before the peer speaks (IMAP's IDLE).
  void nudge();
  /// Flushes, says goodbye (close_notify) and closes. Destroying the stream closes without either.
  awaitable<void> close();

 private:
  struct Watch;
  void arm();
  bool expired() const { return std::chrono::steady_clock::now() >= deadline_; }
  void make_room();
  awaitable<Streamed<void>> fill_from(bool interruptible);
  /// Why a reader that may be disturbed should stop waiting now.
  std::optional<StreamError> disturbed();
  awaitable<Streamed<std::size_t>> receive(std::span<char> into, bool interruptible);
  awaitable<Streamed<void>> wait_until(boost::asio::socket_base::wait_type what, bool interruptible);
  awaitable<Streamed<void>> handshake(std::unique_ptr<TlsChannel> channel);
  StreamError broken(std::string why);

  Socket socket_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<Watch> watch_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point armed_for_ = std::chrono::steady_clock::time_point::max();
  std::string peer_, local_, failure_;
  std::unique_ptr<TlsChannel> tls_;
  std::unique_ptr<char[]> in_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::string out_;
  bool interrupted_ = false;
  bool nudged_ = false;
  bool more_waiting_ = false;  // the last read filled its room: the next one takes a large buffer
};

}  // namespace lab::mail
