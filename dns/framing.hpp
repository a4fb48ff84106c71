/// framing -- messages out of a stream of bytes, each behind its length (RFC 1035 4.2.2): whatever pieces the
/// network delivers them in. Knows nothing of sockets.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dns/wire.hpp"

namespace lab::dns {

class FrameReader {
 public:
  static constexpr std::size_t kFirst = 4096;  // a connection that asks one thing needs no more
  static constexpr std::size_t kLongest = 2 + kMaxMessage;

  /// Where the next bytes go; never empty.
  std::span<std::uint8_t> room();
  /// So many of them have come.
  void filled(std::size_t n) { end_ += n; }
  /// The next whole message, valid until `room` is called.
  std::optional<std::span<const std::uint8_t>> next();
  /// Bytes of a message that is not whole yet.
  std::size_t pending() const { return end_ - begin_; }

 private:
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(kFirst);
  std::size_t begin_ = 0, end_ = 0;
};

/// Appends a message of at most 64 KiB, its length before it.
void append_frame(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> message);

}  // namespace lab::dns
