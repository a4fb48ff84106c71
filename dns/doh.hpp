/// doh -- the server's side of one DNS-over-HTTPS connection (RFC 8484) without its socket: bytes in,
/// questions out; answers in, bytes out. HTTP/2 (RFC 9113) itself is nghttp2's.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lab::dns {

struct DohLimits {
  static constexpr std::uint32_t kStreams = 100;  // questions under way on one connection
  static constexpr std::size_t kHeaders =
      8192;  // bytes of one request's fields: a GET holds its question there
  static constexpr std::size_t kQuestion = 65535;  // RFC 8484 6
  static constexpr std::size_t kUnsent =
      1024 * 1024;  // answers the client does not take: then nothing more is read
};

class DohSession {
 public:
  struct Question {
    std::int32_t stream = 0;
    std::vector<std::uint8_t> message;
  };

  /// `path`: what is answered, `/dns-query`; all others are 404.
  explicit DohSession(std::string path);
  ~DohSession();

  /// Takes what came. False when this is no HTTP/2: `send` gives what is to be said about it, and then the
  /// connection ends.
  bool receive(std::span<const std::uint8_t> bytes);
  /// The next whole question. Requests that hold none have got their answer already.
  std::optional<Question> next();
  /// A DNS message as the answer to the question of this stream, if it is still wanted.
  void answer(std::int32_t stream, std::vector<std::uint8_t> message);
  /// The question was no DNS message: 400.
  void refuse(std::int32_t stream);
  /// Appends what is to be sent.
  void send(std::vector<std::uint8_t>& out);
  /// No new requests are taken (GOAWAY); those under way are answered.
  void close();
  /// Whether nothing will be read or sent any more.
  bool finished() const;
  /// Requests that held no question, so far.
  std::uint64_t errors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// base64url without padding (RFC 4648 5, RFC 8484 6); nullopt for anything else.
std::optional<std::vector<std::uint8_t>> decode_base64url(std::string_view text);

/// Seconds an HTTP cache may keep this answer: its smallest TTL, or that of its negative answer (RFC 8484
/// 5.1).
std::uint32_t freshness(std::span<const std::uint8_t> message);

}  // namespace lab::dns
