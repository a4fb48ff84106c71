/// limits -- every bound of an IMAP dialogue, with its reason.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lab::mail::imap {

struct Limits {
  /// A command without its literals. RFC 7162 4 asks for 8192; a client that names the UIDs of a large, torn
  /// mailbox one by one needs more.
  std::size_t line = 65536;
  /// Before log-in: nothing longer than an AUTHENTICATE line is to be said (RFC 4954 4.0 thinks of 12288 for
  /// one).
  std::size_t line_before_login = 12288;
  /// A literal that is not a message: a name, a search text, a password.
  std::size_t literal = 65536;
  std::size_t literal_before_login = 4096;
  /// Literals of one command: a command line of them must not be longer than the line limit is meant to
  /// allow.
  std::size_t literals = 100;
  /// A message to APPEND.
  std::size_t message = 64 << 20;
  /// A literal beyond the limits that is already on its way (LITERAL+) is read and thrown away up to this,
  /// then the line is cut.
  std::size_t drained = 256 << 20;
  /// Parentheses and NOTs within each other. People write three.
  int nesting = 40;
  /// Keys of one SEARCH, each asked of every message.
  std::size_t search_keys = 1000;
  std::size_t mailbox_name = 255;
  /// Wrong commands in a row before the dialogue ends.
  int errors = 20;
  int failed_logins = 3;
  /// What is gathered before it is sent: an answer of a hundred thousand lines goes out in pieces.
  std::size_t block = 65536;
  /// Rows looked at before other dialogues get their turn.
  std::uint32_t rows = 5000;

  std::chrono::seconds before_login{120};
  std::chrono::seconds idle{1860};     ///< RFC 3501 5.4: at least 30 minutes
  std::chrono::seconds transfer{300};  ///< to send or take a block
  std::chrono::seconds handshake{30};
};

}  // namespace lab::mail::imap
