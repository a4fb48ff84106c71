/// command_reader -- puts a command together from lines and literals (RFC 3501 4.3, RFC 7888) and says what
/// to read next: no I/O here. Bounds what a command may hold, little before log-in, much only for a message.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "mail/imap/limits.hpp"

namespace lab::mail::imap {

class CommandReader {
 public:
  explicit CommandReader(const Limits& limits) : limits_(limits) {}

  enum class Next {
    Complete,  ///< `text()` is a whole command
    Literal,   ///< read `literal_size()` bytes into `literal_space()`, then the next line; first send `+` if
               ///< `wants_go_ahead()`
    TooBig,    ///< the literal is refused: answer the tag; nothing of it will come
    Drain,     ///< refused, but it is on its way: throw `literal_size()` bytes away and go on reading lines,
               ///< then answer
    Hopeless,  ///< refused, and too much to wait for: close
  };
  /// One more line, its end taken off.
  Next add_line(std::string_view line, bool logged_in);
  std::size_t literal_size() const { return literal_; }
  bool wants_go_ahead() const { return go_ahead_; }
  /// Where the literal's bytes belong; grows the command by them.
  char* literal_space();
  /// The rest of a drained command is thrown away: true until its last line has been added.
  bool draining() const { return draining_; }

  const std::string& text() const { return text_; }
  /// The tag, as far as it can be told.
  std::string_view tag() const;
  void clear();

 private:
  std::size_t limit(bool logged_in) const;
  const Limits& limits_;
  std::string text_;
  std::size_t literal_ = 0, literals_ = 0, small_ = 0;
  bool go_ahead_ = false, draining_ = false;
};

}  // namespace lab::mail::imap
