/// limits -- every bound of an SMTP dialogue, with its reason. RFC 5321 4.5.3 names the sizes a server must
/// be able to take.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lab::mail::smtp {

struct Limits {
  /// RFC 5321 asks for 512; RFC 4954 4.0 for 12288 where AUTH is spoken, for a ticket may be the initial
  /// response.
  std::size_t command_line = 12288;
  /// RFC 5321 4.5.3.1.8 asks for 100 at least.
  std::size_t recipients = 1000;
  /// Wrong or unknown commands before the dialogue ends: a person types a few, a scanner many.
  int errors = 20;
  /// Wrong passwords in one dialogue.
  int failed_logins = 3;
  /// Hops a message may have behind it. RFC 5321 6.3: at least 100, so that only a loop gets there.
  int received_headers = 100;
  /// After an oversized message this much more is read and thrown away, so that the client hears why; then
  /// the line is cut.
  std::uint64_t drained = 64 << 20;
  /// A message is held in memory until it is on disk; all dialogues together get this much, then 452.
  std::uint64_t in_memory = 256 << 20;

  // RFC 5321 4.5.3.2, the server's side.
  std::chrono::seconds command{300};  ///< 4.5.3.2.7
  std::chrono::seconds block{180};    ///< of message text (the client's own limit in 4.5.3.2.5)
  std::chrono::seconds handshake{30};
};
}  // namespace lab::mail::smtp
