/// events -- the dialogue made visible: one event per protocol step, after TLS decryption, secrets masked by
/// the caller. A daemon started by the supervisor finds $LAB_EVENTS, a folder with the datagram socket
/// `socket` and the byte `listening`; while that byte is 0 an event costs one relaxed load. Without
/// $LAB_EVENTS nothing is ever sent.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace lab::events {

enum class Direction {
  In,
  Out,
  Note
};  ///< Note: a decision explained, "offered .103: first free in lan's range"

struct Event {
  std::string_view protocol;  ///< "smtp", "imap", "dns", "dhcp", "ldap", "queue" …
  std::uint64_t session = 0;  ///< groups the steps of one dialogue within a daemon
  Direction direction = Direction::Note;
  std::string_view peer;             ///< the other end, "192.168.56.100:41234"; may be empty
  std::string_view text;             ///< one protocol line or a one-line summary; truncated at 4 KiB
  std::string_view message_id = {};  ///< mail only: ties the steps of one message together
};

/// Whether anyone listens; ask before building an expensive text.
bool listening() noexcept;
/// Sends the event as one JSON datagram; never blocks, drops it when the reader is slow. Safe from any
/// thread.
void emit(const Event& event) noexcept;

}  // namespace lab::events
